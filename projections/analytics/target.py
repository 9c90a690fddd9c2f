"""Analytics as a projection: entries in, rows of facts and of the index of the log out."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from projections.analytics.schema import DATABASE
from projections.analytics.store import AWAY, Store
from projections.reading import Entry
from projections.target import Place


class Analytics:
    """The target of the projection analytics. Repetition changes nothing in it, so it needs no fence."""

    name = "analytics"
    away: tuple[type[Exception], ...] = AWAY
    pace = 1.0
    limit = 40_000

    def __init__(self, url: str, database: str = DATABASE) -> None:
        self.store = Store(url, database)

    def positions(self, places: Collection[Place]) -> Mapping[Place, int]:
        return {place: offset for place, offset in self.store.positions().items() if place in places}

    def open(self, starts: Mapping[Place, int]) -> None:
        """Nothing to be made: a place is listed once it has a record."""

    def write(self, entries: Sequence[Entry], old: Mapping[Place, int], new: Mapping[Place, int]) -> None:
        self.store.write(entries, time.time_ns() // 1000)

    def close(self) -> None:
        self.store.close()
