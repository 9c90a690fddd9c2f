"""The kit for tests of conversations: the whole pipeline in memory, time that moves when told to, models that say what
they are told to, and events with everything in them that a test does not care about.

    talk = Conversations(policies=[a_policy()])
    talk.play([a_message("where is my order?"), Pass(0.2), Crash("routing", "after_produce"), a_message("hello?")])
    assert [reply.rung for reply in talk.replies()] == ["template", "template"]

Faults are items of the script, so a test of a recovery reads like a story.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from processors.ports import EntityModel, Intent, IntentModel, Sentiment, SentimentModel
from processors.stage import Stage
from schemas.catalogue import REPLIES, ROUTES
from schemas.codec import Codec
from schemas.events import (
    LIVE,
    Article,
    Candidate,
    Customer,
    DialogueChanged,
    Entity,
    Event,
    FeedbackGiven,
    MadeBy,
    MessageReceived,
    Meta,
    PolicyActivated,
    ReplyProduced,
    ScenarioRouted,
    SessionClosed,
    SessionReturned,
)
from schemas.identity import message_id, uuid5
from streams.bus import Bus, Clock
from streams.control import ControlFold
from streams.pipeline import Crashed, CrashPoint, Pipeline, Runner
from streams.policies import Policies
from streams.reply import Reply
from streams.reply_cache import LruReplyCache
from streams.routing import Routing
from streams.understanding import Understanding

__all__ = [
    "SMALL_POLICY",
    "Bus",
    "Clock",
    "Conversations",
    "Crash",
    "Crashed",
    "Hold",
    "Pass",
    "Pipeline",
    "Release",
    "Restart",
    "Runner",
    "ScriptedEntities",
    "ScriptedIntents",
    "ScriptedSentiments",
    "a_close",
    "a_feedback",
    "a_message",
    "a_policy",
    "a_return",
]

EPOCH: Final = 1_800_000_000_000_000
"""When the kit's clock begins."""
TENANT: Final = "shop"
SESSION: Final = "s-1"
_NUMBERS: Final = count(1)

SMALL_POLICY: Final = """\
tenant: {tenant}
version: "{version}"
about: A shop for tests
languages: [en, zh]
session_timeout: 1800
channels:
  default: {{deadline: 5}}
understanding: {{min_confidence: 0.4, out_of_scope: 0.7, ask_back: ask_back, rungs: [template], acknowledge: ask_back}}
handoff: {{notice: handing_over, timeout: 3600, anger: 0.8, low_confidence: 3, failures: 3}}
soothing: {{above: 0.5, template: sorry}}
knowledge: {{min_score: 0.4, passages: 1}}
fallback: fallback
cache: false
scenarios:
  human_handoff: {{priority: 100, template: handing_over}}
  order_query: {{priority: 10, rungs: [template], template: order_help}}
  returns_exchange: {{priority: 10, rungs: [knowledge, template], template: order_help, knowledge: [returns]}}
  other: {{priority: 0, rungs: [template], template: ask_back}}
templates:
  order_help: {{en: "Here is your order.", zh: "这是您的订单。"}}
  ask_back: {{en: "What can I do for you?", zh: "请问有什么可以帮您？"}}
  handing_over: {{en: "A colleague will be with you.", zh: "正在为您转接人工客服。"}}
  sorry: {{en: "I am sorry.", zh: "非常抱歉。"}}
  fallback: {{en: "We will come back to you.", zh: "稍后回复您。"}}
"""


def a_policy(
    tenant: str = TENANT,
    version: str = "1",
    text: str = SMALL_POLICY,
    articles: Sequence[Article] = (),
    effective_at: int = 0,
) -> PolicyActivated:
    """An activation. `text` may hold {tenant} and {version}; any other brace is doubled."""
    policy = text.format(tenant=tenant, version=version)
    meta = _meta(uuid5(f"activation|{tenant}|{policy}|{effective_at}"), tenant, "", EPOCH, None, "operators")
    knowledge = f"{tenant}-articles@{len(articles)}#test"
    return PolicyActivated(meta, policy, f"{tenant}@{version}#test", tuple(articles), knowledge, effective_at)


def a_message(
    text: str = "where is my order?",
    tenant: str = TENANT,
    session: str = SESSION,
    at: int = EPOCH,
    id_: str | None = None,
    deadline: float = 5.0,
    channel: str = "web",
    customer: Customer | None = None,
    entry_path: str = "",
) -> MessageReceived:
    """A message written at `at`. `id_`: the channel's own id; by default one that no other message has."""
    own = f"m-{next(_NUMBERS)}" if id_ is None else id_
    turn = message_id(tenant, channel, own)
    meta = _meta(turn, tenant, session, at, turn, f"channel.{channel}", at + int(deadline * 1_000_000))
    return MessageReceived(meta, text, channel, own, customer or Customer(f"customer of {session}"), entry_path)


def a_feedback(score: int = 5, tenant: str = TENANT, session: str = SESSION, at: int = EPOCH) -> FeedbackGiven:
    """What a customer thought of it."""
    return FeedbackGiven(_meta(_an_id(tenant, "feedback"), tenant, session, at, None, "channel.web"), score)


def a_close(tenant: str = TENANT, session: str = SESSION, at: int = EPOCH) -> SessionClosed:
    """The channel ends a conversation."""
    return SessionClosed(_meta(_an_id(tenant, "close"), tenant, session, at, None, "channel.web"), "left")


def a_return(tenant: str = TENANT, session: str = SESSION, at: int = EPOCH) -> SessionReturned:
    """The desk gives a conversation back to the bot."""
    return SessionReturned(_meta(_an_id(tenant, "return"), tenant, session, at, None, "desk"), "agent-1")


