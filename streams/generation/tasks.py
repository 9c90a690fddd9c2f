"""What the generation stage hands over and gets back: a turn with the rungs that are left, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from processors.policy.compile import Rules
from processors.ports import Passage
from processors.prompting.template import PromptTemplate
from processors.replying import Answer
from schemas.events import Generated, Meta, PassedOver, ScenarioRouted


class Task(NamedTuple):
    """A turn to be generated.

    rungs: what is left of its ladder, best first, the first one generating; fast rungs may follow or lie between.
    deadline: seconds from now, when it is handed over, until the reply must be whole.
    fast: answers a fast rung, or says why not. Called in the engine's thread; quick, and it raises nothing.
    """

    route: ScenarioRouted
    rules: Rules
    template: PromptTemplate
    passages: tuple[Passage, ...]
    rungs: tuple[str, ...]
    deadline: float
    fast: Callable[[str], Answer | str]
    lane: Literal["live", "replay"] = "live"


class Made(NamedTuple):
    """What became of a task.

    answer: None where nothing but the fallback is left, or where it was cancelled; `rung` is empty then. passed: the
    rungs that were passed over, in order, of those handed over. generated: what the last model that was asked did;
    None where none was asked.
    """

    answer: Answer | None
    rung: str
    passed: tuple[PassedOver, ...]
    generated: Generated | None
    cancelled: bool = False


class Generations(Protocol):
    """Turns being generated, as the stage sees them. Thread-safe, and nothing blocks."""

    def submit(self, task: Task) -> None:
        """Takes a turn in. One that is under way already, that is submitted and not polled, is passed over."""
        ...

    def cancel(self, turn_id: str) -> None:
        """Nobody waits for the turn any more: it ends soon, as `cancelled` unless it was done. Unknown ones: nothing.

        It is polled all the same.
        """
        ...

    def heard(self, meta: Meta, text: str, we: bool) -> None:
        """Something said in a session, for the history of later turns: the customer's message, or (`we`) our reply.

        Once for each turn and speaker; of two the first counts. What the engine itself is given and makes, it knows.
        """
        ...

    def poll(self) -> list[tuple[str, Made]]:
        """Turns that ended since the last call, each once, a session's in the order in which they were submitted.

        Raises what a bug in a turn raised, then and at every later call: this is the way it becomes known.
        """
        ...

    @property
    def unsettled(self) -> int:
        """Submitted and not yet polled. Whoever submits stops at a bound of its own."""
        ...

    def status(self) -> dict[str, Any]:
        """`generating`: by tenant (`*`: every other) the models in force, their rung, fingerprint, breaker, readiness.
        """
        ...

    def close(self) -> None:
        """Calls everything off, and ends within a second; nothing is polled after it."""
        ...
