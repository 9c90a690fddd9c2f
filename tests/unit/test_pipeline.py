"""The kit itself: the pipeline in memory does what the data plane does, and faults are items of a script."""

from __future__ import annotations

import pytest

from schemas.catalogue import MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.codec import Codec
from streams.control import ControlFold
from streams.policies import Policies
from streams.routing import Routing
from streams.testing import Conversations, Crash, Hold, Pass, Restart, a_message


def test_a_conversation_in_a_few_lines() -> None:
    """The example of the kit's own documentation."""
    talk = Conversations()
    talk.play([a_message("where is my order?"), Pass(0.2), Crash("routing", "after_produce"), a_message("hello?")])
    assert [reply.rung for reply in talk.replies()] == ["template", "template"]


def test_every_turn_is_followed_by_three_signals_a_route_and_a_reply() -> None:
    """The topology as a whole, through real bytes."""
    talk = Conversations(codec=Codec())
    talk.play([a_message(session=f"s-{n}") for n in range(40)])
    counts = {topic: len(talk.bus.records(topic)) for topic in (MESSAGES, SIGNALS, ROUTES, REPLIES)}
    assert counts == {MESSAGES: 40, SIGNALS: 120, ROUTES: 40, REPLIES: 40}
    assert all(runner.lag() == 0 for runner in talk.pipeline.runners.values())


def test_with_and_without_bytes_the_same_comes_out() -> None:
    """The codec changes no decision."""
    script = [a_message("where is my order?", id_="1"), a_message("let me talk to a human", id_="2")]
    through, around = Conversations(codec=Codec()), Conversations()
    through.play(script)
    around.play(script)
    assert through.routes() == around.routes()
    assert through.replies() == around.replies()


@pytest.mark.parametrize("stage", ["intent", "sentiment", "entities", "routing", "reply"])
def test_a_crash_before_producing_loses_nothing(stage: str) -> None:
    """Whatever the stage, what it had in hand is done again."""
    talk = Conversations()
    talk.play([Crash(stage, "before_produce"), a_message(), a_message(), Restart(stage), a_message()])
    assert [r.signals.missing for r in talk.routes()] == [(), (), ()]
    assert len(talk.bus.records(REPLIES)) == 3


def test_settle_says_what_is_stuck() -> None:
    """A stage that cannot go on is named, with how far it is behind."""

    class Stale(ControlFold):
        """Control that cannot be read at the moment."""

        def fresh(self, seconds: float) -> bool:
            return False

    talk = Conversations()
    talk.pipeline.runners["routing"].stage = Routing(Policies(Stale()))
    talk.pipeline.runners["routing"].restart()
    with pytest.raises(TimeoutError, match="'routing': 1"):
        talk.play([Hold("intent"), Hold("sentiment"), Hold("entities"), a_message()])
