"""Live, replayed against itself, is what it was: whatever broke off, came twice, late or never, in both modes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.ports import IntentModel
from schemas.catalogue import MESSAGES, REPLIES, ROUTES, SIGNALS, TOPIC_OF
from schemas.events import (
    LIVE,
    AgentReplied,
    Article,
    Entity,
    Event,
    MadeBy,
    Meta,
    PromptFile,
    Record,
    ReplyProduced,
    ScenarioRouted,
)
from schemas.identity import derived_id, session_key
from streams.control import ControlFold
from streams.generation.models import FixedModels, Serving
from streams.models.active import ActiveModels
from streams.replay.engine import PartitionReplay, replay_partition
from streams.replay.stretch import PartitionStretch, Window
from streams.testing import (
    INTENTS,
    SMALL_POLICY,
    Conversations,
    Crash,
    Hold,
    Pass,
    Release,
    Restart,
    ScriptedEntities,
    ScriptedIntents,
    ScriptedSentiments,
    ScriptedStore,
    a_close,
    a_feedback,
    a_message,
    a_model,
    a_policy,
    a_return,
)
from streams.testing.generation import Fail, Say, ScriptedGenerator, Step
from streams.testing.stretches import ALWAYS, a_cast, a_stretch
from tests.generating import PROMPT

STAGES = ("intent", "sentiment", "entities", "routing", "reply", "generation")
SESSIONS = ("s-1", "s-2", "s-3")
ARTICLES = (Article("returns-1", "How to return", "en", ("returns",), "You can return everything within 14 days."),)
CACHING = (
    SMALL_POLICY.replace("cache: false", "cache: true\ngeneration: {{cache: never}}")
    .replace("rungs: [knowledge, template]", "rungs: [cache, knowledge, template]")
    .replace("order_query: {{priority: 10, rungs: [", "order_query: {{priority: 10, rungs: [small_model, ")
)
PROMPTS = (PromptFile("answer", PROMPT, ""),)
"""Questions about orders are a model's, all others are not."""
SCRIPT: dict[str, Any] = {**INTENTS, "I want to return this!": INTENTS["I want to return this"]}
SHIPPED = ScriptedIntents(SCRIPT, "shipped@1#000000000000")
VERSIONS = ("1", "2")
SENTIMENTS = ScriptedSentiments({"I want to return this": 0.6, "this is a scandal": 0.95})
ENTITIES = ScriptedEntities({"where is my order?": (Entity("order_id", "7", "7", 0, 1),)})


def intents_of(version: str) -> ScriptedIntents:
    """A later model, which understands less or more."""
    script = dict(SCRIPT)
    if version == "1":
        del script["where is my order?"]
    else:
        script["hm"] = ("track_order", "order_query")
    return ScriptedIntents(script, a_model(version).fingerprint)


LATER = {a_model(v).location: intents_of(v) for v in VERSIONS}
KNOWN = [
    *(("intent", m) for m in (SHIPPED, *LATER.values())),
    ("sentiment", SENTIMENTS),
    ("entities", ENTITIES),
]
stage = st.sampled_from(STAGES)
session = st.sampled_from(SESSIONS)
texts = st.sampled_from(
    (
        "where is my order?", "我的订单到哪了", "hm", "I want to return this", "I want to return this!", "", "\x00",
        "let me talk to a human", "this is a scandal",
    )
)  # fmt: skip
writes = st.tuples(st.just("write"), texts, session, st.integers(0, 12), st.sampled_from(["shop", "shop", "nobody"]))
changes = st.tuples(st.sampled_from(["return", "close", "feedback", "agent", "garbage"]), session)
pauses = st.tuples(st.just("pause"), st.sampled_from([20, 2_000, 4_000]))
operators = st.tuples(st.sampled_from(["policy", "model", "tenant"]), st.integers(1, 2))
repeats = st.tuples(st.just("again"), st.sampled_from([SIGNALS, ROUTES, REPLIES, MESSAGES]), st.integers(0, 40))
faults = st.one_of(
    st.builds(Crash, stage, st.sampled_from(["before_produce", "after_produce", "after_commit"])),
    st.builds(Restart, stage),
    st.builds(Hold, stage),
    st.builds(Release, stage),
    st.builds(Pass, st.sampled_from([0.1, 0.5, 6.0])),
)
items = st.one_of(writes, writes, writes, changes, faults, faults, pauses, operators, repeats)
scripts = st.integers(1, 30).flatmap(lambda n: st.lists(items, min_size=n, max_size=n))


def said(prompt: str) -> list[Step]:
    """What the model says: mostly the article, now and then what no guard lets pass, or nothing."""
    kind = sum(prompt.encode()) % 4
    if kind == 0:
        return [Fail("out of memory")]
    return [Say(ARTICLES[0].text if kind > 1 else "It costs 9999 yuan.")]


