"""Session state in PostgreSQL: rows and consumed positions move in one transaction, fenced by the positions.

Two processes that believe they own a partition cannot both write: each moves the position from where it found it, and
the second finds another. So a zombie stops, and a batch that is written again after a crash is not written twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Self

import psycopg

from processors.conversation import PARTS, Fact, Fold, SessionKey, put
from projections.target import Fenced, Place

SCHEMA: Final = "session_state"
PROJECTION_ROLE: Final = "spillway_projection"
READER_ROLE: Final = "spillway_reader"

def upsert_turns() -> str:
    """Fills in the places of a turn; of two claims the lower offset stays, and what changes nothing is not written."""
    columns = ["tenant_id", "run_id", "session_id", "turn_id", *(c for k in PARTS for c in (f"{k}_offset", k))]
    sets = ", ".join(
        f"{k}_offset = least(t.{k}_offset, excluded.{k}_offset), "
        f"{k} = CASE WHEN t.{k}_offset IS NULL OR excluded.{k}_offset < t.{k}_offset THEN excluded.{k} ELSE t.{k} END"
        for k in PARTS
    )
    gained = " OR ".join(f"excluded.{k}_offset < coalesce(t.{k}_offset, 9223372036854775807)" for k in PARTS)
    return (
        f"INSERT INTO turns AS t ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) "
        f"ON CONFLICT (tenant_id, session_id, run_id, turn_id) DO UPDATE SET {sets} WHERE {gained}"
    )


_UPSERT_TURN: Final = upsert_turns()
_UPSERT_EVENT: Final = (
    "INSERT INTO session_events AS e (tenant_id, run_id, session_id, kind, event_id, turn_id, log_offset, body) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, session_id, run_id, kind, event_id) DO UPDATE "
    "SET turn_id = excluded.turn_id, log_offset = excluded.log_offset, body = excluded.body "
    "WHERE excluded.log_offset < e.log_offset"
)
_ADVANCE: Final = "UPDATE positions SET pos = %s WHERE topic = %s AND partition = %s AND pos = %s"


def connect(dsn: str, schema: str = SCHEMA, role: str = PROJECTION_ROLE) -> psycopg.Connection[Any]:
    """A connection in `role`, with the tables of `schema` at hand.

    A commit does not wait for the disk: should the server crash, rows and positions are lost together, and the log is
    read again from the positions that are left.
    """
    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=5,
        options=f"-c role={role} -c search_path={schema} -c synchronous_commit=off -c jit=off",
        application_name="spillway session_state",
    )


class Store:
    """Writes folded facts; for one thread. Methods raise psycopg.OperationalError where the server is away."""

    def __init__(self, dsn: str, schema: str = SCHEMA) -> None:
        self._dsn, self._schema = dsn, schema
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._dsn, self._schema)
        return self._connection

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def positions(self, places: Collection[Place] | None = None) -> dict[Place, int]:
        """The next offset to be folded of each place that has one; of all places where None are named."""
        rows = self.connection.execute("SELECT topic, partition, pos FROM positions").fetchall()
        return {(t, p): pos for t, p, pos in rows if places is None or (t, p) in places}

    def open(self, starts: Mapping[Place, int]) -> None:
        """Makes the positions that are not there yet."""
        insert = "INSERT INTO positions (topic, partition, pos) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany(insert, [(t, p, pos) for (t, p), pos in sorted(starts.items())])

    def write(self, facts: Sequence[Fact], old: Mapping[Place, int], new: Mapping[Place, int]) -> None:
        """Folds `facts` in and moves the positions from `old` to `new`, all or nothing.

        Raises Fenced where a position is not the one in `old`; nothing is written then.
        """
        turns, events = rows_of(facts)
        with self.connection.transaction(), self.connection.cursor() as cursor:
            # The positions first: their locks let a zombie find out before it has written anything.
            places = sorted(new)
            if places:
                cursor.executemany(_ADVANCE, [(new[p], *p, old[p]) for p in places])
            if places and cursor.rowcount != len(places):
                raise Fenced(
                    f"{self._schema}: a position among {[(*p, old[p]) for p in places]} has been moved by another "
                    "process, which owns the partition now; this one stops and starts anew from the stored positions"
                )
            if turns:
                cursor.executemany(_UPSERT_TURN, turns)
            if events:
                cursor.executemany(_UPSERT_EVENT, events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def rows_of(facts: Sequence[Fact]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows for turns and for session_events: a batch is folded in memory first, so that a turn is written once."""
    fold: Fold = {}
    for new in facts:
        put(fold, new)
    turns: dict[tuple[SessionKey, str], dict[str, Fact]] = {}
    events = []
    for key, session in fold.items():
        for f in session.values():
            if f.of_turn:
                turns.setdefault((key, f.id), {})[f.kind] = f
            else:
                events.append((*key, f.kind, f.id, f.turn_id, f.offset, f.body))
    rows = []
    for (key, turn), parts in turns.items():
        row: list[Any] = [*key, turn]
        for kind in PARTS:
            part = parts.get(kind)
            row += (None, None) if part is None else (part.offset, part.body)
        rows.append(tuple(row))
    return rows, events


