"""Generation under a test's hand: turns that end when the test says so, and a cache that keeps nothing."""

from __future__ import annotations

from processors.replying import Cached
from schemas.events import Meta
from streams.generation.tasks import Made, Task


class NothingKept:
    """The port GeneratedAnswers where no answer is given twice."""

    def get(self, key: str) -> Cached | None:
        return None

    def offer(self, key: str, turn_id: str, answer: Cached, at_once: bool) -> None:
        pass

    def feedback(self, turn_id: str, score: int) -> None:
        pass


class HeldGenerations:
    """The port Generations; nothing ends by itself.

    tasks: what was handed over and has not been polled, by turn. submitted: the turns of all that ever was, in order.
    said: what was heard, as turn, text and whether we said it.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.submitted: list[str] = []
        self.cancelled: list[str] = []
        self.said: list[tuple[str | None, str, bool]] = []
        self._ended: list[tuple[str, Made]] = []

    def end(self, turn_id: str, made: Made) -> None:
        """The turn is done; the next poll says so."""
        self._ended.append((turn_id, made))

    def submit(self, task: Task) -> None:
        turn_id = task.route.meta.turn_id or ""
        if turn_id not in self.tasks:
            self.tasks[turn_id] = task
            self.submitted.append(turn_id)

    def cancel(self, turn_id: str) -> None:
        self.cancelled.append(turn_id)

    def heard(self, meta: Meta, text: str, we: bool) -> None:
        self.said.append((meta.turn_id, text, we))

    def poll(self) -> list[tuple[str, Made]]:
        ended, self._ended = self._ended, []
        for turn_id, _ in ended:
            self.tasks.pop(turn_id, None)
        return ended

    @property
    def unsettled(self) -> int:
        return len(self.tasks)

    def close(self) -> None:
        pass
