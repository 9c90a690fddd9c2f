"""Turns that generation owns, replayed: served from the record, or made by a candidate's prompt and models."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import pytest

from processors.policy.reading import Source
from processors.prompting.template import PromptTemplate, parse_prompt
from schemas.catalogue import PARTIALS, REPLIES
from schemas.codec import Codec
from schemas.events import LIVE, Article, Record, ReplyPartial, ReplyProduced, ScenarioRouted
from streams.answers import SECOND
from streams.generation.inline import InlineGenerations
from streams.generation.models import FixedModels, Models, Serving
from streams.replay.cast import Cast, Generating
from streams.replay.engine import CannotReplay, Mode, PartitionReplay, TurnMeasure, replay_partition
from streams.replay.generating import AT_ONCE, KeptReply
from streams.testing import EPOCH, Conversations, Hold, Pass, Release, a_message
from streams.testing.generation import Die, Fail, Say, ScriptedGenerator, Silence, Step, Wait
from streams.testing.models import ScriptedIntents
from streams.testing.stretches import a_cast, a_stretch
from streams.testing.virtual_time import VirtualLoop
from tests.generating import ASKED, PROMPT, a_generating_policy

MODES: tuple[Mode, ...] = ("teacher-forced", "free-run")
both_modes = pytest.mark.parametrize("mode", MODES)
SAID = "You can return an order within 30 days."
LABEL = "We send you a free label."
ARTICLE = Article("returns", "Returns", "en", ("returns",), f"{SAID} {LABEL}")
SHORT = PROMPT.replace("name: answer", "name: short").replace("Answer from", "Shortly answer from")
AGAIN = "how to return my order?"
SCRIPT: Mapping[str, Any] = {
    **dict.fromkeys((ASKED, f"{ASKED}!", AGAIN), ("return_goods", "returns_exchange")),
    "where is my order?": ("track_order", "order_query"),
}
INTENTS = ScriptedIntents(SCRIPT)


def a_model(*said: str, name: str = "small") -> ScriptedGenerator:
    """A model that answers every prompt with these pieces."""
    return ScriptedGenerator(lambda prompt: [Say(piece, 5) for piece in said], name)


def serving(model: ScriptedGenerator) -> Models:
    """The model as that of the small rung."""
    return FixedModels(Serving(model, "small_model"))


def played(*script: Any, model: ScriptedGenerator | None = None, **policy: Any) -> Conversations:
    """A live conversation on one partition, in which a model answers questions about returns."""
    policy.setdefault("articles", (ARTICLE,))
    talk = Conversations(
        [a_generating_policy(**policy)], INTENTS, partitions=1, generating=serving(model or a_model(SAID))
    )
    talk.play(script)
    return talk


def prompt_of(text: str = SHORT) -> PromptTemplate:
    """A prompt, read."""
    source = Source("short.md")
    template = parse_prompt(text, source)
    assert template is not None
    assert not source.problems
    return template


def generating(model: ScriptedGenerator, prompt: PromptTemplate | None = None) -> Generating:
    """What a candidate with this model and prompt generates with."""
    return Generating(lambda: InlineGenerations(serving(model), lambda: EPOCH, loop=VirtualLoop), prompt)


class Kept:
    """The port KeptReplies in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def of(self, partition: int) -> Mapping[str, KeptReply]:
        replies = [r.event for r in self.records if isinstance(r.event, ReplyProduced)]
        return {
            e.meta.turn_id or "": KeptReply(
                e.text, e.rung, e.passed_over, e.citations, e.template, e.seconds, e.generated
            )
            for e in replies
            if e.generated is not None
        }

    def keep(self, replies: Sequence[Record]) -> None:
        self.records += replies


def again(
    talk: Conversations, mode: Mode = "teacher-forced", made_by: Generating | None = None, run: str = "r-1",
    kept: Kept | None = None, **cast: Any,
) -> PartitionReplay:  # fmt: skip
    """The log of `talk` replayed, with what generates if anything does."""
    known = cast.pop("known", [("intent", INTENTS)])
    plain = a_cast(talk.bus, known=known, **cast)
    own = Cast(
        plain.control, plain.models, plain.recorded, plain.wait, plain.changed, plain.model_clock, made_by
    )  # fmt: skip
    return replay_partition(a_stretch(talk.bus), own, mode, run, kept=kept or Kept())


def said(replay: PartitionReplay) -> list[ReplyProduced]:
    """The replies of a run, in the order of the log."""
    return [r.event for r in replay.records if isinstance(r.event, ReplyProduced)]


