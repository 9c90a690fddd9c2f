"""How far the projections have come, against where the log ends."""

from __future__ import annotations

from collections.abc import Mapping

from projections.analytics.schema import DATABASE, client_of
from projections.analytics.store import positions as analytics_positions
from projections.session_state.reading import positions as session_positions
from projections.session_state.store import SCHEMA, connect
from projections.target import Place
from streams.log import a_reader, bounds
from streams.topology import PROJECTIONS

Spans = Mapping[Place, tuple[int, int]]


def spans_of(bootstrap: str, projection: str) -> Spans:
    """Of each partition that a projection reads: its first offset, and that after its last. Raises KafkaException."""
    consumer = a_reader(bootstrap)
    try:
        return bounds(consumer, PROJECTIONS[projection])
    finally:
        consumer.close()


def missing(spans: Spans, positions: Mapping[Place, int]) -> int:
    """How many records lie between the positions and the ends."""
    return sum(max(0, high - max(low, positions.get(place, low))) for place, (low, high) in spans.items())


def behind(bootstrap: str, postgres: str, clickhouse: str) -> dict[str, int]:
    """Of each projection: the records of the log, as it ends now, that are not in its store yet."""
    with connect(postgres, SCHEMA) as connection:
        sessions = session_positions(connection)
    with client_of(clickhouse, DATABASE) as client:
        analytics = analytics_positions(client)
    return {
        "session_state": missing(spans_of(bootstrap, "session_state"), sessions),
        "analytics": missing(spans_of(bootstrap, "analytics"), analytics),
    }


