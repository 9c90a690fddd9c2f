"""A worker process: some stages, what it knows of the control log, and the turns that its models are working on."""

from __future__ import annotations

from typing import Any

from processors.replying import Answer
from schemas.catalogue import CONTROL
from schemas.events import Generated, Meta, Record
from streams.bus import Bus, Clock
from streams.control import ControlFold
from streams.generation.tasks import Made, Task
from streams.testing.simulation.hand import Hand
from streams.testing.simulation.product import Product
from streams.testing.simulation.telling import Tell
from streams.topology import SPECS

GENERATED = Generated("small@1#000000000000", "answer@1#000000000000", 10, 5, 0.1, 0.2, 0.0, "stop", "", "")


class FollowedControl(ControlFold):
    """The control log as one process sees it: up to where it was read, which is fresh for as long as it says."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        super().__init__()
        self._bus, self._clock, self._position, self._seen_at = bus, clock, 0, clock.now()
        self.follow()

    def follow(self) -> None:
        """Reads to the end."""
        place = (CONTROL, 0)
        for record in self._bus.read(place, self._position, self._bus.end(place)):
            if isinstance(record, Record):
                self.take(record)
        self._position, self._seen_at = self._bus.end(place), self._clock.now()

    def fresh(self, seconds: float) -> bool:
        return self._clock.now() - self._seen_at <= seconds * 1_000_000


class SlowGenerations:
    """The port Generations: a turn ends when the schedule has it, not before."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._ended: list[tuple[str, Made]] = []

    def submit(self, task: Task) -> None:
        self._tasks.setdefault(task.route.meta.turn_id or "", task)

    def cancel(self, turn_id: str) -> None:
        if self._tasks.pop(turn_id, None) is not None:
            self._ended.append((turn_id, Made(None, "", (), None, cancelled=True)))

    def heard(self, meta: Meta, text: str, we: bool) -> None:
        """Nothing: what is said depends on the turn alone."""

    def end(self, which: int) -> None:
        """One of the turns under way is answered, unless there is none."""
        if self._tasks:
            turn = list(self._tasks)[which % len(self._tasks)]
            task = self._tasks.pop(turn)
            text = f"The model's answer to {task.route.text!r}."
            self._ended.append((turn, Made(Answer(text), task.rungs[0], (), GENERATED)))

    def end_all(self) -> bool:
        """All turns under way are answered. Whether there were any."""
        any_there = bool(self._tasks)
        while self._tasks:
            self.end(0)
        return any_there

    def poll(self) -> list[tuple[str, Made]]:
        ended, self._ended = self._ended, []
        return ended

    @property
    def unsettled(self) -> int:
        return len(self._tasks) + len(self._ended)

    def status(self) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        self._tasks.clear()


class Worker:
    """One life of a worker. `hands`: its partitions, by stage and partition number."""

    def __init__(
        self, name: str, product: Product, names: tuple[str, ...], bus: Bus, clock: Clock, skew: int, tell: Tell
    ) -> None:
        self.name = name
        self.control = FollowedControl(bus, clock)
        self.generating = SlowGenerations()
        self.hands: dict[tuple[str, int], Hand] = {}
        self._stages = product.stages(names, self.control, clock, self.generating)
        self._make, self._bus, self._clock, self._skew, self._tell = product.hand, bus, clock, skew, tell

    def take(self, stage: str, n: int) -> Hand:
        """The partition is this worker's now: from its committed offsets, with nothing in memory but its changelog."""
        hand = self._make(
            self.name, self._bus, self._clock, self._skew, SPECS[stage], self._stages[stage], n, self._tell
        )
        self.hands[stage, n] = hand
        return hand
