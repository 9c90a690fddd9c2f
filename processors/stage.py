"""What a stage is: a function from records to outcomes. It does not know Kafka.

There are two kinds. A `Transform` looks at one record at a time and keeps nothing. A `Keeper` keeps state for each
partition, made when the partition is assigned and dropped when it is lost. The same stages run behind the real log,
the in-memory bus of the tests, and a replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from processors.outcomes import Outcome, Retry
from schemas.events import LIVE, Record


class Context(NamedTuple):
    """Where time and identity come from. `now`: microseconds UTC, taken once a batch by whoever runs the stage."""

    now: int
    run_id: str = LIVE


class Transform(Protocol):
    """A stage without memory, such as intent."""

    name: str

    def process(self, records: Sequence[Record], context: Context) -> Sequence[Outcome] | Retry:
        """One outcome for each record, in order. Blocks for milliseconds at most; called from one thread at a time."""
        ...


class PartitionState(Protocol):
    """What a keeper remembers of one partition number, across all the topics that it reads. Not shared by threads."""

    def recover(self, record: Record) -> None:
        """One record of the stage's changelog, in offset order, before anything is read. Repeats: the first wins."""
        ...

    def read(self, record: Record, context: Context) -> Outcome | None:
        """Takes in a record. An outcome of this very record (Drop, Reject), or None: what follows comes from `due`."""
        ...

    def skip(self, topic: str, offset: int, appended_at: int) -> None:
        """A record that could not be read lies here: time and position pass over it."""
        ...

    def due(self, context: Context) -> Iterable[Outcome]:
        """What can be decided now. Called after each batch, and on ticks without one."""
        ...

    def overdue(self, context: Context) -> Iterable[str]:
        """Topics whose end must be asked for, since time has to pass in this state though nothing comes."""
        ...

    def end_seen(self, topic: str, end: int, asked_at: int) -> None:
        """The topic's partition ended at offset `end` when asked at `asked_at` (microseconds, margin taken off)."""
        ...

    def safe(self) -> Mapping[str, int]:
        """Topic to the offset that may be committed: the earliest record that is still needed, or the next to come."""
        ...


@runtime_checkable
class Closes(Protocol):
    """A state with work under way outside of it, which must be called off when its partition is lost."""

    def close(self) -> None:
        """The partition is another's from now on. Called once, when nothing of it is in hand; does not wait."""
        ...


class Keeper(Protocol):
    """A stage with memory, such as routing."""

    name: str

    def open(self, partition: int, start: Mapping[str, int]) -> PartitionState:
        """An empty state. `start`: topic to the committed offset from which it will be read."""
        ...

    def ready(self, context: Context) -> Retry | None:
        """Whether the stage can work at all now; asked before each batch."""
        ...


Stage = Transform | Keeper
