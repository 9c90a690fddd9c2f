"""Analytics in ClickHouse: facts, turns made of them, the questions one can ask, and the dictionary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from projections import analytics
from projections.analytics.dictionary import dictionary
from projections.analytics.questions import WrongQuestion, ask, ask_as, question, saved
from projections.analytics.rows import COLUMNS
from projections.analytics.schema import RUN_TABLES, TABLES
from projections.analytics.store import Store
from projections.migrations import migrations_of
from projections.reading import Entry
from schemas.events import Record
from tests.properties.sessions import a_session, again_otherwise, events

pytestmark = pytest.mark.clickhouse
DICTIONARY = Path(__file__).parents[2] / "docs" / "analytics.md"


@pytest.fixture
def store(clickhouse: str, fresh_clickhouse_database: str) -> Iterator[Store]:
    """A store with empty tables."""
    analytics.migrate(clickhouse, fresh_clickhouse_database)
    with Store(clickhouse, fresh_clickhouse_database) as opened:
        yield opened


def entries(records: list[Record]) -> list[Entry]:
    """Records as a projection reads them."""
    return [Entry(*r[:4], "decoded", "", b"", r) for r in records]


def test_turns_has_one_row_a_turn_with_all_that_followed(store: Store) -> None:
    """The view brings message, signals, decision, reply, human answers and feedback together."""
    store.write(entries(a_session()), now=0)
    rows = store.client.query(
        "SELECT disposition, intent, sentiment, entity_count, owner, rung, agent_replies, feedback, replied_by "
        "FROM turns WHERE received AND customer_tier = 'gold' AND scenario = 'order_query' ORDER BY turn_started_at"
    ).result_rows
    assert [tuple(row) for row in rows] == [
        ("replied", "order_status", -0.5, 1, "reply", "template", 0, 5, "reply@1#7"),
        ("handed_off", "order_status", -0.5, 0, "reply", "human", 0, None, "reply@1#7"),
        ("answered_by_human", "", None, 0, "human", "", 2, None, ""),
    ]


def test_a_repeated_webhook_with_another_time_is_the_same_turn(store: Store) -> None:
    """The same id with another payload and another time makes no second row, and changes nothing."""
    store.write(entries(a_session()), now=0)
    before = store.client.query("SELECT * FROM turns ORDER BY turn_id").result_rows
    later = [again_otherwise(r)._replace(offset=r.offset + 100) for r in a_session()]
    store.write(entries(later), now=0)
    assert store.client.query("SELECT * FROM turns ORDER BY turn_id").result_rows == before


def test_a_batch_inserted_again_changes_nothing(store: Store) -> None:
    """An insert that was acknowledged too late and is made again leaves the turns and the index as they were."""
    for _ in range(3):
        store.write(entries(a_session()), now=0)
    turns = store.client.query("SELECT count(), sum(agent_replies) FROM turns").result_rows
    assert [tuple(row) for row in turns] == [(3, 2)]
    listed = store.client.query("SELECT count() FROM log_index FINAL").result_rows[0][0]
    assert listed == len(events())


def test_what_is_rejected_makes_no_fact_and_is_listed(store: Store) -> None:
    """Records that are invalid or undecodable are in the index of the log, and nowhere else."""
    message = a_session()[0]
    refused = Entry(*message[:4], "invalid", "text is empty", b"", message)
    bytes_ = Entry("chat.messages", 0, 1, message.appended_at, "undecodable", "no wire format", b"shop\x1fs-1", None)
    store.write([refused, bytes_], now=0)
    assert store.client.query("SELECT count() FROM messages").result_rows[0][0] == 0
    rows = store.client.query("SELECT offset, status, tenant_id, session_id FROM log_index ORDER BY offset").result_rows
    assert [tuple(row) for row in rows] == [(0, "invalid", "shop", "s-1"), (1, "undecodable", "shop", "s-1")]


def test_events_beyond_any_sane_time_are_stored(store: Store) -> None:
    """Garbage timestamps are moved to what the store can hold; a batch may span more days than inserts usually may."""
    signals = []
    for n in range(150):
        signal = a_session()[1]
        meta = signal.event.meta._replace(occurred_at=n * 86_400_000_000, turn_started_at=n * 86_400_000_000)
        signals.append(signal._replace(offset=n, event=signal.event._replace(meta=meta)))
    worst = signals[0].event.meta._replace(occurred_at=2**62, turn_started_at=-(2**62))
    signals.append(signals[0]._replace(offset=200, event=signals[0].event._replace(meta=worst)))
    store.write(entries(signals), now=0)
    assert store.client.query("SELECT count() FROM intents").result_rows[0][0] == 151


def test_the_columns_are_those_of_the_migrations(store: Store) -> None:
    """What is written has a column for each value, and no column of a fact is left without one."""
    for table, columns in COLUMNS.items():
        described = store.client.query(f"DESCRIBE TABLE {table}").result_rows
        assert {row[0] for row in described if row[2] != "MATERIALIZED"} == set(columns)


def test_every_column_has_a_comment(store: Store) -> None:
    """An analyst finds a meaning beside every column of every table and of the view."""
    bare = store.client.query(
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = '' "
        "AND table IN {tables:Array(String)}",
        {"tables": [*TABLES, *RUN_TABLES, "turns"]},
    ).result_rows
    assert list(bare) == []


def test_the_dictionary_is_that_of_the_tables(store: Store) -> None:
    """docs/analytics.md is what `spillway ask --dictionary` prints."""
    assert dictionary(store.client) == DICTIONARY.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", saved())
def test_saved_questions_have_answers(store: Store, name: str) -> None:
    """Every saved question runs, on no data and on some, and tells what it is for."""
    found = saved()[name]
    assert found.about.endswith(".")
    turn = a_session()[0].event.meta.turn_id or ""
    sql, parameters = question(name, {p.name: turn for p in found.parameters if p.default is None})
    ask(store.client, sql, parameters)
    store.write(entries(a_session()), now=0)
    ask(store.client, sql, parameters)


def test_why_tells_every_decision_and_what_made_it(store: Store) -> None:
    """One row with what was understood, decided and said, each with its fingerprint."""
    store.write(entries(a_session()), now=0)
    sql, parameters = question("why", {"turn": a_session()[0].event.meta.turn_id or ""})
    row = json.loads(ask_as(store.client, sql, parameters, "JSONEachRow"))
    expected = {
        "intent_by": "intent@1#1",
        "sentiment_by": "sentiment@1#2",
        "entities_by": "entities@1#3",
        "routed_by": "routing@1#4",
        "replied_by": "reply@1#7",
        "policy": "policy@1#6",
        "knowledge": "knowledge@1#5",
        "reply": "It is on its way.",
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    "asked",
    [
        "drop table turns",
        "  /* select */ insert into messages select * from messages",
        "-- select\ntruncate table messages",
        "select 1; drop table turns",
        "select 1 into outfile 'x'",
        "",
    ],
)
def test_what_does_not_only_read_is_refused(asked: str) -> None:
    """Nothing can be changed by asking."""
    with pytest.raises(WrongQuestion):
        question(asked, {})


@pytest.mark.parametrize("asked", ["select 'a;b; drop'", "WITH 1 AS x SELECT x;", "show tables", "select 1 -- ; drop"])
def test_what_only_reads_is_asked(asked: str) -> None:
    """Semicolons and words in strings and comments are no statements."""
    assert question(asked, {}) == (asked, {})


def test_unknown_and_missing_parameters_are_named() -> None:
    """A saved question says what it wants."""
    with pytest.raises(WrongQuestion, match="--param turn="):
        question("why", {})
    with pytest.raises(WrongQuestion, match="takes no nonsense"):
        question("rungs", {"nonsense": "1"})
    with pytest.raises(WrongQuestion, match="there are"):
        question("no_such_question", {})


def test_migrations_go_forth_and_back(clickhouse: str, fresh_clickhouse_database: str) -> None:
    """Every migration can be undone and made again; a second run finds nothing to do."""
    names = [m.name for m in migrations_of("projections.analytics")]
    assert analytics.migrate(clickhouse, fresh_clickhouse_database) == names
    assert analytics.migrate(clickhouse, fresh_clickhouse_database) == []
    assert analytics.revert(clickhouse, 0, fresh_clickhouse_database) == names[::-1]
    assert analytics.migrate(clickhouse, fresh_clickhouse_database) == names
