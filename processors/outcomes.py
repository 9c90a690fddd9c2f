"""What can become of a record; there is nothing else. An exception in a stage is a bug, and ends its worker."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.events import Event, Record


@dataclass(frozen=True, slots=True)
class Emit:
    """These events follow."""

    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """Nothing follows; counted under `reason`, a short stable word."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """The record cannot be worked on: to the dead letters. `reason`: a short stable word; `detail`: what mends it."""

    record: Record
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Retry:
    """The stage as a whole cannot work now: it holds this batch and asks again after `after` seconds."""

    after: float
    reason: str


Outcome = Emit | Drop | Reject
"""Of one record. Retry is of a whole batch."""
