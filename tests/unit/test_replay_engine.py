"""One partition replayed: what changes with a candidate, what is fed back from the record, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from processors.ports import Intent
from schemas.catalogue import DEAD_LETTERS, REPLIES, ROUTES, SIGNALS
from schemas.codec import Codec
from schemas.events import (
    LIVE,
    AgentReplied,
    Article,
    IntentDetected,
    MadeBy,
    Meta,
    ReplyProduced,
    ScenarioRouted,
)
from schemas.identity import derived_id, reply_id
from streams.models.runner import CannotRun
from streams.replay.engine import CannotReplay, Mode, PartitionReplay, TurnMeasure, replay_partition
from streams.replay.signals import BATCH
from streams.replay.stretch import Window
from streams.testing import (
    INTENTS,
    SMALL_POLICY,
    Conversations,
    Hold,
    Pass,
    Release,
    ScriptedIntents,
    ScriptedSentiments,
    a_message,
    a_policy,
    a_return,
)
from streams.testing.stretches import a_cast, a_stretch

MODES: tuple[Mode, ...] = ("teacher-forced", "free-run")
both_modes = pytest.mark.parametrize("mode", MODES)
RETURNS = "I want to return this"
ARTICLES = (Article("returns-1", "How to return", "en", ("returns",), "You can return everything within 14 days."),)
CACHING = SMALL_POLICY.replace("cache: false", "cache: true").replace(
    "rungs: [knowledge, template]", "rungs: [cache, knowledge, template]"
)
SCRIPT: dict[str, Any] = {**INTENTS, f"{RETURNS}!": INTENTS[RETURNS]}
LIVE_INTENTS = ScriptedIntents(SCRIPT)


def again(talk: Conversations, mode: Mode = "teacher-forced", run: str = "r-1", **cast: Any) -> PartitionReplay:
    """The log of `talk`, replayed with the live intents at hand and what `cast` changes."""
    cast.setdefault("known", [("intent", LIVE_INTENTS)])
    return replay_partition(a_stretch(talk.bus), a_cast(talk.bus, **cast), mode, run)


def played(*script: Any, **kit: Any) -> Conversations:
    """A live conversation on one partition."""
    talk = Conversations(partitions=1, **kit)
    talk.play(script)
    return talk


def by_text(replay: PartitionReplay) -> dict[str, TurnMeasure]:
    """The turns by what the customer wrote."""
    texts = {r.event.meta.turn_id: r.event.text for r in replay.records if isinstance(r.event, ScenarioRouted)}
    return {texts[turn.turn_id]: turn for turn in replay.turns}


def said(replay: PartitionReplay) -> list[ReplyProduced]:
    """The replies of a run, in the order of the log."""
    return [r.event for r in replay.records if isinstance(r.event, ReplyProduced)]


def an_agent_reply(talk: Conversations, text: str = "I will look into it.") -> AgentReplied:
    """A human answers the latest turn."""
    route = talk.routes()[-1]
    turn, now = route.meta.turn_id, talk.clock.now()
    id_ = derived_id(LIVE, "desk", f"{turn}|{text}")
    started = route.meta.turn_started_at
    meta = Meta(
        id_, route.meta.tenant_id, route.meta.session_id, turn, started, LIVE, turn, now, None, MadeBy("desk", "desk@1")
    )
    return AgentReplied(meta, text, "agent-1")


@both_modes
def test_one_threshold_changes_the_turns_that_it_concerns(mode: Mode) -> None:
    """A policy that asks for more confidence changes the unsure turn, and no other."""
    unsure = Intent("track_order", "order_query", 0.5, (), 0.0, "en")
    intents = ScriptedIntents({**INTENTS, "order?": unsure})
    talk = played(
        a_message("where is my order?"), Pass(1), a_message("order?", session="s-2"), Pass(1), a_message(RETURNS),
        intents=intents,
    )  # fmt: skip
    stricter = a_policy(version="2", text=SMALL_POLICY.replace("min_confidence: 0.4", "min_confidence: 0.6"))
    turns = by_text(again(talk, mode, policies=[stricter], known=[("intent", intents)]))
    decisions = {text: set(turn.differs) - {"policy", "reply.policy"} for text, turn in turns.items()}
    assert decisions["where is my order?"] == decisions[RETURNS] == set()
    assert {"trigger", "step", "template", "reply.text"} <= decisions["order?"]


@both_modes
def test_a_model_that_says_something_else_changes_the_turns_with_that_label(mode: Mode) -> None:
    """Everything else stays as it was, down to the scores."""
    talk = played(*(a_message(text, session=f"s-{n}") for n, text in enumerate([*INTENTS, "hm"])))
    other = ScriptedIntents({**INTENTS, "hm": ("track_order", "order_query")}, "candidate@1")
    replay = again(talk, mode, models={"intent": other})
    turns = by_text(replay)
    assert {text for text, turn in turns.items() if turn.differs} == {"hm"}
    assert {"intent.label", "intent.scenario", "scenario", "trigger", "scores"} <= set(turns["hm"].differs)
    assert turns["hm"].score_difference == pytest.approx(0.8)
    assert {
        r.event.meta.made_by.fingerprint for r in replay.records if isinstance(r.event, IntentDetected)
    } == {"candidate@1"}


def test_teacher_forced_turns_find_the_recorded_dialogue() -> None:
    """What the candidate decided before does not matter to the turns after it."""
    talk = played(a_message(RETURNS), Pass(1), a_message("where is my order?"), Pass(1), a_message(RETURNS))
    other = ScriptedIntents({**INTENTS, "where is my order?": ("ask_human", "human_handoff")}, "candidate@1")
    forced = again(talk, "teacher-forced", models={"intent": other})
    assert [bool(turn.differs) for turn in forced.turns] == [False, True, False]
    assert [turn.on_policy for turn in forced.turns] == [True, True, True]
    free = again(talk, "free-run", models={"intent": other})
    assert [bool(turn.differs) for turn in free.turns] == [False, True, True]


def test_a_free_run_is_off_policy_from_the_turn_after_another_answer() -> None:
    """The turn in which it says something else still answers what the customer read."""
    talk = played(a_message(RETURNS), a_message("hm"), a_message(RETURNS), a_message(RETURNS))
    other = ScriptedIntents({**INTENTS, "hm": ("track_order", "order_query")}, "candidate@1")
    assert [t.on_policy for t in again(talk, "free-run", models={"intent": other}).turns] == [True, True, False, False]


def test_another_way_to_the_same_words_stays_on_policy() -> None:
    """An intent with another label that leads to the same answer diverges nowhere."""
    talk = played(a_message("hm"), Pass(1), a_message("hm"))
    other = ScriptedIntents({"hm": Intent("also_unclear", "other", 0.2, (), 0.1, "en")}, "candidate@1")
    replay = again(talk, "free-run", models={"intent": other})
    assert all("intent.label" in turn.differs for turn in replay.turns)
    assert [turn.on_policy for turn in replay.turns] == [True, True]


def test_a_human_who_never_wrote_is_missing_and_not_made_up() -> None:
    """A candidate that hands over what live answered has nobody to answer it, in that turn and in those after it."""
    talk = played(a_message("where is my order?"), Pass(1), a_message("hm"))
    other = ScriptedIntents({"where is my order?": ("ask_human", "human_handoff")}, "candidate@1")
    replay = again(talk, "free-run", models={"intent": other})
    assert [turn.missing_effects for turn in replay.turns] == [("human_reply",), ("human_reply",)]
    assert [turn.recomputed for turn in replay.turns] == [("intent", "route", "reply"), ("intent", "route")]
    assert [turn.on_policy for turn in replay.turns] == [True, False]
    assert not [r for r in replay.records if isinstance(r.event, AgentReplied)]
    assert replay.counts["missing_human_replies"] == 2


def a_handoff() -> Conversations:
    """The customer asks for a human, who answers and gives the conversation back."""
    talk = played(a_message("let me talk to a human"), Pass(1), a_message("hello"))
    talk.play([an_agent_reply(talk, "Here I am."), Pass(1), an_agent_reply(talk, "And again."), a_return(), Pass(1)])
    talk.play([a_message("where is my order?")])
    return talk


@both_modes
def test_human_replies_come_from_the_record(mode: Mode) -> None:
    """As they were written, when they were written, under ids of the run."""
    talk = a_handoff()
    replay = again(talk, mode)
    agents = [r for r in replay.records if isinstance(r.event, AgentReplied)]
    live = [r for r in talk.bus.records(REPLIES) if isinstance(r.event, AgentReplied)]
    assert [(r.offset, r.appended_at, r.event.text) for r in agents if isinstance(r.event, AgentReplied)] == [
        (r.offset, r.appended_at, r.event.text) for r in live if isinstance(r.event, AgentReplied)
    ]
    assert {r.event.meta.event_id for r in agents}.isdisjoint(r.event.meta.event_id for r in live)
    assert replay.counts["human_replies_served"] == 2
    assert [t.served for t in replay.turns][1] == ("sentiment", "entities", "human_reply")
    assert replay.counts["identical"] == 3


def test_a_human_who_was_not_asked_says_nothing() -> None:
    """What an agent wrote belongs to no run in which the bot kept the conversation."""
    keeps = ScriptedIntents({}, "candidate@1")
    replay = again(a_handoff(), "free-run", models={"intent": keeps})
    assert not [r for r in replay.records if isinstance(r.event, AgentReplied)]
    assert replay.counts["human_replies_withheld"] == 2
    assert [turn.on_policy for turn in replay.turns] == [True, False, False]


@both_modes
def test_two_replays_are_equal_byte_for_byte(mode: Mode) -> None:
    """Facts hang on nothing but the record, the cast and the run's name."""
    talk, codec = a_handoff(), Codec()
    first, second = again(talk, mode), again(talk, mode)
    assert [codec.encode(r.event) for r in first.records] == [codec.encode(r.event) for r in second.records]
    assert [r[:4] for r in first.records] == [r[:4] for r in second.records]
    assert first.counts == second.counts


