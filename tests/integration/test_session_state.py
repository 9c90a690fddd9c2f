"""Session state in PostgreSQL: one transaction with its positions, fenced, and each tenant for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import InsufficientPrivilege

from processors.conversation import fact
from projections import session_state
from projections.migrations import migrations_of
from projections.reading import Entry
from projections.session_state.reading import session
from projections.session_state.store import PROJECTION_ROLE, READER_ROLE, SCHEMA, Store, connect
from projections.session_state.target import SessionState
from projections.target import Fenced
from schemas.events import Record, ReplyProduced
from tests.properties.sessions import SESSION, TENANT, a_session

PLACE = ("chat.messages", 0)
pytestmark = pytest.mark.postgres


@pytest.fixture
def database(fresh_database: str) -> str:
    """The superuser's DSN of a database with the tables in it."""
    session_state.migrate(fresh_database)
    return fresh_database


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """A store that holds chat.messages[0] at offset 0."""
    with Store(database) as opened:
        opened.open({PLACE: 0})
        yield opened


def entries(records: list[Record]) -> list[Entry]:
    """Records as a projection reads them."""
    return [Entry(*r[:4], "decoded", "", b"", r) for r in records]


def everything(dsn: str, table: str) -> list[Any]:
    """All rows of a table."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(f"SELECT * FROM {SCHEMA}.{table}").fetchall()


def facts_of(records: list[Record]) -> list[Any]:
    """The facts of records."""
    return [f for f in map(fact, records) if f is not None]


def test_rows_and_positions_are_written_together(store: Store, database: str) -> None:
    """A batch that is stored has moved its positions."""
    store.write(facts_of(a_session()), {PLACE: 0}, {PLACE: 7})
    assert store.positions() == {PLACE: 7}
    assert len(everything(database, "turns")) == 3


def test_a_zombie_is_fenced_and_writes_nothing(store: Store, database: str) -> None:
    """Who believes to be at a position that has moved on is told so, and none of its rows are stored."""
    store.write([], {PLACE: 0}, {PLACE: 5})
    with Store(database) as zombie, pytest.raises(Fenced, match="moved by another"):
        zombie.write(facts_of(a_session()), {PLACE: 0}, {PLACE: 7})
    assert everything(database, "turns") == []
    assert store.positions() == {PLACE: 5}


def test_what_comes_several_times_in_a_batch_is_written_once(store: Store, database: str) -> None:
    """Of an event that a batch has twice, the lower offset is stored; nothing is left in the tables of the batch."""
    records = [r for r in a_session() if r.event.meta.turn_id]
    later = [r._replace(offset=r.offset + 100) for r in records]
    store.write(facts_of([*later, *records]), {}, {})
    found = session(database, TENANT, SESSION)
    assert found is not None
    assert {part["log_offset"] for turn in found.turns for part in turn.parts.values()} <= {r.offset for r in records}
    left = store.connection.execute("SELECT (SELECT count(*) FROM staged_turns) + (SELECT count(*) FROM staged_events)")
    assert left.fetchone() == (0,)


def test_the_projection_needs_nobody_elses_right_to_temporary_tables(database: str) -> None:
    """Where that right was taken from everybody, the projection has it still."""
    name = conninfo_to_dict(database)["dbname"]
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(str(name))))
    with Store(database) as opened:
        opened.write(facts_of(a_session()), {}, {})
    assert len(everything(database, "turns")) == 3


def test_a_row_that_cannot_be_written_takes_the_positions_back_with_it(store: Store) -> None:
    """A batch is stored as a whole or not at all."""
    broken = facts_of(a_session())
    broken[3] = broken[3]._replace(body="no json")
    with pytest.raises(psycopg.DataError):
        store.write(broken, {PLACE: 0}, {PLACE: 7})
    assert store.positions() == {PLACE: 0}


def test_a_write_that_was_committed_without_an_answer_is_not_an_error(database: str) -> None:
    """After a lost connection the same batch again finds its positions where it would move them, and is done."""
    target = SessionState(database)
    target.open({PLACE: 0})
    target.write(entries(a_session()), {PLACE: 0}, {PLACE: 7})
    pid = target.store.connection.info.backend_pid
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", [pid])
    with pytest.raises(target.away):
        target.write([], {PLACE: 7}, {PLACE: 9})
    with Store(database) as committed_after_all:
        committed_after_all.write([], {PLACE: 7}, {PLACE: 9})
    target.close()
    target.write([], {PLACE: 7}, {PLACE: 9})
    assert target.positions([PLACE]) == {PLACE: 9}
    target.close()


def test_nul_in_an_event_does_not_stop_the_projection(database: str) -> None:
    """PostgreSQL takes no NUL: in names and in texts it is replaced."""
    records = []
    for record in a_session():
        event = record.event._replace(meta=record.event.meta._replace(session_id="s\x001"))
        if isinstance(event, ReplyProduced):
            event = event._replace(text="a\x00b")
        records.append(record._replace(event=event))
    target = SessionState(database)
    target.open({PLACE: 0})
    target.write(entries(records), {PLACE: 0}, {PLACE: 7})
    target.close()
    found = session(database, TENANT, "s�1")
    assert found is not None
    assert found.turns[0].parts["reply"]["text"] == "a�b"


def test_a_session_is_read_turn_by_turn(store: Store, database: str) -> None:
    """Turns come in log order, with what was decided, what humans wrote, and the dialogue's state."""
    store.write(facts_of(a_session()), {}, {})
    found = session(database, TENANT, SESSION)
    assert found is not None
    assert [sorted(t.parts) for t in found.turns] == [
        ["entities", "intent", "message", "reply", "route", "sentiment"],
        ["intent", "message", "reply", "route", "sentiment"],
        ["dead_letter", "message", "route"],
    ]
    assert [len(t.agent_replies) for t in found.turns] == [0, 0, 2]
    assert [len(t.feedback) for t in found.turns] == [1, 0, 0]
    assert found.dialogue is not None
    assert found.dialogue["seq"] == 5
    assert [kind for kind, _ in found.events] == ["dead_letter", "change"]
    assert session(database, TENANT, "another") is None


