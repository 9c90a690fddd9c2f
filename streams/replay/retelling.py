"""An event told again: of another run, or at another time. Much of a replay's time, so without `_replace`."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from schemas.catalogue import TOPIC_OF
from schemas.events import Event, Meta, Record

E = TypeVar("E", bound=Event)

_RUN: Final = Meta._fields.index("run_id")
_AT: Final = Meta._fields.index("occurred_at")


def in_run(event: E, run_id: str) -> E:
    """The event as one of this run."""
    return _with(event, Meta._make((*event.meta[:_RUN], run_id, *event.meta[_RUN + 1 :])))


def at_time(event: E, occurred_at: int) -> E:
    """The event as one that happened at `occurred_at` (microseconds UTC)."""
    if event.meta.occurred_at == occurred_at:
        return event
    return _with(event, Meta._make((*event.meta[:_AT], occurred_at, *event.meta[_AT + 1 :])))


def placed(event: Event, recorded: Record | None, message: Record) -> Record:
    """An event of a run at the place and time of its counterpart; of its message, where there is none."""
    topic = TOPIC_OF[type(event)]
    if recorded is None:
        return Record(topic, message.partition, message.offset, message.appended_at, event)
    event = at_time(event, recorded.event.meta.occurred_at)
    return Record(topic, recorded.partition, recorded.offset, recorded.appended_at, event)


def _with(event: E, meta: Meta) -> E:
    made: Any = type(event)
    told: E = made._make((meta, *event[1:]))
    return told