def test_ids_follow_the_run() -> None:
    """Messages keep theirs, which are the turns' names; everything made of them has its own in every run."""
    talk = played(a_message())
    turn = talk.routes()[0].meta.turn_id or ""
    replay = again(talk)
    reply = said(replay)[0]
    assert (reply.meta.event_id, reply.meta.turn_id) == (reply_id("r-1", turn), turn)
    assert {r.event.meta.run_id for r in replay.records} == {"r-1"}
    assert {r.event.meta.turn_id for r in replay.records} == {turn}
    assert reply.meta.event_id != said(again(talk, run="r-2"))[0].meta.event_id


@both_modes
def test_a_missed_deadline_is_missed_again(mode: Mode) -> None:
    """A turn is answered when it was; too late then is too late now."""
    talk = played(Hold("reply"), a_message(), Pass(20), Release("reply"))
    assert [(r.rung, r.passed_over[0].reason) for r in said(again(talk, mode))] == [("fallback", "deadline")]
    assert again(talk, mode).counts["identical"] == 1


@both_modes
@pytest.mark.parametrize("wake", [[Release("intent"), Pass(1)], []], ids=["late", "missing"])
def test_a_signal_that_did_not_come_in_time_does_not_come_in_time(mode: Mode, wake: list[Any]) -> None:
    """Neither the recorded model nor the candidate's makes up for it."""
    talk = Conversations(partitions=1)
    talk.play([Hold("intent"), a_message(), Pass(1), *wake], settle=False)
    other = ScriptedIntents(INTENTS, "candidate@1")
    for cast in ({"known": [("intent", LIVE_INTENTS)]}, {"models": {"intent": other}}):
        replay = again(talk, mode, **cast)
        assert [turn.differs for turn in replay.turns] == [()]
        routes = [r.event for r in replay.records if isinstance(r.event, ScenarioRouted)]
        assert [r.signals.missing for r in routes] == [("intent",)]
        signals = [r for r in replay.records if isinstance(r.event, IntentDetected)]
        assert len(signals) == len(wake) // 2


