"""What mutated records leave in the log can be folded into both stores: none of them ends a projection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from processors.conversation import Fold, digest_of, take
from projections import analytics, session_state
from projections.analytics.schema import client_of
from projections.analytics.target import Analytics
from projections.reading import Entry
from projections.session_state.reading import digests
from projections.session_state.target import SessionState
from projections.target import Place
from streams.testing.fuzzing import World, mutant
from tests.fuzz.folding import entries_of

SEED, MUTANTS = 618, 2_000


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    """Everything that a world of mutants and neighbours left behind."""
    world = World()
    world.play([mutant(SEED, n) for n in range(MUTANTS)])
    return entries_of(world)


def _spans(entries: list[Entry]) -> Iterator[tuple[Place, int]]:
    for entry in entries:
        yield (entry.topic, entry.partition), entry.offset + 1


@pytest.mark.postgres
def test_postgresql_takes_whatever_was_written(fresh_database: str, entries: list[Entry]) -> None:
    """In one transaction, and it holds what a fold in memory does."""
    session_state.migrate(fresh_database)
    target = SessionState(fresh_database)
    new = dict(_spans(entries))
    old = dict.fromkeys(new, 0)
    target.open(old)
    target.write(entries, old, new)
    fold: Fold = {}
    for entry in entries:
        if entry.record is not None and entry.status == "decoded":
            take(fold, entry.record)
    with target.store.connection.transaction():
        stored = dict(digests(target.store.connection))
    target.close()
    assert stored == {key: digest_of(session) for key, session in fold.items()}


@pytest.mark.clickhouse
def test_clickhouse_takes_whatever_was_written(
    clickhouse: str, fresh_clickhouse_database: str, entries: list[Entry]
) -> None:
    """In one batch, whatever days the records say they are of; the index has every offset."""
    analytics.migrate(clickhouse, fresh_clickhouse_database)
    target = Analytics(clickhouse, fresh_clickhouse_database)
    target.write(entries, {}, {})
    target.close()
    with client_of(clickhouse, fresh_clickhouse_database) as client:
        (row,) = client.query("SELECT uniqExact(topic, partition, offset) FROM log_index").result_rows
        turns = client.query("SELECT count() FROM turns WHERE tenant_id = 'quiet'").result_rows
    assert int(row[0]) == len(entries)
    assert int(turns[0][0]) == MUTANTS // 20
