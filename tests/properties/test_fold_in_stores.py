"""The same fold in PostgreSQL and ClickHouse: any order, repetition and division into batches gives what memory has."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from processors.conversation import Fold, SessionKey, digest_of, fact, take
from projections import analytics, session_state
from projections.analytics.state import digests as analytics_digests
from projections.analytics.store import Store as AnalyticsStore
from projections.reading import Entry
from projections.session_state.reading import digests as session_digests
from projections.session_state.store import Store as SessionStore
from schemas.events import LIVE, Record
from tests.properties.sessions import SESSION, TENANT, a_session, deliveries

FEW = settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
"""Each example is a handful of transactions or inserts; the many are in test_fold.py, in memory."""


def in_batches(delivered: Sequence[Record], cuts: Sequence[int]) -> Iterator[Sequence[Record]]:
    """The records cut into batches."""
    edges = [0, *sorted(c % (len(delivered) + 1) for c in cuts), len(delivered)]
    return (delivered[a:b] for a, b in pairwise(edges) if a < b)


def elsewhere(records: Sequence[Record], session: str) -> list[Record]:
    """The records as those of another session, so that every example has one of its own."""
    moved = []
    for r in records:
        meta = r.event.meta._replace(session_id=session)
        moved.append(r._replace(event=r.event._replace(meta=meta)))
    return moved


def expected(session: str) -> bytes:
    """The digest of the session in memory, from its records as they lie in the log."""
    fold: Fold = {}
    for record in elsewhere(a_session(), session):
        take(fold, record)
    return digest_of(fold[SessionKey(TENANT, LIVE, session)])


@pytest.mark.postgres
def test_postgresql_folds_as_memory_does(fresh_database: str) -> None:
    """Upserts keep the lowest offset of each place, whatever the order and the batches."""
    session_state.migrate(fresh_database)
    with SessionStore(fresh_database) as store:

        @FEW
        @given(deliveries(), st.lists(st.integers(0, 60), max_size=5))
        def holds(delivered: list[Record], cuts: list[int]) -> None:
            session = f"{SESSION}-{uuid.uuid4()}"
            for batch in in_batches(elsewhere(delivered, session), cuts):
                store.write([f for f in map(fact, batch) if f is not None], {}, {})
            with store.connection.transaction():
                stored = dict(session_digests(store.connection))
            assert stored[SessionKey(TENANT, LIVE, session)] == expected(session)

        holds()


@pytest.mark.clickhouse
def test_clickhouse_folds_as_memory_does(clickhouse: str, fresh_clickhouse_database: str) -> None:
    """Merging states keeps the lowest offset of each place, whatever the order, the batches and the merges."""
    analytics.migrate(clickhouse, fresh_clickhouse_database)
    with AnalyticsStore(clickhouse, fresh_clickhouse_database) as store:

        @FEW
        @given(deliveries(), st.lists(st.integers(0, 60), max_size=3), st.booleans())
        def holds(delivered: list[Record], cuts: list[int], merged: bool) -> None:
            session = f"{SESSION}-{uuid.uuid4()}"
            for batch in in_batches(elsewhere(delivered, session), cuts):
                store.write([Entry(*r[:4], "decoded", "", b"", r) for r in batch], now=0)
            if merged:
                store.client.command("OPTIMIZE TABLE turn_parts FINAL")
                store.client.command("OPTIMIZE TABLE agent_replies FINAL")
            stored = dict(analytics_digests(store.client))
            assert stored[SessionKey(TENANT, LIVE, session)] == expected(session)

        holds()