def cached() -> Conversations:
    """The same question by two customers: the second is answered from the cache, with a word of regret."""
    sentiments = ScriptedSentiments({f"{RETURNS}!": 0.6})
    talk = Conversations(
        [a_policy(text=CACHING, articles=ARTICLES)], intents=LIVE_INTENTS, sentiments=sentiments, partitions=1
    )
    talk.play([a_message(RETURNS), Pass(1), a_message(f"{RETURNS}!", session="s-2")])
    assert [r.rung for r in talk.replies()] == ["knowledge", "cache"]
    return talk


@both_modes
def test_what_the_cache_held_comes_from_the_record(mode: Mode) -> None:
    """A hit stays a hit and a miss a miss, whatever this process has answered."""
    replay = again(cached(), mode)
    assert replay.counts["identical"] == 2
    assert [turn.served for turn in replay.turns] == [("sentiment", "entities"), ("sentiment", "entities", "cache")]
    assert said(replay)[1].text.startswith("I am sorry.\n\nYou can return everything")


def test_a_hit_under_another_policy_is_what_the_articles_say_now() -> None:
    """The recorded answer belongs to the recorded question under the recorded policy and knowledge alone."""
    talk = cached()
    articles = (ARTICLES[0]._replace(text="You can return everything within 30 days."), ARTICLES[0])
    replay = again(talk, policies=[a_policy(version="2", text=CACHING, articles=articles)])
    assert [r.rung for r in said(replay)] == ["knowledge", "cache"]
    assert said(replay)[1].text == "I am sorry.\n\nYou can return everything within 30 days."
    assert "cache" in replay.turns[1].recomputed


