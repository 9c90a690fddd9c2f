"""Session state as a projection: entries in, rows and positions out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import psycopg

from processors.conversation import fact
from projections.reading import Entry
from projections.session_state.store import SCHEMA, Store
from projections.target import Fenced, Place


class SessionState:
    """The target of the projection session_state."""

    name = "session_state"
    away: tuple[type[Exception], ...] = (psycopg.OperationalError, psycopg.InterfaceError)
    pace = 0.5
    limit = 20_000

    def __init__(self, dsn: str, schema: str = SCHEMA) -> None:
        self.store = Store(dsn, schema)
        self._unsure = False
        """Whether the last write may have been committed without our being told."""

    def positions(self, places: Collection[Place]) -> Mapping[Place, int]:
        return self.store.positions(places)

    def open(self, starts: Mapping[Place, int]) -> None:
        self.store.open(starts)

    def write(self, entries: Sequence[Entry], old: Mapping[Place, int], new: Mapping[Place, int]) -> None:
        """Raises Fenced where the stored positions are neither `old` nor, after a lost connection, `new`."""
        if self._unsure and self.store.positions(new.keys()) == dict(new):
            self._unsure = False
            return
        folded = (fact(e.record) for e in entries if e.record is not None and e.status == "decoded")
        self._unsure = True
        try:
            self.store.write([f for f in folded if f is not None], old, new)
        except Fenced:
            self._unsure = False
            raise
        self._unsure = False

    def close(self) -> None:
        self.store.close()
