"""Reads session state: one tenant's session as the tenant may see it, and all of it for audits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import psycopg

from processors.conversation import PARTS, SessionKey, dialogue, digest
from projections.session_state.store import READER_ROLE, SCHEMA, connect
from projections.target import Place
from schemas.events import LIVE


class StoredTurn(NamedTuple):
    """A turn's places that are filled in, by kind; and a human's answers and feedback that name it."""

    turn_id: str
    parts: dict[str, dict[str, Any]]
    agent_replies: list[dict[str, Any]]
    feedback: list[dict[str, Any]]


class StoredSession(NamedTuple):
    """A session. `events`: kind and body of what belongs to no turn, in log order."""

    key: SessionKey
    dialogue: dict[str, Any] | None
    turns: list[StoredTurn]
    events: list[tuple[str, dict[str, Any]]]


def session(
    dsn: str, tenant_id: str, session_id: str, run_id: str = LIVE, schema: str = SCHEMA
) -> StoredSession | None:
    """One session, its turns in the order in which the log took them; None where nothing is known of it.

    Reads as the reader role, for this tenant alone: another tenant's rows do not exist for it.
    """
    with connect(dsn, schema, READER_ROLE) as connection, connection.transaction():
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant_id])
        where = "WHERE tenant_id = %s AND session_id = %s AND run_id = %s"
        key = [tenant_id, session_id, run_id]
        rows = connection.execute(f"SELECT turn_id, {', '.join(PARTS)} FROM turns {where}", key).fetchall()
        events = connection.execute(
            f"SELECT kind, turn_id, body FROM session_events {where} ORDER BY log_offset", key
        ).fetchall()
    if not rows and not events:
        return None
    parts = {turn: {k: v for k, v in zip(PARTS, values, strict=True) if v is not None} for turn, *values in rows}
    turns = [
        StoredTurn(
            turn,
            of_turn,
            [body for kind, t, body in events if kind == "agent_reply" and t == turn],
            [body for kind, t, body in events if kind == "feedback" and t == turn],
        )
        for turn, of_turn in sorted(parts.items(), key=lambda item: _log_time(item[1]))
    ]
    rest = [(k, b) for k, t, b in events if k not in ("agent_reply", "feedback") or t not in parts]
    bodies = [*((k, b) for p in parts.values() for k, b in p.items()), *((k, b) for k, _, b in events)]
    state = dialogue(bodies)
    return StoredSession(SessionKey(tenant_id, run_id, session_id), dict(state) if state else None, turns, rest)


def _log_time(parts: dict[str, dict[str, Any]]) -> tuple[int, int]:
    """A turn lies where its message lies; without one, where the first of its events does."""
    first = parts.get("message") or min(parts.values(), key=lambda b: int(b["log_time"]))
    return int(first["log_time"]), int(first["log_offset"])


def digests(connection: psycopg.Connection[Any]) -> Iterator[tuple[SessionKey, bytes]]:
    """Every session's digest (`processors.conversation.digest`). Within a transaction, since it reads by a cursor."""
    places = " UNION ALL ".join(
        f"SELECT tenant_id, run_id, session_id, '{k}' AS kind, turn_id AS id, {k}::text AS body "
        f"FROM turns WHERE {k} IS NOT NULL"
        for k in PARTS
    )
    everything = (
        f"{places} UNION ALL SELECT tenant_id, run_id, session_id, kind, event_id, body::text FROM session_events "
        "ORDER BY tenant_id, run_id, session_id"
    )
    with connection.cursor(name="digests") as cursor:
        cursor.itersize = 5000
        cursor.execute(everything)
        for key, rows in groupby(cursor, key=lambda row: (row[0], row[1], row[2])):
            yield SessionKey(*key), digest((kind, id_, body) for _, _, _, kind, id_, body in rows)


def positions(connection: psycopg.Connection[Any]) -> dict[Place, int]:
    """The stored positions, as this connection's transaction sees them."""
    return {(t, p): pos for t, p, pos in connection.execute("SELECT topic, partition, pos FROM positions").fetchall()}
