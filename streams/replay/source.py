"""Where a stretch is read from: a log on a broker, in files, or in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from schemas.events import Event
from streams.log import Place

Span = tuple[int, int]
"""The first offset, and the offset after the last."""


class Raw(NamedTuple):
    """A record as it lies there, not decoded. `event`: where the source keeps events and has no bytes of them."""

    offset: int
    appended_at: int
    key: bytes | None
    value: bytes | None
    event: Event | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class StretchGone(LookupError):
    """The log no longer has what the stretch was made of; the message says what, and the remedy."""


class Source(Protocol):
    """What a stretch needs of a log. Times are microseconds UTC, and of the log."""

    def spans(self, topics: Collection[str]) -> Mapping[Place, Span]:
        """Of each partition of these topics, what it holds as of now."""

    def offsets_at(self, places: Collection[Place], at: int) -> Mapping[Place, int]:
        """The first offset appended at `at` or later; the offset after the last where there is none."""

    def raws(self, spans: Mapping[Place, Span]) -> Iterator[tuple[Place, Raw]]:
        """Every record of these spans, in offset order within a place. Raises StretchGone."""

    def describe(self) -> Mapping[str, Any]:
        """What it is and where, fit for JSON."""