class Play:
    """A script played live, with operators, human agents and redeliveries."""

    def __init__(self, script: list[Any]) -> None:
        def models(control: ControlFold) -> ActiveModels[IntentModel]:
            return ActiveModels("intent", control, SHIPPED, ScriptedStore(LATER).load, wall=lambda: 0)

        self.talk = Conversations(
            [a_policy(text=CACHING, articles=ARTICLES)._replace(prompts=PROMPTS)],
            generating=FixedModels(Serving(ScriptedGenerator(said), "small_model")),
            sentiments=SENTIMENTS, entities=ENTITIES, partitions=2, intent_models=models,
        )  # fmt: skip
        self.began = self.talk.clock.now()
        self.times = [self.began]
        for item in script:
            self.talk.play(list(self._items(item)), settle=False)
            self.times.append(self.talk.clock.now())
        self.talk.play([Release(name) for name in STAGES])

    def _items(self, item: Any) -> Iterator[Any]:
        now = self.talk.clock.now()
        match item:
            case ("pause", seconds):
                self.talk.clock.advance(seconds)
            case ("write", text, name, number, tenant):
                yield a_message(text, tenant, name, now, f"{name}-{number}")
            case ("return", name):
                yield a_return(session=name, at=now)
            case ("close", name):
                yield a_close(session=name, at=now)
            case ("feedback", name):
                yield a_feedback(session=name, at=now)
            case ("garbage", name):
                self.talk.bus.append_bytes(MESSAGES, session_key("shop", name), b"no event")
            case ("agent", name):
                yield from self._agent(name, now)
            case ("policy", number):
                text = CACHING.replace("min_confidence: 0.4", f"min_confidence: 0.{number}1")
                policy = a_policy(version=f"{number}.1", text=text, articles=ARTICLES, effective_at=now + 1_000_000)
                yield policy._replace(prompts=PROMPTS)
            case ("model", number):
                yield a_model(str(number), effective_at=now + 1_000_000)
            case ("tenant", _):
                yield a_policy("nobody", effective_at=now)
            case ("again", topic, number):
                yield from self._again(topic, number)
            case _:
                yield item

    def _agent(self, name: str, now: int) -> Iterator[Event]:
        """A human answers the session's latest turn."""
        for route in self.talk.routes(name)[-1:]:
            turn = route.meta.turn_id
            id_ = derived_id(LIVE, "desk", f"{turn}|{now}")
            made_by = MadeBy("desk", "desk@1")
            meta = Meta(
                id_, route.meta.tenant_id, name, turn, route.meta.turn_started_at, LIVE, turn, now, None, made_by
            )
            yield AgentReplied(meta, "I will look into it.", "agent-1")

    def _again(self, topic: str, number: int) -> Iterator[Event]:
        """A record is delivered again, as by a producer that was not told of its success."""
        found = self.talk.bus.records(topic)
        if found:
            yield found[number % len(found)].event


def replays(play: Play, window: Window = ALWAYS) -> Iterator[tuple[PartitionStretch, PartitionReplay]]:
    """Both partitions in both modes, with models and without."""
    for known in (KNOWN, []):
        cast = a_cast(play.talk.bus, known=known)
        for partition in range(2):
            stretch = a_stretch(play.talk.bus, partition, window)
            for mode in ("teacher-forced", "free-run"):
                yield stretch, replay_partition(stretch, cast, mode, "again")


def plain(event: Event) -> Any:
    """All that an event says, but for its run; of a signal also but for the times of its message, which may have come
    before the window with others."""
    meta = event.meta._replace(event_id="", run_id="", caused_by=None)
    if TOPIC_OF[type(event)] == SIGNALS:
        meta = meta._replace(turn_started_at=None, deadline_at=None)
    return type(event).__name__, event._replace(meta=meta)


def turns_of(stretch: PartitionStretch) -> set[str]:
    """The turns of the window that live decided; not those of which only a repeat lies in it."""
    written = {(r.event.meta.event_id, r.appended_at) for r in stretch.messages if isinstance(r, Record)}
    return {
        r.event.meta.turn_id or ""
        for r in stretch.routes
        if isinstance(r.event, ScenarioRouted) and (r.event.meta.turn_id, r.event.state.last_turn_at) in written
    }


def is_itself(stretch: PartitionStretch, replay: PartitionReplay) -> None:
    """Every decision, every fact, at its place and time."""
    assert {turn.turn_id for turn in replay.turns} == turns_of(stretch)
    for turn in replay.turns:
        assert (turn.differs, turn.score_difference, turn.on_policy, turn.missing_effects) == ((), 0.0, True, ())
    assert replay.counts.get("identical", 0) == len(replay.turns)
    assert "changes_differ" not in replay.counts
    recorded = {
        (r.topic, r.offset): r
        for r in (*stretch.messages, *stretch.signals, *stretch.routes, *stretch.replies)
        if isinstance(r, Record)
    }
    for fact in replay.records:
        assert fact.event.meta.run_id == "again"
        undecided = fact.topic == SIGNALS and fact.event.meta.turn_id not in turns_of(stretch)
        if fact.topic in (SIGNALS, ROUTES, REPLIES, MESSAGES) and not undecided:
            own = recorded[fact.topic, fact.offset]
            assert (fact.appended_at, plain(fact.event)) == (own.appended_at, plain(own.event))
    ids = [(f.topic, f.event.meta.event_id) for f in replay.records]
    assert len(set(ids)) == len(ids)
    # Nothing is lost: of each kind of what followed a decided turn, as many different ones as live has.
    for kind in (ScenarioRouted, ReplyProduced, AgentReplied):
        live = {
            r.event.meta.event_id
            for r in (*stretch.routes, *stretch.replies)
            if isinstance(r.event, kind) and r.event.meta.turn_id in turns_of(stretch)
        }
        assert len([f for f in replay.records if isinstance(f.event, kind)]) == len(live)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts)
def test_a_replay_of_live_is_identical(script: list[Any]) -> None:
    """Every turn is decided and answered as it was, whether the models run again or the record is served."""
    for stretch, replay in replays(Play(script)):
        is_itself(stretch, replay)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scripts, st.integers(0, 30), st.integers(0, 30))
def test_a_window_may_begin_and_end_anywhere(script: list[Any], first: int, last: int) -> None:
    """Conversations that were under way go on from where they stood."""
    play = Play(script)
    start = play.times[min(first, len(play.times) - 1)]
    end = play.times[min(first + last, len(play.times) - 1)] + 1
    for stretch, replay in replays(play, Window(start, end)):
        is_itself(stretch, replay)
