"""The fold of a conversation: what is known of a session, from its events in any order and with any repetition.

A fold is a join. A session is a set of places, each filled in by whichever event arrives; where two events claim a
place, the one with the lower offset has it. A turn has one place for each kind of event, since it has one message, one
intent, one reply; what a session may have many of (a human's answers, feedback, changes of its dialogue) has one place
for each event id. All records of a session lie on one partition number, so offsets of one kind can be compared.

Memory, PostgreSQL and ClickHouse keep the same places, and the same JSON comes out of each: `digest` compares them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final, NamedTuple, cast

from processors.fact_body import Encode, as_text, fields_of, text
from schemas.events import (
    AgentReplied,
    DeadLettered,
    DialogueChanged,
    EntitiesExtracted,
    Event,
    FeedbackGiven,
    IntentDetected,
    MessageReceived,
    Meta,
    Record,
    ReplyProduced,
    ScenarioRouted,
    SentimentScored,
)
from schemas.validation import wrong_event

TURN_KINDS: Final[Mapping[type[Event], str]] = {
    MessageReceived: "message",
    IntentDetected: "intent",
    SentimentScored: "sentiment",
    EntitiesExtracted: "entities",
    ScenarioRouted: "route",
    ReplyProduced: "reply",
    DeadLettered: "dead_letter",
}
"""Of which a turn has one each."""
SESSION_KINDS: Final[Mapping[type[Event], str]] = {
    AgentReplied: "agent_reply",
    FeedbackGiven: "feedback",
    DialogueChanged: "change",
    DeadLettered: "dead_letter",
}
"""Of which a session may have many. A dead letter is of a turn where the turn is known."""
PARTS: Final = tuple(TURN_KINDS.values())
LEFT_OUT: Final[Mapping[type[Event], frozenset[str]]] = {
    ScenarioRouted: frozenset({"text", "tier"}),
    DeadLettered: frozenset({"key", "value"}),
}
"""What a fold does not keep: a second copy of the text and the tier, and the bytes that the dead letters topic has."""
WHERE_THERE: Final[Mapping[type[Event], str]] = {ReplyProduced: "generated"}
"""A last field that a fold keeps only where there is any: records from before it was there stay as they were stored."""
LATEST: Final = 10_413_791_999_999_999
"""Microseconds: the last moment of 2299, which every store can hold. What is later, or before 1970, is moved here."""


class SessionKey(NamedTuple):
    tenant_id: str
    run_id: str
    session_id: str


class Fact(NamedTuple):
    """An event in its place. `id`: the turn's, or the event's own. `body`: its JSON, always the same for one record."""

    session: SessionKey
    kind: str
    id: str
    turn_id: str | None
    offset: int
    body: str

    @property
    def of_turn(self) -> bool:
        return self.turn_id is not None and self.kind in PARTS


Place = tuple[str, str]
"""Kind and id."""
Session = dict[Place, Fact]
Fold = dict[SessionKey, Session]


def clean(name: str) -> str:
    """Without NUL, which PostgreSQL does not take."""
    return name.replace("\x00", "�") if "\x00" in name else name


def moment(at: int) -> int:
    """A time that every store can hold."""
    return at if 0 <= at <= LATEST else 0 if at < 0 else LATEST


def started_at(meta: Meta) -> int:
    """When the turn of an event began; where it has none, when the event happened."""
    return moment(meta.occurred_at if meta.turn_started_at is None else meta.turn_started_at)


def fact(record: Record) -> Fact | None:
    """The place of a valid record, and what it puts there; None for events that are no part of a conversation."""
    event = record.event
    meta, cls = event.meta, type(event)
    turn = clean(meta.turn_id) if meta.turn_id else None
    of_turn = turn is not None and cls in TURN_KINDS
    kind = TURN_KINDS[cls] if of_turn else SESSION_KINDS.get(cls)
    if kind is None:
        return None
    id_ = turn if turn is not None and of_turn else clean(meta.event_id)
    session = SessionKey(clean(meta.tenant_id), clean(meta.run_id), clean(meta.session_id))
    return Fact(session, kind, id_, turn, record.offset, body(record))


def body(record: Record) -> str:
    """The JSON that is kept of a record: where it lies, what is kept of every event's meta, and the event's fields."""
    event = record.event
    meta, due = event.meta, event.meta.deadline_at
    stage, fingerprint = meta.made_by
    said = (
        f'{{"log_offset":{record.offset},"log_time":{moment(record.appended_at)},"event_id":{text(meta.event_id)},'
        f'"occurred_at":{moment(meta.occurred_at)},"turn_started_at":{started_at(meta)},'
        f'"deadline_at":{"null" if due is None else moment(due)},'
        f'"made_by":{text(stage)},"fingerprint":{text(fingerprint)},{_fields(event)}}}'
    )
    return said if "\\u0000" not in said else as_text(_mended(json.loads(said)))


def _fields(event: Event) -> str:
    cls = cast(Hashable, type(event))
    write = _WRITERS.get(cls)
    if write is None:
        write = _WRITERS[cls] = fields_of(cls, LEFT_OUT.get(type(event), frozenset()) | {"meta"})
    said = write(event)
    where_there = WHERE_THERE.get(type(event))
    return said if where_there is None else said.removesuffix(f',"{where_there}":null')


_WRITERS: Final[dict[Hashable, Encode]] = {}


def as_json(values: Mapping[str, Any]) -> str:
    """The same text of values that a store gave back: no NUL in it, and null for what is no number."""
    try:
        said = as_text(values)
    except ValueError:
        return as_text(_mended(values))
    return said if "\\u0000" not in said else as_text(_mended(values))


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {clean(k): _mended(v) for k, v in value.items()}
    return [_mended(v) for v in value] if isinstance(value, list | tuple) else value


def take(fold: Fold, record: Record) -> None:
    """Folds one record in. What the pipeline refuses (`schemas.validation`) leaves only its dead letter."""
    if wrong_event(record.event, record.appended_at) is None:
        put(fold, fact(record))


def put(fold: Fold, new: Fact | None) -> None:
    """Puts a fact in its place, unless one with a lower offset has it."""
    if new is None:
        return
    session = fold.setdefault(new.session, {})
    place = (new.kind, new.id)
    old = session.get(place)
    if old is None or new.offset < old.offset:
        session[place] = new


def digest(entries: Iterable[tuple[str, str, str]]) -> bytes:
    """Sixteen bytes that stand for a session's state. entries: kind, id and body of each place, in any order."""
    hashed = hashlib.blake2b(digest_size=16)
    for entry in sorted(entries):
        for part in entry:
            hashed.update(part.encode("utf-8", "surrogatepass"))
            hashed.update(b"\x1f")
    return hashed.digest()


def digest_of(session: Session) -> bytes:
    """The digest of a session in memory."""
    return digest((f.kind, f.id, f.body) for f in session.values())


def dialogue(bodies: Iterable[tuple[str, Mapping[str, Any]]]) -> Mapping[str, Any] | None:
    """The dialogue's state: that of the highest `seq` among routes and changes; of equal ones the lowest offset.

    bodies: kinds and parsed bodies of a session's places.
    """
    states = [(b["state"]["seq"], -b["log_offset"], b["state"]) for kind, b in bodies if kind in ("route", "change")]
    return cast("Mapping[str, Any]", max(states, key=lambda s: s[:2])[2]) if states else None