def test_a_tenant_that_was_unknown_is_unknown() -> None:
    """A policy that came later does not answer in hindsight what was dead-lettered then."""
    talk = played(a_message(tenant="nobody"), Pass(1), a_message(""))
    stretch = a_stretch(talk.bus)
    replay = replay_partition(stretch, a_cast(talk.bus), "free-run", "r-1")
    letters = {(r.event.reason, r.event.meta.run_id) for r in replay.records if r.topic == DEAD_LETTERS}  # type: ignore[union-attr]
    assert letters == {("unknown_tenant", "r-1"), ("invalid", "r-1")}
    talk.play([a_policy("nobody")])
    replay = replay_partition(stretch, a_cast(talk.bus), "free-run", "r-1")
    assert (replay.counts["undecided"], replay.counts["turns"]) == (1, 1)


@both_modes
def test_a_message_that_was_sent_in_again_is_decided_where_live_decided_it(mode: Mode) -> None:
    """First its tenant was unknown; when it came again it was answered."""
    first = a_message(tenant="nobody", id_="m-0")
    talk = played(first, Pass(20), a_policy("nobody"), Pass(1), first, Pass(1))
    replay = again(talk, mode)
    assert (replay.counts["identical"], replay.counts["turns"], replay.counts["repeat"]) == (1, 1, 1)


@both_modes
def test_a_repeat_of_a_message_from_before_the_window_is_no_turn(mode: Mode) -> None:
    """It was decided before, and the dialogue stands after it."""
    first = a_message(id_="m-0")
    talk = Conversations(partitions=1)
    talk.play([first, Pass(1), a_message(RETURNS), Pass(1)])
    start = talk.clock.now()
    talk.play([first, a_message("hm")])
    stretch = a_stretch(talk.bus, window=Window(start, start + 1))
    replay = replay_partition(stretch, a_cast(talk.bus), mode, "r-1")
    assert [turn.differs for turn in replay.turns] == [()]
    assert (replay.counts["messages"], replay.counts["repeat"]) == (1, 1)