def _an_id(tenant: str, what: str) -> str:
    return uuid5(f"{tenant}|{what}|{next(_NUMBERS)}")


def _meta(
    id_: str, tenant: str, session: str, at: int, turn: str | None, stage: str, deadline: int | None = None
) -> Meta:
    started = at if turn is not None else None
    return Meta(id_, tenant, session, turn, started, LIVE, None, at, deadline, MadeBy(stage, "test@1"))


class ScriptedIntents:
    """Says of each text what the script says; of others that it is not understood.

    script: text to (label, scenario), or to a whole Intent.
    """

    def __init__(self, script: Mapping[str, tuple[str, str] | Intent], fingerprint: str = "scripted@1") -> None:
        self.fingerprint = fingerprint
        self._script = script

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Intent:
        found = self._script.get(text)
        lang = "en" if text.isascii() else "zh"
        match found:
            case None:
                return Intent("unclear", "other", 0.1, (), 0.1, lang)
            case Intent():
                return found
            case (label, scenario):
                return Intent(label, scenario, 0.9, (Candidate(label, 0.9),), 0.05, lang)


class ScriptedSentiments:
    """Gives each text the anger that the script gives it, and 0 where it gives none."""

    def __init__(self, anger: Mapping[str, float] | None = None, fingerprint: str = "scripted@1") -> None:
        self.fingerprint = fingerprint
        self._anger = anger or {}

    def score(self, texts: Sequence[str]) -> Sequence[Sentiment]:
        angry = [self._anger.get(text, 0.0) for text in texts]
        return [Sentiment(-a, "negative" if a > 0.3 else "neutral", a, 0.9) for a in angry]


class ScriptedEntities:
    """Finds in each text what the script says is in it."""

    def __init__(self, script: Mapping[str, Sequence[Entity]] | None = None, fingerprint: str = "scripted@1") -> None:
        self.fingerprint = fingerprint
        self._script = script or {}

    def extract(self, texts: Sequence[str], at: Sequence[int]) -> Sequence[tuple[Entity, ...]]:
        return [tuple(self._script.get(text, ())) for text in texts]


INTENTS: Final = {
    "where is my order?": ("track_order", "order_query"),
    "我的订单到哪了": ("track_order", "order_query"),
    "I want to return this": ("return_item", "returns_exchange"),
    "let me talk to a human": ("ask_human", "human_handoff"),
}
"""What the kit's intents understand unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Time passes, and the stages work meanwhile."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Crash:
    """The stage breaks off when it next comes to `point` with something in hand, and begins again."""

    stage: str
    point: CrashPoint = "after_produce"


@dataclass(frozen=True, slots=True)
class Restart:
    """The stage begins again from its committed offsets."""

    stage: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The stage stops working, as a process that is stopped or has not been started."""

    stage: str


@dataclass(frozen=True, slots=True)
class Release:
    """A stage that was held goes on with what it had in memory."""

    stage: str


Item = Event | Pass | Crash | Restart | Hold | Release


class Conversations:
    """The whole pipeline over a log in memory. `codec`: with one, every event goes through its bytes."""

    def __init__(
        self,
        policies: Iterable[PolicyActivated] | None = None,
        intents: IntentModel | None = None,
        sentiments: SentimentModel | None = None,
        entities: EntityModel | None = None,
        codec: Codec | None = None,
        partitions: int = 4,
        wait: float = 0.3,
    ) -> None:
        self.clock = Clock(EPOCH)
        self.bus = Bus(self.clock.now, partitions, codec)
        self.control = ControlFold()
        self.policies = Policies(self.control)
        for activated in (a_policy(),) if policies is None else policies:
            self.bus.append(activated)
        stages: dict[str, Stage] = {
            "intent": Understanding.intent(intents or ScriptedIntents(INTENTS)),
            "sentiment": Understanding.sentiment(sentiments or ScriptedSentiments()),
            "entities": Understanding.entities(entities or ScriptedEntities()),
            "routing": Routing(self.policies, wait),
            "reply": Reply(self.policies, LruReplyCache(), seconds=lambda: 0.0),
        }
        self.pipeline = Pipeline(self.bus, self.clock, self.control, stages)

    def play(self, script: Iterable[Item], settle: bool = True) -> None:
        """Plays a script; events are appended at the clock's time as it is then, and worked on at once.

        settle: lets time pass afterwards until nothing is left to do. Raises TimeoutError if something stays.
        """
        for item in script:
            match item:
                case Pass(seconds):
                    self.pipeline.run_for(seconds)
                case Crash(stage, point):
                    self.pipeline.runners[stage].crash_at = point
                case Restart(stage):
                    self.pipeline.runners[stage].restart()
                case Hold(stage):
                    self.pipeline.held.add(stage)
                case Release(stage):
                    self.pipeline.held.discard(stage)
                case _:
                    self.bus.append(item)
                    self.pipeline.run()
        if settle:
            self.pipeline.settle()

    def routes(self, session: str | None = None) -> list[ScenarioRouted]:
        """The decisions that count, of each id the first; of one session in its order."""
        return [e for e in self._first(ROUTES, session) if isinstance(e, ScenarioRouted)]

    def changes(self, session: str | None = None) -> list[DialogueChanged]:
        """The changes of dialogues without a turn."""
        return [e for e in self._first(ROUTES, session) if isinstance(e, DialogueChanged)]

    def replies(self, session: str | None = None) -> list[ReplyProduced]:
        """The replies that count."""
        return [e for e in self._first(REPLIES, session) if isinstance(e, ReplyProduced)]

    def _first(self, topic: str, session: str | None) -> list[Event]:
        first: dict[str, Event] = {}
        for record in self.bus.records(topic):
            if session is None or record.event.meta.session_id == session:
                first.setdefault(record.event.meta.event_id, record.event)
        return list(first.values())