def of_model(replay: PartitionReplay) -> list[TurnMeasure]:
    """The turns that generation owned."""
    owned = {
        r.event.meta.turn_id
        for r in replay.records
        if isinstance(r.event, ScenarioRouted) and r.event.owner == "generation"
    }
    return [turn for turn in replay.turns if turn.turn_id in owned]


def two_sessions() -> Conversations:
    """Two customers; the first asks twice, and of other things between."""
    return played(
        a_message(ASKED), Pass(1), a_message("where is my order?", at=EPOCH + SECOND), Pass(1),
        a_message(AGAIN, at=EPOCH + 2 * SECOND), Pass(1),
        a_message(f"{ASKED}!", session="s-2"), Pass(1),
    )  # fmt: skip


@both_modes
def test_generated_replies_are_served_from_the_record(mode: Mode) -> None:
    """Every decision and every text is as recorded, and no model is asked."""
    talk = two_sessions()
    replay = again(talk, mode)
    assert [turn.differs for turn in replay.turns] == [()] * 4
    assert replay.counts["identical"] == replay.counts["turns"] == 4
    assert (replay.counts["generation_served"], replay.counts.get("generation_recomputed", 0)) == (3, 0)
    assert [r.text for r in said(replay)] == [r.text for r in talk.replies()]
    assert [turn.tokens for turn in replay.turns] == [0] * 4


def test_what_is_served_tells_what_the_model_took() -> None:
    """Its fingerprint, tokens and times are the record's; ids and run are the replay's own."""
    talk = two_sessions()
    for own, live in zip(said(again(talk)), talk.replies(), strict=True):
        assert own.generated == live.generated
        assert (own.meta.run_id, own.meta.made_by) == ("r-1", live.meta.made_by)
        assert own.meta.event_id != live.meta.event_id


@both_modes
def test_a_candidates_prompt_makes_every_generated_reply(mode: Mode) -> None:
    """And no other: each says by which prompt, what it cost, and that it was made."""
    talk, model = two_sessions(), a_model(LABEL)
    replay = again(talk, mode, generating(model, prompt_of()))
    assert len(model.seen.asked) == 3
    assert all("Shortly answer" in asked for asked in model.seen.asked)
    turns = of_model(replay)
    assert [turn.recomputed[-1] for turn in turns] == ["generation"] * 3
    assert all("reply.text" in turn.differs and turn.tokens > 0 for turn in turns)
    made = [r for r in said(replay) if r.generated is not None]
    assert [r.text for r in made] == [LABEL] * 3
    assert {r.generated.prompt for r in made if r.generated} == {prompt_of().fingerprint}
    assert [turn.differs for turn in replay.turns if turn not in turns] == [()]


@both_modes
def test_the_same_prompt_and_model_say_the_same_again(mode: Mode) -> None:
    """A model that does not sample makes the recorded replies once more."""
    replay = again(two_sessions(), mode, generating(a_model(SAID)))
    assert [turn.differs for turn in replay.turns] == [()] * 4
    assert replay.counts["generation_recomputed"] == 3


def test_prompts_hold_the_recorded_history_or_in_a_free_run_the_candidates() -> None:
    """What was said before the second question is what was recorded, or what this candidate said."""
    talk = two_sessions()
    for mode, there, not_there in (("teacher-forced", SAID, LABEL), ("free-run", LABEL, SAID)):
        model = a_model(LABEL)
        again(talk, mode, generating(model))  # type: ignore[arg-type]
        (second,) = [asked for asked in model.seen.asked if AGAIN in asked]
        history = second.split("<history>")[1].split("</history>")[0]
        assert f"customer> {ASKED}" in history
        assert "Here is your order." in history
        assert f"we> {there}" in history
        assert not_there not in history


def test_models_are_asked_for_many_sessions_at_once() -> None:
    """A replay of many turns does not take as many times as long as one."""
    talk = played(*(a_message(ASKED, session=f"s-{n}") for n in range(40)))
    all_here, asked = asyncio.Event(), count(1)

    def script(prompt: str) -> list[Step]:
        """No reply before the last customer's question is there too."""
        if next(asked) == 40:
            all_here.set()
        return [Wait(all_here), Say(SAID)]

    replay = again(talk, made_by=generating(ScriptedGenerator(script)))
    assert [reply.text for reply in said(replay)] == [SAID] * 40
    assert AT_ONCE >= 40


