"""A stretch of the recorded log: the conversations of a window of time, with all that was said and decided in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from schemas.events import Record
from streams.log import Unreadable


class Window(NamedTuple):
    """Log time of chat.messages, [start, end). Microseconds UTC."""

    start: int
    end: int


class Gap(NamedTuple):
    """What retention took of a window: times in microseconds UTC, offsets named in `detail`."""

    topic: str
    partition: int
    missing_from: int
    missing_to: int
    detail: str


@dataclass(frozen=True)
class Selection:
    """Which conversations of a window are meant. Sessions come whole or not at all.

    tenant: only its sessions. scenario: sessions with a turn recorded as routed there. sessions: at most so many, the
    lowest by SHA-256 of seed, tenant and session over the whole stretch, so that every host chooses the same.
    """

    tenant: str | None = None
    scenario: str | None = None
    sessions: int | None = None
    seed: int = 7


class PartitionStretch(NamedTuple):
    """One partition of a stretch, in offset order within each topic. Only records of the run "live".

    before: chat.routes of the chosen sessions before their first record in the window: what routing recovers from,
    bounded by streams.recovery.HISTORY like live. messages: all of chat.messages in the window (feedback, closed,
    returned too). signals: of turns in the window, repeats included. routes: ScenarioRouted and DialogueChanged of the
    window's records, repeats included. replies: ReplyProduced and AgentReplied of turns in the window.
    """

    partition: int
    before: tuple[Record, ...]
    messages: tuple[Record | Unreadable, ...]
    signals: tuple[Record | Unreadable, ...]
    routes: tuple[Record, ...]
    replies: tuple[Record, ...]


class Stretch(Protocol):
    """A stretch of the log, fixed when it was made: read twice, or on another host, it is the same."""

    @property
    def window(self) -> Window:
        """The time that it covers."""

    @property
    def partitions(self) -> tuple[int, ...]:
        """The partitions of chat.messages; those of the other topics have the same numbers for the same sessions."""

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is missing of it."""

    def control(self) -> Sequence[Record]:
        """Chat.control from its beginning. Activations after the window are harmless: their effective_at decides."""

    def sessions(self) -> frozenset[tuple[str, str]] | None:
        """The chosen (tenant, session). None: all."""

    def read(self, partition: int) -> PartitionStretch:
        """One partition of it. Raises ValueError for one that it does not have."""

    def describe(self) -> Mapping[str, Any]:
        """Fit for JSON: enough to build the same stretch again, here or on another host."""
