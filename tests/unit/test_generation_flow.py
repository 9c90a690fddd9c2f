"""The generation stage with everything around it: crashes, deadlines, and replies that come twice."""

from __future__ import annotations

from typing import get_args

import pytest

from processors.ladder import Speed
from schemas.catalogue import REPLIES, ROUTES
from schemas.events import MessageReceived, ReplyProduced, ScenarioRouted
from schemas.identity import follow_as_reply
from streams.generated_cache import GeneratedCache
from streams.generation.models import FixedModels, Serving
from streams.pipeline import CrashPoint
from streams.testing import EPOCH, Conversations, Crash, Hold, Pass, Release, Restart, a_feedback, a_message
from streams.testing.generation import Fail, Say, ScriptedGenerator, Silence, Step
from tests.generating import ASKED, SAID, a_generating_policy

POINTS: tuple[CrashPoint, ...] = get_args(CrashPoint)
GROUP = "spillway.generation"


def a_shop(*script: Step) -> tuple[Conversations, ScriptedGenerator]:
    """The pipeline, with a model that makes `script` of every prompt."""
    model = ScriptedGenerator(lambda prompt: script or (Say(f"{SAID} [1]"),))
    generating = FixedModels(Serving(model, "small_model", Speed(0.1, 0.001)))
    talk = Conversations([a_generating_policy()], generating=generating, kept=GeneratedCache())
    return talk, model


def asked(session: str = "s-1", after: int = 0) -> MessageReceived:
    """A message about returns, `after` seconds."""
    return a_message(ASKED, session=session, at=EPOCH + after * 1_000_000)


def test_a_question_is_answered_by_a_model() -> None:
    """The reply says which, by which prompt, what it cost, and on which article it rests."""
    talk, model = a_shop()
    talk.play([asked()])
    (reply,) = talk.replies()
    assert (reply.rung, reply.text) == ("small_model", f"{SAID} [1]")
    assert [c.article_id for c in reply.citations] == ["returns"]
    assert reply.generated is not None
    assert reply.generated.model == model.fingerprint
    assert reply.generated.prompt.startswith("answer@1#")
    assert reply.generated.finish == "stop"


@pytest.mark.parametrize("point", POINTS)
def test_after_a_crash_every_turn_has_one_reply(point: CrashPoint) -> None:
    """A turn whose reply is in the log is not generated again; one without is."""
    talk, model = a_shop()
    messages = [asked(f"s-{n}") for n in range(6)]
    talk.play([Crash("generation", point), *messages, Restart("generation"), Pass(1.0)])
    assert len(talk.replies()) == 6
    assert {r.rung for r in talk.replies()} == {"small_model"}
    assert len(talk.bus.records(REPLIES)) == 6
    assert len(model.seen.asked) == 6 + (point == "before_produce")
    assert talk.pipeline.runners["generation"].lag() == 0


def test_a_conversation_is_answered_in_its_order() -> None:
    """And each prompt has what was said before it."""
    talk, model = a_shop()
    talk.play([Hold("generation"), asked(), asked(after=1), asked(after=2), Release("generation")])
    assert [r.turn_seq for r in talk.replies()] == [1, 2, 3]
    assert [prompt.count(SAID) for prompt in model.seen.asked] == [0, 1, 2]


def test_a_conversation_is_known_after_a_restart() -> None:
    """Its last hour is read again from what was routed and replied."""
    talk, model = a_shop()
    talk.play([asked(), Pass(1.0), Restart("generation"), asked(after=1)])
    assert SAID in model.seen.asked[-1]


def test_a_stage_that_is_away_costs_the_model_nothing() -> None:
    """At the deadline the reply stage answered with a fast rung; the turn is closed by that."""
    talk, model = a_shop()
    talk.play([Hold("generation"), asked(), Pass(6.0), Release("generation")])
    assert [(r.rung, r.meta.made_by.stage) for r in talk.replies()] == [("knowledge", "reply")]
    assert model.seen.asked == []
    assert len(talk.bus.records(REPLIES)) == 1


def test_a_reply_in_its_stead_and_a_late_one_are_one() -> None:
    """They have one id, so whoever reads the second passes over it."""
    talk, _ = a_shop()
    talk.play([Hold("generation"), asked(), Pass(6.0)], settle=False)
    (in_time,), (route,) = talk.replies(), talk.routes()
    late = in_time._replace(text=SAID, meta=follow_as_reply(route.meta, "generation", "m", talk.clock.now()))
    talk.play([late, Release("generation"), Restart("reply"), Pass(1.0)])
    assert [r.text for r in talk.replies()] == [in_time.text]
    assert all(talk.bus.committed(GROUP, (t, n)) == talk.bus.end((t, n)) for t in (ROUTES, REPLIES) for n in range(4))


def test_a_reply_goes_out_sentence_by_sentence() -> None:
    """What is shown before is a beginning of what is said at last."""
    talk, _ = a_shop(Say("You can return an order within 30 days. "), Say("We send you a free label. [1]"))
    talk.play([asked()])
    (reply,) = talk.replies()
    shown = "".join(p.text for p in talk.partials())
    assert shown
    assert reply.text.startswith(shown)
    assert {p.meta.turn_id for p in talk.partials()} == {reply.meta.turn_id}


@pytest.mark.parametrize("script", [(Fail("CUDA error"),), (Silence(),)])
def test_a_model_that_cannot_is_a_step_down(script: tuple[Step, ...]) -> None:
    """The next rung answers in time, and the reply says what happened."""
    talk, _ = a_shop(*script)
    talk.play([asked()])
    (reply,) = talk.replies()
    assert reply.rung == "knowledge"
    assert [p.rung for p in reply.passed_over] == ["cache", "small_model"]
    assert reply.generated is not None
    assert reply.generated.fault


def test_without_a_model_the_turn_is_answered_by_the_rest() -> None:
    """A stage without a server works."""
    talk = Conversations([a_generating_policy()])
    talk.play([asked()])
    (reply,) = talk.replies()
    assert reply.rung == "knowledge"
    assert ("small_model", "no_model") in [tuple(p) for p in reply.passed_over]


def test_a_liked_answer_is_given_again() -> None:
    """To someone else who asks the same, without a model."""
    talk, model = a_shop()
    talk.play([asked("a"), Pass(0.5)])
    (first,) = talk.replies()
    liked = a_feedback(2, session="a")
    talk.play([liked._replace(meta=liked.meta._replace(turn_id=first.meta.turn_id)), Pass(0.5), asked("b")])
    assert [[r.rung for r in talk.replies(session)] for session in ("a", "b")] == [["small_model"], ["cache"]]
    assert len(model.seen.asked) == 1


def test_turns_of_each_owner_are_answered_once() -> None:
    """The two stages that answer do not get in each other's way."""
    talk, _ = a_shop()
    other = a_message("where is my order?", session="b")
    talk.play([Crash("reply"), Crash("generation"), asked("a"), other, asked("c")])
    assert {type(r.event) for r in talk.bus.records(REPLIES)} == {ReplyProduced}
    owners = {r.meta.turn_id: r.owner for r in talk.routes() if isinstance(r, ScenarioRouted)}
    assert {owners[r.meta.turn_id]: r.meta.made_by.stage for r in talk.replies()} == {
        "generation": "generation",
        "reply": "reply",
    }
    assert len(talk.bus.records(REPLIES)) == 3
