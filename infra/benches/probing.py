"""Which events can be read in a store, as SELECTs say, and when each was appended, as the log says."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import psycopg
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from projections.analytics.store import AWAY
from streams.log import Place, a_reader, bounds, messages_between
from streams.topology import PROJECTIONS

ASK_EVERY: Final = 0.1
"""Seconds from one answer of a store to the next question."""
_LISTED: Final = (
    "SELECT topic, partition, max(offset) + 1 FROM log_index "
    "WHERE appended_at >= fromUnixTimestamp64Micro({since:Int64}) GROUP BY topic, partition"
)
Asked = Callable[[], Mapping[Place, int]]


class Probe:
    """Asks a store again and again, in a thread of its own, from entering the context until leaving it."""

    def __init__(self, name: str, ask: Asked, every: float = ASK_EVERY) -> None:
        self._ask, self._every, self._stop = ask, every, threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"probe {name}", daemon=True)
        self.answers: list[tuple[float, Mapping[Place, int]]] = []
        self.failed: BaseException | None = None
        """The store did not answer; whoever wants the answers has to look."""

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                found = self._ask()
                self.answers.append((time.time(), found))
                self._stop.wait(self._every)
        except (psycopg.Error, *AWAY) as error:
            self.failed = error


def waits(
    answers: Sequence[tuple[float, Mapping[Place, int]]], appended: Mapping[Place, Sequence[tuple[int, float]]]
) -> tuple[list[float], list[float]]:
    """Of each event: when it was appended, and the seconds until the first answer that has its offset.

    answers: when each came (seconds UTC), and of each place the offset after the last that can be read. appended: of
    each place, offsets with their times. Events that no answer has are left out; they are the last ones of a load that
    was probed to its end.
    """
    at, waited = [], []
    for place, events in appended.items():
        # A store never has less than before; an answer that has nothing of a place (after a pruned query) is no step.
        steps: list[tuple[int, float]] = []
        for when, found in answers:
            if found.get(place, 0) > (steps[-1][0] if steps else 0):
                steps.append((found[place], when))
        ends = [end for end, _ in steps]
        for offset, time_ in events:
            n = bisect_right(ends, offset)
            if n < len(steps):
                at.append(time_)
                waited.append(max(0.0, steps[n][1] - time_))
    return at, waited


def appended(
    settings: Settings, first: Mapping[Place, int], since: float, until: float
) -> dict[Place, list[tuple[int, float]]]:
    """What the log took between two times (seconds UTC), after these offsets: of each place, offsets with times."""
    reader = a_reader(settings.kafka)
    try:
        ends = bounds(reader, PROJECTIONS["analytics"])
        spans = {place: (max(low, first.get(place, low)), high) for place, (low, high) in ends.items()}
        found: dict[Place, list[tuple[int, float]]] = {}
        for message in messages_between(reader, spans):
            at = (message.timestamp()[1] or 0) / 1000
            if since <= at < until:
                place = (message.topic() or "", message.partition() or 0)
                found.setdefault(place, []).append((message.offset() or 0, at))
        return found
    finally:
        reader.close()


def ends_of(settings: Settings) -> dict[Place, int]:
    """Of each place the offset after its last, as the log ends now."""
    reader = a_reader(settings.kafka)
    try:
        return {place: high for place, (_, high) in bounds(reader, PROJECTIONS["analytics"]).items()}
    finally:
        reader.close()


def listed(client: Client, since: int) -> dict[Place, int]:
    """Up to which offset ClickHouse lists each place, of records appended from `since` (microseconds UTC) on."""
    answered: Iterable[Sequence[Any]] = client.query(_LISTED, {"since": since}).result_rows
    return {(topic, partition): int(end) for topic, partition, end in answered}
