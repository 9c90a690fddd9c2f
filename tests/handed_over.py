"""Turns as the engine is handed them, for tests: a shop's article, tasks with it, and models that do as told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from processors.ladder import Speed
from processors.ports import Passage
from processors.replying import Answer
from schemas.events import ScenarioRouted
from streams.generation.models import Serving
from streams.generation.tasks import Task
from streams.testing.generation import Pause, Say, Script, ScriptedGenerator, Step
from tests.prompted import passage, shipped
from tests.unit.dialogues import START, Dialogue, heard, some_rules

RULES: Final = some_rules()
ARTICLE: Final = passage("shop", "returns-en")
GOOD: Final = "You can return unused items in their packaging within 30 days of delivery [1]. "
MORE: Final = "We pay return shipping for faulty items [1]."
BAD: Final = "We gave you a refund of 500 yuan just now."
USUAL: Final = Speed(0.2, 0.01)
_ROUTE: Final = Dialogue(RULES).says("How can I return this?", heard("other", "other"))


def a_route(turn: str = "t1", session: str = "s1", tenant: str = "shop", at: int = 1, text: str = "") -> ScenarioRouted:
    """A turn's route. at: seconds after the start at which the customer wrote."""
    began = START + at * 1_000_000
    meta = _ROUTE.meta._replace(
        event_id=f"route-{turn}", tenant_id=tenant, session_id=session, turn_id=turn, turn_started_at=began
    )
    return _ROUTE._replace(
        meta=meta._replace(occurred_at=began), lang="en", owner="generation", text=text or "How can I return this?"
    )


def no_article(rung: str) -> Answer | str:
    """Fast rungs that have nothing."""
    return "no_article"


def knows(rung: str) -> Answer | str:
    """Fast rungs that always answer."""
    return Answer(f"by {rung}")


def a_task(
    route: ScenarioRouted | None = None,
    rungs: Sequence[str] = ("large_model", "small_model", "knowledge"),
    deadline: float = 10.0,
    fast: Callable[[str], Answer | str] = no_article,
    passages: tuple[Passage, ...] = (ARTICLE,),
) -> Task:
    """A turn to be generated."""
    return Task(route or a_route(), RULES, shipped(), passages, tuple(rungs), deadline, fast)


def a_model(
    script: Script | Sequence[Step], name: str = "large", rung: str = "large_model", speed: Speed = USUAL
) -> tuple[Serving, ScriptedGenerator]:
    """A model that stands for a rung, and the same to look at. A sequence is what it does with each prompt."""

    def always(_: str) -> Sequence[Step]:
        assert not callable(script)
        return script

    generator = ScriptedGenerator(script if callable(script) else always, name)
    return Serving(generator, rung, speed), generator


def saying(*sentences: str, pause: float = 0.0) -> list[Step]:
    """A script that says sentences, with pauses before them, in seconds of the event loop's time."""
    steps: list[Step] = []
    for sentence in sentences:
        steps += [Pause(pause), Say(sentence, 8)] if pause else [Say(sentence, 8)]
    return steps