def test_the_view_sessions_has_the_dialogue(store: Store, database: str) -> None:
    """The session's row is the state with the highest seq."""
    store.write(facts_of(a_session()), {}, {})
    rows = store.connection.execute("SELECT session_id, seq, handed_off, scenario FROM sessions").fetchall()
    assert rows == [(SESSION, 5, False, "order_query")]


def test_every_table_with_a_tenant_has_a_forced_policy(database: str) -> None:
    """Row-level security is enabled and forced, with a policy, wherever there is a tenant_id."""
    with psycopg.connect(database) as connection:
        open_tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
            "WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity "
            "AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))",
            [SCHEMA],
        ).fetchall()
    assert open_tables == []


def test_neither_role_owns_a_table_or_passes_the_policies(database: str) -> None:
    """The projection's and the reader's roles are no superusers, have no BYPASSRLS, and own nothing."""
    roles = [PROJECTION_ROLE, READER_ROLE]
    with psycopg.connect(database) as connection:
        powers = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolbypassrls)", [roles]
        ).fetchall()
        owned = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tableowner = ANY(%s)", [SCHEMA, roles]
        ).fetchall()
    assert (powers, owned) == ([], [])


def test_a_reader_sees_its_own_tenant_alone(store: Store, database: str) -> None:
    """Another tenant's rows do not exist for a reader, in tables and views; without a tenant there are none."""
    store.write(facts_of([*a_session("shop"), *a_session("bank")]), {}, {})
    with connect(database, role=READER_ROLE) as reader:
        for table in ("turns", "session_events", "sessions"):
            assert reader.execute(f"SELECT DISTINCT tenant_id FROM {table}").fetchall() == []
            with reader.transaction():
                reader.execute("SELECT set_config('app.tenant_id', 'bank', true)")
                assert reader.execute(f"SELECT DISTINCT tenant_id FROM {table}").fetchall() == [("bank",)]
            assert reader.execute(f"SELECT DISTINCT tenant_id FROM {table}").fetchall() == []


def test_a_reader_cannot_write(database: str) -> None:
    """The reader's role has no right to change anything, nor to see positions."""
    with connect(database, role=READER_ROLE) as reader:
        for statement in ("DELETE FROM turns", "UPDATE turns SET message = NULL", "SELECT * FROM positions"):
            with pytest.raises(InsufficientPrivilege):
                reader.execute(statement)


def test_migrations_go_forth_and_back(fresh_database: str) -> None:
    """Every migration can be undone and made again; a second run finds nothing to do."""
    names = [m.name for m in migrations_of("projections.session_state")]
    assert session_state.migrate(fresh_database) == names
    assert session_state.migrate(fresh_database) == []
    assert session_state.revert(fresh_database, 0) == names[::-1]
    assert session_state.migrate(fresh_database) == names
