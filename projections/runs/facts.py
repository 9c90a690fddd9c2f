"""The facts of a replay, written beside those of live and never among them."""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, Self

from projections.analytics.rows import FACTS, HEAD, Row, fact_row
from projections.analytics.schema import DATABASE
from projections.analytics.store import Store, Switched
from projections.runs.names import checked_run_id
from schemas.catalogue import CONTROL, PARTIALS, TOPIC_OF
from schemas.events import Record
from streams.replay.engine import PartitionReplay, TurnMeasure

CHUNK: Final = 50_000
"""Rows in an insert."""
SWITCH_PATIENCE: Final = 120.0
"""Seconds that a rebuild of analytics may take to put its tables in place, until facts are written."""


ASIDE: Final = {"os_threads_nice_value_query": 19, "os_threads_nice_value_materialized_view": 19, "max_threads": 1}
"""Settings of inserts that step back for whoever serves customers on the same machine. Where the server may not change
the priority of its threads, it passes over that."""


NEVER: Final = frozenset({CONTROL, PARTIALS})
"""Topics that no replay has records of: what operators say, and pieces of replies that customers watch being made."""


class Forbidden(RuntimeError):
    """A record is none that this run may write: of another run, or of a kind that no replay makes."""


class RunFacts:
    """Writes what one run has come to. One thread at a time. Writing a partition again changes nothing.

    Raises WrongRunName, LiveRefused among them, for what no replay may be called.
    """

    def __init__(self, url: str, run_id: str, database: str = DATABASE, aside: bool = False) -> None:
        """aside: the server gives these inserts what time others leave."""
        self.run_id = checked_run_id(run_id)
        self._store = Store(url, database, ASIDE if aside else None)

    def write(self, replay: PartitionReplay, now: int) -> str:
        """Stores the facts and measures of a partition, and returns the digest of all of it. `now`: microseconds UTC.

        Raises Forbidden, before anything is stored, for a record that is not of this run or not of a conversation; one
        of projections.analytics.store.AWAY where the server is away, Switched where a rebuild does not come to its end.
        """
        facts = self._facts(replay.records)
        turns = [(self.run_id, *measure, now) for measure in replay.turns]
        end = time.monotonic() + SWITCH_PATIENCE
        while True:
            began_on = self._store.index()
            if began_on:
                for table, rows in (*facts.items(), ("run_turns", turns)):
                    for first in range(0, len(rows), CHUNK):
                        self._store.insert(table, rows[first : first + CHUNK])
                if self._store.index() == began_on:
                    return _digest(facts, replay.turns)
            if time.monotonic() > end:
                raise Switched("the tables are being rebuilt, and that does not come to an end; start the replay again")
            time.sleep(0.2)

    def _facts(self, records: Iterable[Record]) -> dict[str, list[Row]]:
        facts: dict[str, list[Row]] = defaultdict(list)
        for record in records:
            event = record.event
            if event.meta.run_id != self.run_id:
                what = f"{type(event).__name__} {event.meta.event_id}"
                raise Forbidden(f"{what} is of the run {event.meta.run_id!r}, not of {self.run_id!r}")
            if record.topic != TOPIC_OF[type(event)] or record.topic in NEVER:
                raise Forbidden(f"{type(event).__name__} on {record.topic}: a replay writes conversations alone")
            table = FACTS.get(type(event))
            if table is not None:
                facts[table].append(fact_row(record))
        return facts

    def close(self) -> None:
        """Closes the connection."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(facts: Mapping[str, Sequence[Row]], turns: Sequence[TurnMeasure]) -> str:
    """SHA-256 over a partition's facts in the order of the log, and what was found of its turns but for times."""
    hashed = hashlib.sha256()
    for table in sorted(facts):
        hashed.update(_text([table, sorted(facts[table], key=_PLACE)]))
    hashed.update(_text(sorted(_without_times(turn) for turn in turns)))
    return hashed.hexdigest()


def _text(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _without_times(turn: TurnMeasure) -> list[object]:
    return [value for name, value in zip(turn._fields, turn, strict=True) if not name.endswith("_seconds")]


_PLACE: Final = itemgetter(*(HEAD.index(name) for name in ("topic", "partition", "offset", "event_id")))
