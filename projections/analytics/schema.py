"""The tables of analytics, made and unmade by numbered migrations."""

from __future__ import annotations

from typing import Final

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from projections.migrations import migrations_of, to_apply, to_revert

PACKAGE: Final = "projections.analytics"
DATABASE: Final = "spillway"
TABLES: Final = (
    "messages",
    "intents",
    "sentiments",
    "entities",
    "routes",
    "replies",
    "dead_letters",
    "agent_replies",
    "feedback",
    "dialogue_changes",
    "turn_parts",
    "log_index",
)
"""Everything that the log is folded into; the rest are views."""
RUN_TABLES: Final = ("runs", "run_parts", "run_turns")
"""What is kept of replays beside their facts. No fold of the log makes it, so a rebuild leaves it where it is."""
SWITCHING: Final = "log_index_switching"
"""Where the index of the log is while a rebuild changes places with the live tables."""
_APPLIED: Final = "SELECT name FROM migrations GROUP BY name HAVING argMax(applied, at) = 1"


def client_of(url: str, database: str | None = DATABASE, timeout: int = 60) -> Client:
    """A client of one thread. Raises clickhouse_connect's OperationalError where the server is away."""
    return clickhouse_connect.get_client(
        dsn=url,
        database=database or "default",
        autogenerate_session_id=False,
        connect_timeout=5,
        send_receive_timeout=timeout,
        query_retries=0,
        client_name="spillway",
    )


def migrate(url: str, database: str = DATABASE) -> list[str]:
    """Brings a database up to this version, and makes it where it is missing. Returns what was applied.

    Safe to run again; not by several at once, since the engine has no locks.
    """
    with client_of(url, None) as client:
        client.command(f"CREATE DATABASE IF NOT EXISTS {database}")
    with client_of(url, database) as client:
        client.command(
            "CREATE TABLE IF NOT EXISTS migrations (name String, applied UInt8, at DateTime64(6) DEFAULT now64(6)) "
            "ENGINE = MergeTree ORDER BY (name, at) COMMENT 'The migrations applied (1) and undone (0).'"
        )
        heal(client)
        todo = to_apply(migrations_of(PACKAGE), _applied(client))
        for migration in todo:
            _run(client, migration.up)
            client.command(f"INSERT INTO migrations (name, applied) VALUES ('{migration.name}', 1)")
    return [m.name for m in todo]


def heal(client: Client) -> None:
    """Puts the index of the log back where a rebuild that was cut short has put it aside.

    Whatever tables have changed places by then, each is a fold of the log up to where that index ends.
    """
    names = {name for (name,) in client.query("SHOW TABLES").result_rows}
    if SWITCHING in names and "log_index" not in names:
        client.command(f"RENAME TABLE {SWITCHING} TO log_index")


def revert(url: str, target: int, database: str = DATABASE) -> list[str]:
    """Takes a database back to migration number `target`. Returns what was undone."""
    with client_of(url, database) as client:
        todo = to_revert(migrations_of(PACKAGE), _applied(client), target)
        for migration in todo:
            _run(client, migration.down)
            client.command(f"INSERT INTO migrations (name, applied) VALUES ('{migration.name}', 0)")
    return [m.name for m in todo]


def _applied(client: Client) -> set[str]:
    return {name for (name,) in client.query(_APPLIED).result_rows}


def statements(text: str) -> list[str]:
    """The statements of a file; each ends with a semicolon at the end of a line."""
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [s.strip() for s in ("\n".join(lines) + "\n").split(";\n") if s.strip()]


def _run(client: Client, text: str) -> None:
    for statement in statements(text):
        client.command(statement)
