"""What a projection writes to, as the loop that feeds it sees it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from projections.reading import Entry

Place = tuple[str, int]
"""Topic and partition."""


class Target(Protocol):
    """A store that knows how far it has come. Used by one thread. Any method may raise one of `away`."""

    name: str
    away: tuple[type[Exception], ...]
    """What is raised while the store cannot be written to; the same call is made again later. Else it is a bug."""
    pace: float
    """Seconds from one batch to the next while the log is not far ahead: what comes together is written together."""
    limit: int
    """Records in a batch, at most."""

    def positions(self, places: Collection[Place]) -> Mapping[Place, int]:
        """The next offset to be folded, of those places that have been folded before."""
        ...

    def open(self, starts: Mapping[Place, int]) -> None:
        """These places will be folded from these offsets on."""
        ...

    def write(self, entries: Sequence[Entry], old: Mapping[Place, int], new: Mapping[Place, int]) -> None:
        """Folds a batch in and moves its places from `old` to `new`. Called again with the same after one of `away`."""
        ...

    def close(self) -> None:
        """Gives up the connection; the next call opens another."""
        ...


class Fenced(RuntimeError):
    """A position is not where this process left it: another owns the partition now. This one stops and starts anew."""
