"""From events to rows of the fact tables and of the index of the log. The order of values is that of the columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from processors.conversation import clean, moment, started_at
from projections.reading import Entry, owner_of
from schemas.events import (
    AgentReplied,
    DeadLettered,
    DialogueChanged,
    EntitiesExtracted,
    Event,
    FeedbackGiven,
    IntentDetected,
    MessageReceived,
    Record,
    ReplyProduced,
    ScenarioRouted,
    SentimentScored,
)

HEAD: Final = (
    "tenant_id",
    "run_id",
    "session_id",
    "turn_id",
    "turn_started_at",
    "event_id",
    "occurred_at",
    "deadline_at",
    "made_by",
    "fingerprint",
    "topic",
    "partition",
    "offset",
    "appended_at",
)
FACTS: Final[dict[type[Event], str]] = {
    MessageReceived: "messages",
    IntentDetected: "intents",
    SentimentScored: "sentiments",
    EntitiesExtracted: "entities",
    ScenarioRouted: "routes",
    ReplyProduced: "replies",
    DeadLettered: "dead_letters",
    AgentReplied: "agent_replies",
    FeedbackGiven: "feedback",
    DialogueChanged: "dialogue_changes",
}
LOG_INDEX: Final = "log_index"
INDEX_COLUMNS: Final = (
    "topic",
    "partition",
    "offset",
    "record",
    "status",
    "detail",
    "tenant_id",
    "run_id",
    "session_id",
    "event_id",
    "turn_started_at",
    "occurred_at",
    "appended_at",
    "inserted_at",
)
RUN_COLUMNS: Final = {
    "runs": (
        "run_id",
        "status",
        "candidate",
        "mode",
        "definition",
        "definition_id",
        "partitions",
        "created_at",
        "updated_at",
    ),
    "run_parts": (
        "run_id",
        "partition",
        "status",
        "conversations",
        "turns",
        "records",
        "counts",
        "seconds",
        "digest",
        "done_at",
    ),
    "run_turns": (
        "run_id",
        "tenant_id",
        "session_id",
        "turn_id",
        "turn_started_at",
        "on_policy",
        "differs",
        "score_difference",
        "recomputed",
        "served",
        "missing_effects",
        "intent_seconds",
        "sentiment_seconds",
        "entities_seconds",
        "routing_seconds",
        "reply_seconds",
        "tokens",
        "written_at",
    ),
}
"""What is kept of replays beside their facts (`projections.runs`)."""
_OF_DEAD_LETTERS: Final = (
    "origin_topic",
    "origin_partition",
    "origin_offset",
    "origin_appended_at",
    "rejected_by",
    "reason",
    "detail",
    "record",
)
NO_MODEL: Final = (False, "", "", 0, 0, None, 0.0, 0.0, "", "", "", ())
"""What `generated` of replies has where no model was asked: a tuple cannot be null."""
Row = tuple[Any, ...]


def _columns(event: type[Event]) -> tuple[str, ...]:
    if event is DeadLettered:
        return HEAD + _OF_DEAD_LETTERS
    fields = event._fields[2:] if event is ScenarioRouted else event._fields[1:]
    return HEAD + fields


COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    **{table: _columns(event) for event, table in FACTS.items()},
    LOG_INDEX: INDEX_COLUMNS,
    **RUN_COLUMNS,
}
"""Of each table that is written to, the columns, in the order in which rows have them."""


def fact_row(record: Record) -> Row:
    """The row of a record whose event is one of FACTS."""
    event = record.event
    meta = event.meta
    head = (
        clean(meta.tenant_id),
        clean(meta.run_id),
        clean(meta.session_id),
        clean(meta.turn_id or ""),
        started_at(meta),
        clean(meta.event_id),
        moment(meta.occurred_at),
        None if meta.deadline_at is None else moment(meta.deadline_at),
        *meta.made_by,
        record.topic,
        record.partition,
        record.offset,
        moment(record.appended_at),
    )
    if isinstance(event, ScenarioRouted):
        return head + event[2:]
    if isinstance(event, ReplyProduced):
        generated = event.generated
        return (*head, *event[1:-1], NO_MODEL if generated is None else (True, *generated))
    if isinstance(event, DeadLettered):
        return (*head, *event[1:4], moment(event.appended_at), *event[7:])
    return head + event[1:]


def index_row(entry: Entry, now: int) -> Row:
    """The row of any offset in the index of the log."""
    place, at = entry[:3], moment(entry.appended_at)
    if entry.record is None:
        tenant, session = owner_of(entry.key)
        return (*place, "", entry.status, entry.detail, clean(tenant), "", clean(session), "", at, at, at, now)
    event = entry.record.event
    meta = event.meta
    valid = entry.status == "decoded"
    return (
        *place,
        type(event).__name__,
        entry.status,
        entry.detail,
        clean(meta.tenant_id),
        clean(meta.run_id),
        clean(meta.session_id),
        clean(meta.event_id),
        started_at(meta) if valid else at,
        moment(meta.occurred_at) if valid else at,
        at,
        now,
    )


def tables_of(entries: Iterable[Entry], now: int) -> dict[str, Sequence[Row]]:
    """The rows of a batch by table, the index of the log last: what it lists is in the facts already."""
    facts: dict[str, list[Row]] = defaultdict(list)
    index = []
    for entry in entries:
        if entry.record is not None and entry.status == "decoded":
            table = FACTS.get(type(entry.record.event))
            if table is not None:
                facts[table].append(fact_row(entry.record))
        index.append(index_row(entry, now))
    return {**facts, LOG_INDEX: index}