@both_modes
def test_signals_are_of_the_text_that_live_understood(mode: Mode) -> None:
    """An invalid message that comes again with a text: the turn is of the first, the signals are of the second."""
    talk = played(a_message("", id_="m-0"), a_message(id_="m-0"))
    replay = again(talk, mode)
    assert [(turn.differs, turn.score_difference) for turn in replay.turns] == [((), 0.0)]
    assert [r.event.label for r in replay.records if isinstance(r.event, IntentDetected)] == ["track_order"]


@both_modes
def test_a_human_who_was_first_is_first_again(mode: Mode) -> None:
    """The bot has nothing to say to a turn that a human answered before it came to that."""
    talk = Conversations(partitions=1)
    talk.play([Hold("reply"), a_message(), Pass(0.1)], settle=False)
    talk.play([an_agent_reply(talk), Release("reply")])
    replay = again(talk, mode)
    assert said(replay) == talk.replies() == []
    assert [(turn.differs, turn.on_policy, turn.served[-1]) for turn in replay.turns] == [((), True, "human_reply")]


def test_the_model_that_the_record_names_is_asked() -> None:
    """Where it cannot be had here, the record is served, and the turn says so."""
    talk = played(a_message())
    asked = again(talk, known=[("intent", LIVE_INTENTS)]).turns[0]
    served = again(talk, known=[("intent", ScriptedIntents(INTENTS, "another@1"))]).turns[0]
    assert (asked.recomputed, asked.served) == (("intent", "route", "reply"), ("sentiment", "entities"))
    assert (served.recomputed, served.served) == (("route", "reply"), ("intent", "sentiment", "entities"))
    assert asked.intent_seconds > 0
    assert served.intent_seconds == 0


class Batches(ScriptedIntents):
    """Notes how many texts it is shown at once."""

    def __init__(self) -> None:
        super().__init__(INTENTS, "candidate@1")
        self.sizes: list[int] = []

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        self.sizes.append(len(texts))
        return super().detect(texts)


def test_models_see_many_messages_at_once() -> None:
    """A batch's time is shared evenly among its turns."""
    talk = played(*(a_message(session=f"s-{n}") for n in range(BATCH + 3)))
    model = Batches()
    replay = again(talk, models={"intent": model})
    assert model.sizes == [BATCH, 3]
    assert len({turn.intent_seconds for turn in replay.turns}) <= 2


class Away(ScriptedIntents):
    """A model whose server is away."""

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        raise CannotRun("the server is away")


def test_a_model_that_cannot_run_ends_the_replay() -> None:
    """It says which, so that the replay can be resumed; nothing is guessed."""
    with pytest.raises(CannotReplay, match="intent: candidate@1 cannot run"):
        again(played(a_message()), models={"intent": Away({}, "candidate@1")})


@pytest.mark.parametrize("run", ["live", ""])
def test_the_live_run_cannot_be_replayed_into(run: str) -> None:
    """Whoever mistakes the name gets no facts at all."""
    with pytest.raises(ValueError, match="a run of its own"):
        again(played(a_message()), run=run)


def test_facts_lie_where_live_ones_do() -> None:
    """Every place and time is that of the record; a reply which live did not give lies with its message."""
    talk = a_handoff()
    live = {(r.topic, r.offset): r.appended_at for r in talk.bus.records(SIGNALS, ROUTES, REPLIES)}
    for fact in again(talk).records:
        if fact.topic in (SIGNALS, ROUTES, REPLIES):
            assert live[fact.topic, fact.offset] == fact.appended_at
    replay = again(talk, "free-run", models={"intent": ScriptedIntents({}, "candidate@1")})
    messages = {r.event.meta.turn_id: r for r in replay.records if r.topic == "chat.messages"}
    second = next(r for r in replay.records if r.topic == REPLIES and r.event.meta.turn_id == replay.turns[1].turn_id)
    assert second.appended_at == messages[second.event.meta.turn_id].appended_at


def test_progress_is_told() -> None:
    """Of turns that are done."""
    talk, told = played(a_message(), a_message(session="s-2")), list[int]()
    replay_partition(a_stretch(talk.bus), a_cast(talk.bus), "free-run", "r-1", told.append)
    assert told[-1] == 2
