"""The events, as immutable tuples. The Avro files in `avro/` are the source of truth; a test holds these against them.

Every timestamp is an int: microseconds since the epoch, UTC. Every event begins with the same `meta`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

LIVE = "live"

Rung = Literal["cache", "template", "knowledge", "small_model", "large_model", "human", "fallback"]
RUNGS: tuple[Rung, ...] = ("cache", "template", "knowledge", "small_model", "large_model", "human", "fallback")

SCENARIOS = (
    "order_query",
    "logistics",
    "returns_exchange",
    "payment",
    "account_security",
    "product_question",
    "service_change",
    "complaint",
    "human_handoff",
    "chit_chat",
    "out_of_scope",
    "other",
)
DIALOGUE_ACT = "dialogue_act"
"""The family of an intent that only continues the scenario the dialogue is in."""


class MadeBy(NamedTuple):
    stage: str
    fingerprint: str


class Meta(NamedTuple):
    event_id: str
    tenant_id: str
    session_id: str
    turn_id: str | None
    turn_started_at: int | None
    run_id: str
    caused_by: str | None
    occurred_at: int
    deadline_at: int | None
    made_by: MadeBy
    traceparent: str | None = None


class Customer(NamedTuple):
    id: str
    tier: str = "standard"
    verified: bool = False
    attributes: Mapping[str, str] = {}


class MessageReceived(NamedTuple):
    meta: Meta
    text: str
    channel: str
    channel_message_id: str
    customer: Customer
    entry_path: str = ""


class FeedbackGiven(NamedTuple):
    meta: Meta
    score: int
    comment: str = ""


class SessionClosed(NamedTuple):
    meta: Meta
    reason: str = ""


class SessionReturned(NamedTuple):
    meta: Meta
    agent_id: str


class Candidate(NamedTuple):
    label: str
    confidence: float


class IntentDetected(NamedTuple):
    meta: Meta
    label: str
    scenario: str
    confidence: float
    top: tuple[Candidate, ...]
    out_of_scope: float
    lang: str


class SentimentScored(NamedTuple):
    meta: Meta
    score: float
    label: str
    anger: float
    confidence: float


class Entity(NamedTuple):
    kind: str
    text: str
    value: str
    start: int
    end: int
    personal: bool = False


class EntitiesExtracted(NamedTuple):
    meta: Meta
    entities: tuple[Entity, ...]


class DialogueState(NamedTuple):
    seq: int
    episode_id: str
    episode_started_at: int
    turn_seq: int
    scenario: str
    step: str
    failures: int
    handed_off: bool
    handed_off_at: int | None
    anger: float
    last_turn_at: int
    deadline_at: int | None
    history: tuple[str, ...]


class SignalsUsed(NamedTuple):
    intent: str = ""
    confidence: float = 0.0
    out_of_scope: float = 0.0
    sentiment: float = 0.0
    anger: float = 0.0
    missing: tuple[str, ...] = ()


class ScenarioRouted(NamedTuple):
    meta: Meta
    text: str
    lang: str
    channel: str
    customer_id: str
    scenario: str
    step: str
    trigger: str
    owner: str
    handoff: bool
    handoff_reason: str | None
    rungs: tuple[str, ...]
    template: str | None
    soothing: str | None
    knowledge_scope: tuple[str, ...]
    knowledge: str
    policy: str
    signals: SignalsUsed
    slots: Mapping[str, str]
    earlier_deadline_at: int | None
    rejected: str | None
    state: DialogueState
    tier: str = ""


class DialogueChanged(NamedTuple):
    meta: Meta
    change: str
    state: DialogueState


class PassedOver(NamedTuple):
    rung: str
    reason: str


class Citation(NamedTuple):
    article_id: str
    title: str


class Generated(NamedTuple):
    """What the last model that was asked for a turn did; also on replies of a lower rung, where tokens were paid.

    `first_seconds`: from the request to the first text, None where none came; `seconds`: to the end; `waited`: in the
    queue before. `model` is "" where the server was never reached; `outcome` is "" where no text came."""

    model: str
    prompt: str
    prompt_tokens: int
    tokens: int
    first_seconds: float | None
    seconds: float
    waited: float
    finish: str
    fault: str
    outcome: str
    guards: tuple[str, ...] = ()


class ReplyProduced(NamedTuple):
    meta: Meta
    text: str
    rung: Rung
    passed_over: tuple[PassedOver, ...]
    citations: tuple[Citation, ...]
    lang: str
    scenario: str
    template: str | None
    policy: str
    knowledge: str
    episode_id: str
    turn_seq: int
    earlier_deadline_at: int | None
    handoff: bool
    seconds: float
    generated: Generated | None = None


class ReplyPartial(NamedTuple):
    """A piece of a reply that is being generated: whole sentences that passed the guards.

    `attempt` is new for each generation of the turn; `position` counts the characters of it released before."""

    meta: Meta
    attempt: str
    position: int
    text: str


class AgentReplied(NamedTuple):
    meta: Meta
    text: str
    agent_id: str


class DeadLettered(NamedTuple):
    meta: Meta
    topic: str
    partition: int
    offset: int
    appended_at: int
    key: bytes | None
    value: bytes | None
    stage: str
    reason: str
    detail: str
    record: str | None


class Article(NamedTuple):
    article_id: str
    title: str
    lang: str
    tags: tuple[str, ...]
    text: str


class PromptFile(NamedTuple):
    """A prompt template as its file is: front matter and all. `tenant`: whose it is; empty for a shipped one."""

    name: str
    text: str
    tenant: str = ""


class PolicyActivated(NamedTuple):
    meta: Meta
    policy: str
    policy_fingerprint: str
    articles: tuple[Article, ...]
    knowledge_fingerprint: str
    effective_at: int
    prompts: tuple[PromptFile, ...] = ()


class ModelActivated(NamedTuple):
    meta: Meta
    task: str
    name: str
    version: str
    fingerprint: str
    location: str
    effective_at: int
    operator: str = ""


class ArmModel(NamedTuple):
    task: str
    name: str
    version: str
    fingerprint: str
    location: str


class ExperimentArm(NamedTuple):
    name: str
    weight: float
    policy: str = ""
    policy_fingerprint: str = ""
    articles: tuple[Article, ...] = ()
    knowledge_fingerprint: str = ""
    models: tuple[ArmModel, ...] = ()
    prompts: tuple[PromptFile, ...] = ()


class ExperimentChanged(NamedTuple):
    meta: Meta
    name: str
    status: str
    effective_at: int
    arms: tuple[ExperimentArm, ...] = ()
    salt: str = ""
    sessions: int = 0
    excluded: tuple[str, ...] = ()
    candidate: str = ""
    operator: str = ""


class StageHalted(NamedTuple):
    meta: Meta
    stage: str
    reason: str


class StageResumed(NamedTuple):
    meta: Meta
    stage: str
    operator: str = ""


Event = (
    MessageReceived
    | FeedbackGiven
    | SessionClosed
    | SessionReturned
    | IntentDetected
    | SentimentScored
    | EntitiesExtracted
    | ScenarioRouted
    | DialogueChanged
    | ReplyProduced
    | ReplyPartial
    | AgentReplied
    | DeadLettered
    | PolicyActivated
    | ModelActivated
    | ExperimentChanged
    | StageHalted
    | StageResumed
)


class Record(NamedTuple):
    """An event where it lies in the log. `appended_at`: the log's own time (LogAppendTime), microseconds."""

    topic: str
    partition: int
    offset: int
    appended_at: int
    event: Event
