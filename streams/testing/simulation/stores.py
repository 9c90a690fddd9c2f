"""The projections' stores in memory: what PostgreSQL and ClickHouse promise, and the ways in which they fail.

Session state moves rows and positions in one transaction, fenced by the positions. Analytics takes rows that may come
again, and lists in its index what it has, last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from processors.conversation import Fact, Fold, put
from streams.log import Place

Fault = Literal["", "before", "after"]
"""What befalls the next write: nothing, the store is lost before it was made, or before it was confirmed."""


class Fenced(RuntimeError):
    """A position is not where the writer left it: another owns the partition."""


class Away(RuntimeError):
    """The store is lost for the moment; what was being written may or may not be there."""


class SessionStore:
    """Session state. `folded`: how often each offset was folded in, which one transaction keeps at once."""

    def __init__(self) -> None:
        self.fold: Fold = {}
        self.folded: Counter[tuple[str, int, int]] = Counter()
        self.fault: Fault = ""
        self._positions: dict[Place, int] = {}

    def positions(self) -> dict[Place, int]:
        """The next offset to be folded of each place."""
        return dict(self._positions)

    def write(
        self, facts: Sequence[tuple[Place, int, Fact | None]], old: Mapping[Place, int], new: Mapping[Place, int]
    ) -> None:
        """Folds facts in and moves the positions from `old` to `new`, all or nothing. Raises Fenced, Away."""
        fault, self.fault = self.fault, ""
        if fault == "before":
            raise Away
        self.begin(old, new)
        self.put_facts(facts)
        self.move(new)
        if fault == "after":
            raise Away

    def begin(self, old: Mapping[Place, int], new: Mapping[Place, int]) -> None:
        """Raises Fenced unless every position is where the writer left it."""
        if any(self._positions.get(place, 0) != old[place] for place in new):
            raise Fenced

    def move(self, new: Mapping[Place, int]) -> None:
        """The positions alone."""
        self._positions.update(new)

    def put_facts(self, facts: Sequence[tuple[Place, int, Fact | None]]) -> None:
        """The rows alone."""
        for place, offset, fact in facts:
            self.folded[(*place, offset)] += 1
            put(self.fold, fact)


class AnalyticsStore:
    """Analytics. `index`: every offset that is listed."""

    def __init__(self) -> None:
        self.fold: Fold = {}
        self.index: set[tuple[str, int, int]] = set()
        self.fault: Fault = ""

    def positions(self) -> dict[Place, int]:
        """Of each place the offset after the last that is listed."""
        found: dict[Place, int] = {}
        for topic, partition, offset in self.index:
            found[topic, partition] = max(found.get((topic, partition), 0), offset + 1)
        return found

    def write(
        self, facts: Sequence[tuple[Place, int, Fact | None]], old: Mapping[Place, int], new: Mapping[Place, int]
    ) -> None:
        """Stores a batch: the facts, then the index. What comes again changes nothing. Raises Away."""
        fault, self.fault = self.fault, ""
        if fault == "before":
            raise Away
        for _, _, fact in facts:
            put(self.fold, fact)
        if fault == "after":
            raise Away
        self.index.update((*place, offset) for place, offset, _ in facts)


Store = SessionStore | AnalyticsStore
PROJECTED: Final = ("session_state", "analytics")
