"""Session state in PostgreSQL: rows and consumed positions move in one transaction, fenced by the positions.

Two processes that believe they own a partition cannot both write: each moves the position from where it found it, and
the second finds another. So a zombie stops, and a batch that is written again after a crash is not written twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Self

import psycopg

from processors.conversation import PARTS, Fact, SessionKey
from projections.target import Fenced, Place

SCHEMA: Final = "session_state"
PROJECTION_ROLE: Final = "spillway_projection"
READER_ROLE: Final = "spillway_reader"
Row = Sequence[Any]
_TURN: Final = ("tenant_id", "run_id", "session_id", "turn_id", *(c for k in PARTS for c in (f"{k}_offset", k)))
_EVENT: Final = ("tenant_id", "run_id", "session_id", "kind", "event_id", "turn_id", "log_offset", "body")
_PLACES: Final = {kind: 4 + 2 * i for i, kind in enumerate(PARTS)}
"""Where the offset of each kind lies in a row of turns; its body comes after it."""


def merge_turns() -> str:
    """Fills in the places of turns; of two claims the lower offset stays, and what changes nothing is not written."""
    columns = ", ".join(_TURN)
    sets = ", ".join(
        f"{k}_offset = least(t.{k}_offset, excluded.{k}_offset), "
        f"{k} = CASE WHEN t.{k}_offset IS NULL OR excluded.{k}_offset < t.{k}_offset THEN excluded.{k} ELSE t.{k} END"
        for k in PARTS
    )
    gained = " OR ".join(f"excluded.{k}_offset < coalesce(t.{k}_offset, 9223372036854775807)" for k in PARTS)
    return (
        f"INSERT INTO turns AS t ({columns}) SELECT {columns} FROM staged_turns "
        f"ON CONFLICT (tenant_id, session_id, run_id, turn_id) DO UPDATE SET {sets} WHERE {gained}"
    )


_MERGE_TURNS: Final = merge_turns()
_MERGE_EVENTS: Final = (
    f"INSERT INTO session_events AS e ({', '.join(_EVENT)}) SELECT {', '.join(_EVENT)} FROM staged_events "
    "ON CONFLICT (tenant_id, session_id, run_id, kind, event_id) DO UPDATE "
    "SET turn_id = excluded.turn_id, log_offset = excluded.log_offset, body = excluded.body "
    "WHERE excluded.log_offset < e.log_offset"
)
_STAGE: Final = (
    "CREATE TEMPORARY TABLE staged_turns (LIKE turns) WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS",
    "CREATE TEMPORARY TABLE staged_events (LIKE session_events) ON COMMIT DELETE ROWS",
)
"""A batch goes there by COPY, which row-level security forbids into the tables themselves, and from there in one
statement. They are this connection's own, lie in its memory, and are empty after each transaction."""
_ADVANCE: Final = (
    "UPDATE positions AS p SET pos = n.new FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) "
    "AS n(topic, partition, old, new) WHERE p.topic = n.topic AND p.partition = n.partition AND p.pos = n.old"
)


def connect(dsn: str, schema: str = SCHEMA, role: str = PROJECTION_ROLE) -> psycopg.Connection[Any]:
    """A connection in `role`, with the tables of `schema` at hand.

    A commit does not wait for the disk: should the server crash, rows and positions are lost together, and the log is
    read again from the positions that are left.
    """
    return psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=5,
        options=f"-c role={role} -c search_path={schema} -c synchronous_commit=off -c jit=off -c temp_buffers=64MB",
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
            for statement in _STAGE:
                self._connection.execute(statement)
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
            self._advance(cursor, old, new)
            if turns:
                _stage(cursor, "staged_turns", _TURN, turns)
                cursor.execute(_MERGE_TURNS)
            if events:
                _stage(cursor, "staged_events", _EVENT, events)
                cursor.execute(_MERGE_EVENTS)

    def _advance(self, cursor: psycopg.Cursor[Any], old: Mapping[Place, int], new: Mapping[Place, int]) -> None:
        places = sorted(new)
        if not places:
            return
        topics, partitions = ([p[i] for p in places] for i in (0, 1))
        cursor.execute(_ADVANCE, [topics, partitions, [old[p] for p in places], [new[p] for p in places]])
        if cursor.rowcount != len(places):
            raise Fenced(
                f"{self._schema}: a position among {[(*p, old[p]) for p in places]} has been moved by another "
                "process, which owns the partition now; this one stops and starts anew from the stored positions"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _stage(cursor: psycopg.Cursor[Any], table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def rows_of(facts: Iterable[Fact]) -> tuple[list[Row], list[Row]]:
    """Rows for turns and for session_events, in the order of their keys: a batch is folded in memory first, so that a
    turn is written once, and neighbours in the index are written together.
    """
    turns: dict[tuple[SessionKey, str], list[Any]] = {}
    events: dict[tuple[SessionKey, str, str], Row] = {}
    for session, kind, id_, turn_id, offset, body in facts:
        place = None if turn_id is None else _PLACES.get(kind)
        if place is not None:
            row = turns.get((session, id_))
            if row is None:
                row = turns[session, id_] = [*session, id_, *_EMPTY]
            if row[place] is None or offset < row[place]:
                row[place], row[place + 1] = offset, body
        else:
            known = events.get((session, kind, id_))
            if known is None or offset < known[6]:
                events[session, kind, id_] = (*session, kind, id_, turn_id, offset, body)
    return [turns[key] for key in sorted(turns)], [events[key] for key in sorted(events)]


_EMPTY: Final = (None,) * (2 * len(PARTS))