def test_what_was_made_is_not_made_again() -> None:
    """A resumed replay takes its replies from where it stored them, and comes to the same."""
    talk, kept, codec = two_sessions(), Kept(), Codec()
    first = again(talk, made_by=generating(a_model(LABEL)), kept=kept)
    other = a_model("Something else.")
    second = again(talk, made_by=generating(other), kept=kept)
    assert other.seen.asked == []
    assert [codec.encode(r.event) for r in first.records] == [codec.encode(r.event) for r in second.records]
    assert [t.tokens for t in first.turns] == [t.tokens for t in second.turns]


def test_a_replay_that_was_killed_pays_for_the_rest_alone() -> None:
    """Whatever it had stored by then."""
    talk, kept = two_sessions(), Kept()
    again(talk, made_by=generating(a_model(LABEL)), kept=kept)
    del kept.records[1:]
    model = a_model(LABEL)
    again(talk, made_by=generating(model), kept=kept)
    assert len(model.seen.asked) == 2


def test_another_question_has_no_recorded_answer() -> None:
    """A candidate with other articles and no model lacks the reply; it is not made up, and a free run ends there."""
    other = Article("returns", "Returns", "en", ("returns",), "You can return an order within 90 days.")
    talk = two_sessions()
    changed = a_generating_policy(articles=(other,))._replace(knowledge_fingerprint="shop-articles@2#other")
    replay = again(talk, "free-run", policies=[changed])
    turns = of_model(replay)
    assert [turn.missing_effects for turn in turns] == [("generation",)] * 3
    assert replay.counts["missing_generations"] == 3
    assert [turn.on_policy for turn in replay.turns] == [True, False, False, True]
    assert [r.rung for r in said(replay)] == ["template"]


def test_another_question_can_be_put_to_a_model() -> None:
    """With one named, the candidate's articles are what it answers from."""
    other = Article("returns", "Returns", "en", ("returns",), "You can return an order within 90 days.")
    changed = a_generating_policy(articles=(other,))._replace(knowledge_fingerprint="shop-articles@2#other")
    model = a_model("You can return an order within 90 days.")
    replay = again(two_sessions(), policies=[changed], made_by=generating(model))
    assert all("90 days" in asked for asked in model.seen.asked)
    assert not any(turn.missing_effects for turn in replay.turns)


def test_turns_that_live_answered_too_late_are_made_all_the_same() -> None:
    """The load of the day is not the candidate's doing."""
    talk = played(Hold("generation"), a_message(ASKED), Pass(9), Release("generation"))
    assert [reply.generated for reply in talk.replies()] == [None]
    (made,) = said(again(talk, made_by=generating(a_model(LABEL))))
    assert (made.text, made.rung) == (LABEL, "small_model")


@pytest.mark.parametrize("step", [Die(), None])
def test_a_server_that_is_away_ends_the_replay(step: Step | None) -> None:
    """The reply of a lower rung would be taken for the candidate's; what was made before stays."""
    model = ScriptedGenerator(lambda prompt: [Say(SAID)] if step is None else [step])
    model.loaded = step is not None
    with pytest.raises(CannotReplay, match=r"could not be asked \(model_(away|unready)\).*go on"):
        again(two_sessions(), made_by=generating(model))


def test_a_server_that_falls_silent_ends_the_replay() -> None:
    """What it had said by then is no reply of the candidate's."""
    model = ScriptedGenerator(lambda prompt: [Say(SAID), Silence()])
    with pytest.raises(CannotReplay, match=r"scripted@1#\w+ fell silent \(between\).*go on"):
        again(two_sessions(), made_by=generating(model))


def test_a_model_that_fails_is_the_candidates() -> None:
    """Its turns are answered by the next rung, which the comparison shows."""
    model = ScriptedGenerator(lambda prompt: [Fail("CUDA error")])
    replay = again(played(a_message(ASKED)), made_by=generating(model))
    (reply,) = said(replay)
    assert reply.rung == "knowledge"
    assert ("small_model", "model_failed") in reply.passed_over
    assert {"reply.rung", "reply.passed_over"} <= set(replay.turns[0].differs)


@both_modes
def test_nothing_of_a_replay_is_a_piece_for_customers(mode: Mode) -> None:
    """What is released while a reply is made goes nowhere."""
    talk = two_sessions()
    before = {topic: len(talk.bus.records(topic)) for topic in (PARTIALS, REPLIES)}
    replay = again(talk, mode, generating(a_model(f"{SAID} ", LABEL)))
    assert not [r for r in replay.records if isinstance(r.event, ReplyPartial)]
    assert all(r.event.meta.run_id == "r-1" != LIVE for r in replay.records)
    assert {topic: len(talk.bus.records(topic)) for topic in (PARTIALS, REPLIES)} == before
