"""Records that could not be worked on: the event that keeps them, and the limit that stops a stage which makes many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from schemas.codec import Codec
from schemas.events import LIVE, DeadLettered, Event, MadeBy, MessageReceived, Meta, Record, StageHalted
from schemas.identity import SEPARATOR, dead_letter_id, derived_id, session_key
from schemas.validation import MAX_NAME
from streams.sink import TooLarge

MADE_BY_VERSION: Final = "dead_letter@1"
MAX_VALUE: Final = 1 << 20
"""Bytes of a record that a dead letter keeps; every topic that stages read takes less."""
MAX_KEY: Final = 4096


class Bad(NamedTuple):
    """A record to be dead-lettered. `event`: what it holds, where it could be decoded."""

    topic: str
    partition: int
    offset: int
    appended_at: int
    key: bytes | None
    value: bytes | None
    reason: str
    detail: str
    event: Event | None


def of_record(record: Record, reason: str, detail: str, codec: Codec) -> Bad:
    """A rejected record whose bytes are no longer at hand: they are made again."""
    meta, value = record.event.meta, codec.encode(record.event)
    key = session_key(meta.tenant_id, meta.session_id)
    return Bad(*record[:4], key, value, reason, detail, record.event)


def dead_letter(bad: Bad, stage: str, now: int) -> DeadLettered:
    """The event. Several stages that trip over one record write the same one.

    The turn starts at the log's time, not the record's own, which may be what is wrong with it. Names are cut to what
    a name may have: with ids as long as a record, the letter would itself be too large for its topic.
    """
    tenant, session = _session_of(bad)
    meta = bad.event.meta if bad.event is not None else None
    turn = meta.turn_id if meta is not None else None
    if isinstance(bad.event, MessageReceived):
        turn = bad.event.meta.event_id  # A message is its turn, whatever an invalid one says.
    return DeadLettered(
        Meta(
            event_id=dead_letter_id(bad.topic, bad.partition, bad.offset),
            tenant_id=tenant,
            session_id=session,
            turn_id=_cut(turn),
            turn_started_at=bad.appended_at,
            run_id=meta.run_id[:MAX_NAME] if meta is not None else LIVE,
            caused_by=_cut(meta.event_id) if meta is not None else None,
            occurred_at=now,
            deadline_at=None,
            made_by=MadeBy(stage, MADE_BY_VERSION),
        ),
        topic=bad.topic,
        partition=bad.partition,
        offset=bad.offset,
        appended_at=bad.appended_at,
        key=bad.key[:MAX_KEY] if bad.key is not None else None,
        value=bad.value[:MAX_VALUE] if bad.value is not None else None,
        stage=stage,
        reason=bad.reason,
        detail=bad.detail[:2000],
        record=type(bad.event).__name__ if bad.event is not None else None,
    )


def too_large(left_out: TooLarge, topic: str, stage: str, now: int) -> DeadLettered:
    """The dead letter of an event that `topic` did not take. It lies nowhere, so partition and offset are -1."""
    meta, event = left_out.event.meta, left_out.event
    return DeadLettered(
        meta._replace(
            event_id=derived_id(meta.run_id, "dead_letter", meta.event_id),
            tenant_id=meta.tenant_id[:MAX_NAME],
            session_id=meta.session_id[:MAX_NAME],
            turn_id=_cut(meta.turn_id),
            caused_by=_cut(meta.event_id),
            occurred_at=now,
            deadline_at=None,
            made_by=MadeBy(stage, MADE_BY_VERSION),
            traceparent=None,
        ),
        topic=topic,
        partition=-1,
        offset=-1,
        appended_at=now,
        key=session_key(meta.tenant_id, meta.session_id)[:MAX_KEY],
        value=left_out.value[:MAX_VALUE],
        stage=stage,
        reason="too_large",
        detail=f"{len(left_out.value)} bytes; {topic} takes {left_out.limit}",
        record=type(event).__name__,
    )


def _cut(name: str | None) -> str | None:
    return None if name is None else name[:MAX_NAME]


def _session_of(bad: Bad) -> tuple[str, str]:
    """Tenant and session from the event, else from the key, else unknown; cut, where they are too long to be any."""
    if bad.event is not None:
        return bad.event.meta.tenant_id[:MAX_NAME], bad.event.meta.session_id[:MAX_NAME]
    try:
        tenant, _, session = (bad.key or b"").decode().partition(SEPARATOR)
    except UnicodeDecodeError:
        return "", ""
    return (tenant[:MAX_NAME], session[:MAX_NAME]) if session else ("", "")


class DeadLetterLimit:
    """When a stage has rejected too much: `in_a_row` records, or more than `share` of a window of `window` records.

    A deploy that can read nothing would otherwise drain the topic into the dead letters.
    """

    def __init__(self, in_a_row: int = 20, share: float = 0.01, window: int = 1000) -> None:
        self._in_a_row, self._share, self._window = in_a_row, share, window
        self._row = self._seen = self._rejected = 0

    def batch(self, records: int, rejected: Sequence[int]) -> str | None:
        """Takes in a batch of `records`, of which those at the positions `rejected`, ascending, were rejected.

        Returns why the stage must stop, or None.
        """
        longest = self._longest_row(records, rejected)
        self._seen += records
        self._rejected += len(rejected)
        seen, bad = self._seen, self._rejected
        if seen >= self._window:
            self._seen = self._rejected = 0
        if longest >= self._in_a_row:
            return f"{longest} records in a row were rejected"
        if seen >= self._window and bad > self._share * seen:
            return f"{bad} of {seen} records were rejected"
        return None

    def _longest_row(self, records: int, rejected: Sequence[int]) -> int:
        longest, last = 0, -1
        for position in rejected:
            self._row = self._row + 1 if position == last + 1 else 1
            longest, last = max(longest, self._row), position
        if records and last != records - 1:
            self._row = 0
        return longest


def halt(stage: str, reason: str, caused_by: str, now: int) -> StageHalted:
    """The event that keeps a stage stopped until an operator clears it. `caused_by`: the last dead letter's id."""
    meta = Meta(
        event_id=derived_id(LIVE, "halt", f"{stage}|{caused_by}"),
        tenant_id="",
        session_id="",
        turn_id=None,
        turn_started_at=None,
        run_id=LIVE,
        caused_by=caused_by,
        occurred_at=now,
        deadline_at=None,
        made_by=MadeBy(stage, MADE_BY_VERSION),
    )
    return StageHalted(meta, stage, reason)
