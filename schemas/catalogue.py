"""The topics, as data: owner, key, records, partitions, retention, writers and readers.

Topics are created from this, the documents are generated from it, and the consumers refuse what it does not allow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from schemas import events as e

HOUR: Final = 3_600
DAY: Final = 86_400
MIB: Final = 1 << 20


@dataclass(frozen=True)
class Topic:
    """One topic. `retention`: seconds, None for ever. `max_bytes`: the largest record it takes."""

    name: str
    about: str
    owner: str
    key: str
    records: tuple[type[e.Event], ...]
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    retention: int | None
    max_bytes: int = MIB
    partitions: int | None = None
    """None: as many as the installation has for every topic keyed by session."""
    log_append_time: bool = True
    config: dict[str, str] = field(default_factory=dict)


MESSAGES: Final = "chat.messages"
SIGNALS: Final = "chat.signals"
ROUTES: Final = "chat.routes"
REPLIES: Final = "chat.replies"
PARTIALS: Final = "chat.partials"
DEAD_LETTERS: Final = "chat.dead-letters"
CONTROL: Final = "chat.control"

DEFAULT_PARTITIONS: Final = 12
"""Of every topic keyed by session; fixed for the life of a cluster, since a key's partition depends on it."""

SESSION_KEY: Final = "tenant, U+001F, session"

CATALOGUE: Final[tuple[Topic, ...]] = (
    Topic(
        MESSAGES,
        "What comes from outside: messages, feedback, and the ends of conversations.",
        owner="channels",
        key=SESSION_KEY,
        records=(e.MessageReceived, e.FeedbackGiven, e.SessionClosed, e.SessionReturned),
        writers=("channel adapters", "gateway", "human desk"),
        readers=("intent", "sentiment", "entities", "routing", "generation", "session_state", "analytics"),
        retention=90 * DAY,
    ),
    Topic(
        SIGNALS,
        "What was understood of a message.",
        owner="understanding",
        key=SESSION_KEY,
        records=(e.IntentDetected, e.SentimentScored, e.EntitiesExtracted),
        writers=("intent", "sentiment", "entities"),
        readers=("routing", "session_state", "analytics"),
        retention=90 * DAY,
    ),
    Topic(
        ROUTES,
        "What was decided, and the dialogue's state after it: routing's own changelog.",
        owner="routing",
        key=SESSION_KEY,
        records=(e.ScenarioRouted, e.DialogueChanged),
        writers=("routing",),
        readers=("routing", "reply", "generation", "human desk", "session_state", "analytics"),
        retention=90 * DAY,
    ),
    Topic(
        REPLIES,
        "What the customer was told.",
        owner="replying",
        key=SESSION_KEY,
        records=(e.ReplyProduced, e.AgentReplied),
        writers=("reply", "generation", "human desk"),
        readers=("channel adapters", "gateway", "reply", "generation", "session_state", "analytics"),
        retention=90 * DAY,
    ),
    Topic(
        PARTIALS,
        "Replies while they are being generated, sentence by sentence: of use until the reply itself is there.",
        owner="generation",
        key=SESSION_KEY,
        records=(e.ReplyPartial,),
        writers=("generation",),
        readers=("channel adapters", "gateway"),
        retention=HOUR,
    ),
    Topic(
        DEAD_LETTERS,
        "Records that could not be worked on, with their bytes.",
        owner="operators",
        key=SESSION_KEY + "; empty where the session is not known",
        records=(e.DeadLettered,),
        writers=("intent", "sentiment", "entities", "routing", "reply", "generation"),
        readers=("operators", "session_state", "analytics"),
        retention=90 * DAY,
        max_bytes=2 * MIB,
    ),
    Topic(
        CONTROL,
        "What operators changed: policies and models in force, experiments, stages halted and resumed.",
        owner="operators",
        key="tenant or stage",
        records=(e.PolicyActivated, e.ModelActivated, e.ExperimentChanged, e.StageHalted, e.StageResumed),
        writers=("operators", "every stage"),
        readers=("every stage", "gateway"),
        retention=None,
        max_bytes=8 * MIB,
        partitions=1,
    ),
)

TOPICS: Final[dict[str, Topic]] = {t.name: t for t in CATALOGUE}
TOPIC_OF: Final[dict[type[e.Event], str]] = {record: t.name for t in CATALOGUE for record in t.records}
"""A record lives on one topic only, so an event names its own."""
RECORDS: Final[dict[str, type[e.Event]]] = {record.__name__: record for record in TOPIC_OF}
