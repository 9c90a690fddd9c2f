"""The tables of session state, made and unmade by numbered migrations."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from projections.migrations import migrations_of, to_apply, to_revert
from projections.session_state.store import PROJECTION_ROLE, READER_ROLE, SCHEMA

PACKAGE: Final = "projections.session_state"
_LOCK: Final = 5_417_001
"""Of the advisory lock that lets one process migrate at a time."""


def migrate(admin_dsn: str, schema: str = SCHEMA) -> list[str]:
    """Brings a schema up to this version; safe to run again, and by several at once. Returns what was applied.

    admin_dsn: of a user who may create roles and schemas in that database.
    """
    with psycopg.connect(admin_dsn) as connection:
        applied = _begin(connection, schema)
        todo = to_apply(migrations_of(PACKAGE), applied)
        for migration in todo:
            connection.execute(migration.up)
            connection.execute("INSERT INTO migrations (name) VALUES (%s)", [migration.name])
        connection.execute(
            sql.SQL("GRANT USAGE ON SCHEMA {} TO {}, {}").format(
                sql.Identifier(schema), sql.Identifier(PROJECTION_ROLE), sql.Identifier(READER_ROLE)
            )
        )
    return [m.name for m in todo]


def prepare(admin_dsn: str) -> list[str]:
    """Makes the DSN's database where it is missing, and the tables in it. Returns what was applied."""
    database = conninfo_to_dict(admin_dsn).get("dbname") or "postgres"
    with psycopg.connect(make_conninfo(admin_dsn, dbname="postgres"), autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(str(database))))
    return migrate(admin_dsn)


def revert(admin_dsn: str, target: int, schema: str = SCHEMA) -> list[str]:
    """Takes a schema back to migration number `target`; 0 leaves nothing of it. Returns what was undone."""
    with psycopg.connect(admin_dsn) as connection:
        applied = _begin(connection, schema)
        todo = to_revert(migrations_of(PACKAGE), applied, target)
        for migration in todo:
            connection.execute(migration.down)
            connection.execute("DELETE FROM migrations WHERE name = %s", [migration.name])
    return [m.name for m in todo]


def _begin(connection: psycopg.Connection[Any], schema: str) -> set[str]:
    """Locks, makes the schema and its list of migrations where they are missing, and returns what is applied."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    connection.execute("SET LOCAL client_min_messages = warning")
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema)))
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations ("
        "name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    return {name for (name,) in connection.execute("SELECT name FROM migrations").fetchall()}
