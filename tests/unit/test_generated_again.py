"""Generated answers that are given again, with the whole pipeline around them."""

from __future__ import annotations

from processors.ladder import Speed
from schemas.events import FeedbackGiven, ReplyProduced
from streams.generated_cache import GeneratedCache
from streams.generation.models import FixedModels, Serving
from streams.testing import EPOCH, Conversations, Pass, a_feedback, a_message
from streams.testing.generation import Say, ScriptedGenerator
from tests.generating import ASKED, SAID, a_generating_policy


def a_shop(kept: str = "always") -> Conversations:
    """A shop whose answers are given again."""
    model = ScriptedGenerator(lambda prompt: (Say(f"{SAID} [1]"),))
    generating = FixedModels(Serving(model, "small_model", Speed(0.1, 0.001)))
    return Conversations([a_generating_policy(kept=kept)], generating=generating, kept=GeneratedCache())


def reply(talk: Conversations, session: str) -> ReplyProduced:
    """What a customer who asks now is told."""
    talk.play([a_message(ASKED, session=session, at=talk.clock.now())])
    return talk.replies(session)[-1]


def a_mark(score: int, of: ReplyProduced) -> FeedbackGiven:
    """What the customer thought of a reply."""
    mark = a_feedback(score, session=of.meta.session_id, at=EPOCH)
    return mark._replace(meta=mark.meta._replace(turn_id=of.meta.turn_id))


def test_the_next_customer_gets_the_answer_from_the_cache() -> None:
    """With its citations; no model is asked, and no tokens are paid."""
    talk = a_shop()
    first, second = reply(talk, "a"), reply(talk, "b")
    assert (first.rung, second.rung) == ("small_model", "cache")
    assert (second.text, second.citations, second.generated) == (first.text, first.citations, None)
    assert second.meta.made_by.stage == "generation"


def test_a_bad_mark_on_an_answer_from_the_cache_ends_it() -> None:
    """The customer after that is answered by the model, and its same answer is not kept again."""
    talk = a_shop()
    reply(talk, "a")
    talk.play([a_mark(-1, reply(talk, "b"))])
    assert [reply(talk, session).rung for session in ("c", "d")] == ["small_model", "small_model"]


def test_a_new_version_of_the_policy_asks_anew() -> None:
    """Its prompt may be another: what was kept under the old one is not given."""
    talk = a_shop()
    reply(talk, "a")
    talk.play([a_generating_policy(kept="always", version="2")._replace(effective_at=talk.clock.now()), Pass(1.0)])
    assert [reply(talk, session).rung for session in ("b", "c")] == ["small_model", "cache"]


def test_a_question_within_a_conversation_is_not_answered_out_of_it() -> None:
    """What leans on what was said before goes to the model, which knows what that was."""
    talk = a_shop()
    reply(talk, "a")
    assert [reply(talk, "b").rung for _ in range(2)] == ["cache", "small_model"]


def test_a_policy_may_have_no_answer_given_again() -> None:
    """Each customer's is made for that customer."""
    talk = a_shop("never")
    assert [reply(talk, session).rung for session in ("a", "b")] == ["small_model", "small_model"]
    assert [p.reason for p in talk.replies("b")[0].passed_over] == ["not_kept"]
