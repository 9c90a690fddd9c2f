"""Rebuilding a projection, blue/green: the whole log is folded into tables beside the live ones, the two are compared
at equal positions, and then they change places. The live projection goes on meanwhile, and nothing is missing after.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import psycopg
from psycopg import sql

from projections.divergence import Digests, Divergence, Progress, compare, silent
from projections.progress import Spans, spans_of
from projections.reading import Entry, entry
from projections.session_state import reading
from projections.session_state.schema import migrate
from projections.session_state.store import SCHEMA, connect
from projections.session_state.target import SessionState
from projections.target import Place, Target
from schemas.codec import Codec
from streams.log import messages_to_end
from streams.topology import PROJECTIONS


@dataclass(frozen=True)
class Rebuilt:
    """`records` were folded. `divergence`: how the live tables differed, None where they could not be compared."""

    records: int
    divergence: Divergence | None
    seconds: float


class Side(Protocol):
    """What a store must be able to do to be rebuilt."""

    green: Target

    def prepare(self) -> None:
        """Makes the tables of the green side, empty."""
        ...

    def live_positions(self) -> Mapping[Place, int]:
        """How far the live side has come."""
        ...

    def compare(self, fold_up_to: Callable[[Mapping[Place, int]], None]) -> Divergence:
        """Both sides at equal positions."""
        ...

    def switch(self, fold_up_to: Callable[[Mapping[Place, int]], None]) -> None:
        """Stops the live side, folds the rest, and lets the two change places."""
        ...


def rebuild(side: Side, bootstrap: str, codec: Codec | None = None, progress: Progress = silent) -> Rebuilt:
    """Rebuilds one side. Raises what the log and the store raise; the live side stays as it was then."""
    began, codec, name = time.monotonic(), codec or Codec(), side.green.name
    side.prepare()
    spans = spans_of(bootstrap, name)
    live = side.live_positions()
    # A position outside the log is why a projection may have to be rebuilt: there is nothing to be compared with.
    comparable = all(low <= live.get(place, low) <= high for place, (low, high) in spans.items())
    folded = 0

    def fold_up_to(end: Mapping[Place, int]) -> None:
        nonlocal folded
        folded += fold_into(side.green, bootstrap, _within(spans_of(bootstrap, name), end), codec, progress)

    fold_up_to(live if comparable else {place: high for place, (_, high) in spans.items()})
    divergence = side.compare(fold_up_to) if comparable else None
    side.switch(fold_up_to if comparable else lambda _: None)
    return Rebuilt(folded, divergence, time.monotonic() - began)


def _within(spans: Spans, end: Mapping[Place, int]) -> dict[Place, tuple[int, int]]:
    return {place: (low, min(max(end.get(place, low), low), high)) for place, (low, high) in spans.items()}


def fold_into(
    target: Target, bootstrap: str, spans: Spans, codec: Codec, progress: Progress = silent
) -> int:
    """Folds the log from the target's positions, or where it begins, to the ends of `spans`. Returns how much."""
    stored = target.positions(spans.keys())
    at = {place: stored.get(place, low) for place, (low, _) in spans.items()}
    target.open(at)
    end = {place: high for place, (_, high) in spans.items()}
    total = sum(max(0, end[place] - at[place]) for place in spans)
    done, batch = 0, list[Entry]()

    def flush() -> None:
        nonlocal done
        new = {(e.topic, e.partition): e.offset + 1 for e in batch}
        target.write(batch, {place: at[place] for place in new}, new)
        at.update(new)
        done += len(batch)
        batch.clear()
        progress(done, total)

    with rare_collections():
        for number in sorted({n for _, n in spans}):
            # One partition number after the other: the parts of a turn lie on one, so that they come in one batch.
            only = {place for place in spans if place[1] == number}
            for message in messages_to_end(bootstrap, PROJECTIONS[target.name], at, end, only=only):
                batch.append(entry(message, codec))
                if len(batch) >= target.limit:
                    flush()
        if batch:
            flush()
    return done


@contextmanager
def rare_collections() -> Iterator[None]:
    """A batch is tens of thousands of small tuples that all die together: looking for cycles among them finds none."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


class SessionSide:
    """Session state in PostgreSQL: a schema beside the live one; the two change names in one transaction."""

    GREEN: Final = f"{SCHEMA}_rebuild"
    OLD: Final = f"{SCHEMA}_old"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.green: Target = SessionState(dsn, self.GREEN)

    def prepare(self) -> None:
        self._run(f"DROP SCHEMA IF EXISTS {self.GREEN} CASCADE", f"DROP SCHEMA IF EXISTS {self.OLD} CASCADE")
        migrate(self._dsn, self.GREEN)

    def live_positions(self) -> Mapping[Place, int]:
        with connect(self._dsn) as connection:
            return reading.positions(connection)

    def compare(self, fold_up_to: Callable[[Mapping[Place, int]], None]) -> Divergence:
        with connect(self._dsn) as connection, connection.transaction():
            # One snapshot: positions and rows of the same moment, while the live side goes on.
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            fold_up_to(reading.positions(connection))
            live = dict(reading.digests(connection))
        return compare(live, self._green_digests())

    def _green_digests(self) -> Digests:
        with connect(self._dsn, self.GREEN) as connection, connection.transaction():
            return dict(reading.digests(connection))

    def switch(self, fold_up_to: Callable[[Mapping[Place, int]], None]) -> None:
        with psycopg.connect(self._dsn) as connection:
            connection.execute(f"LOCK TABLE {SCHEMA}.positions IN ACCESS EXCLUSIVE MODE")
            rows = connection.execute(f"SELECT topic, partition, pos FROM {SCHEMA}.positions").fetchall()
            fold_up_to({(topic, partition): position for topic, partition, position in rows})
            self.green.close()
            # Whoever waits for the lock finds no position that it knows, stops, and starts on the new tables.
            connection.execute(f"UPDATE {SCHEMA}.positions SET pos = -1")
            for name, new in ((SCHEMA, self.OLD), (self.GREEN, SCHEMA)):
                rename = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
                connection.execute(rename.format(sql.Identifier(name), sql.Identifier(new)))
        self._run(f"DROP SCHEMA {self.OLD} CASCADE")

    def _run(self, *statements: Any) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute("SET client_min_messages = warning")
            for statement in statements:
                connection.execute(statement)


