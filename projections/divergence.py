"""Whether a store tells what the log tells: a fresh fold of the log in memory, held against what is stored.

The fold goes one partition number at a time, and keeps of each session sixteen bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from processors.conversation import Fold, SessionKey, digest_of, fact, put
from projections.analytics import state as analytics_state
from projections.analytics.schema import DATABASE, client_of
from projections.reading import entry
from projections.session_state import reading
from projections.session_state.store import SCHEMA, connect
from projections.target import Place
from schemas.codec import Codec
from streams.log import a_reader, bounds, messages_to_end
from streams.topology import PROJECTIONS

Progress = Callable[[int, int], None]
"""Called with the records folded so far, and how many there are in all."""
Digests = dict[SessionKey, bytes]


def silent(_done: int, _of: int) -> None:
    """No progress."""


@dataclass(frozen=True)
class Divergence:
    """`sessions`: how many were compared. `divergent`: those that are not stored as the log has them."""

    sessions: int
    divergent: list[SessionKey] = field(default_factory=list)

    @property
    def none(self) -> bool:
        return not self.divergent


def session_divergence(bootstrap: str, dsn: str, schema: str = SCHEMA, codec: Codec | None = None) -> Divergence:
    """Session state in PostgreSQL against the log, up to the positions that are stored. Any time will do.

    Raises KafkaException, TimeoutError and psycopg.Error where one of them cannot be read.
    """
    with connect(dsn, schema) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        positions = reading.positions(connection)
        stored = dict(reading.digests(connection))
    return compare(stored, fold_digests(bootstrap, PROJECTIONS["session_state"], positions, codec))


def turn_divergence(bootstrap: str, url: str, database: str = DATABASE, codec: Codec | None = None) -> Divergence:
    """Analytics in ClickHouse against the log, up to the last offsets that it lists.

    For when the projection rests: ClickHouse has no snapshot of several tables, so what is written meanwhile counts as
    divergent.
    """
    with client_of(url, database) as client:
        positions = analytics_state.positions(client)
        stored = dict(analytics_state.digests(client))
    return compare(stored, fold_digests(bootstrap, PROJECTIONS["analytics"], positions, codec))


def compare(stored: Mapping[SessionKey, bytes], expected: Mapping[SessionKey, bytes]) -> Divergence:
    """Sessions that are not the same in both, or only in one."""
    keys = stored.keys() | expected.keys()
    return Divergence(len(keys), sorted(k for k in keys if stored.get(k) != expected.get(k)))


def fold_digests(
    bootstrap: str,
    topics: Iterable[str],
    end: Mapping[Place, int],
    codec: Codec | None = None,
    progress: Progress = silent,
) -> Digests:
    """The digest of every session, from a fold of the log from where it begins up to `end`; nothing of other places."""
    codec, topics = codec or Codec(), tuple(topics)
    found: Digests = {}
    done, records = 0, _records(bootstrap, topics, end)
    for number in sorted({n for _, n in end}):
        fold: Fold = {}
        places = {p: o for p, o in end.items() if p[1] == number}
        for message in messages_to_end(bootstrap, topics, end=places, only=places.keys()):
            this = entry(message, codec)
            if this.record is not None and this.status == "decoded":
                put(fold, fact(this.record))
            done += 1
            if done % STEP == 0:
                progress(done, records)
        found.update((key, digest_of(session)) for key, session in fold.items())
    progress(records, records)
    return found


def _records(bootstrap: str, topics: Iterable[str], end: Mapping[Place, int]) -> int:
    consumer = a_reader(bootstrap)
    try:
        spans = bounds(consumer, topics)
    finally:
        consumer.close()
    return sum(max(0, min(end.get(p, 0), high) - low) for p, (low, high) in spans.items())


STEP: Final = 10_000

__all__ = ["Divergence", "compare", "fold_digests", "session_divergence", "turn_divergence"]
