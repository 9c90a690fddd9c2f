"""The loop of a projection's process: read a batch, fold it into the store, positions and rows together; then the next.

A store that is away is waited for: the batch is held, the membership kept, and nothing else of Spillway notices. An
exception that is no store's absence is a bug; it ends the process, which starts anew from the stored positions.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from typing import TypeVar

from confluent_kafka import KafkaException

from projections.reading import Entry, entry
from projections.target import Fenced, Place, Target
from schemas.codec import Codec
from streams import metrics
from streams.partitions import Batch, PartitionedReader
from streams.topology import PROJECTIONS

log = logging.getLogger(__name__)

T = TypeVar("T")
Positions = dict[str, int]
"""Of one partition number, by topic: the next offset to be folded."""
RESTART = 75
"""Exit code: nothing is wrong with this process that starting it anew would not mend."""
FAR_BEHIND = 0.5
"""A batch that fills this share of its limit is followed by the next at once."""
REPORT_EVERY = 5.0
STORE_PATIENCE = 120.0
"""Seconds for which an assignment waits for the store, without which it is not known where to read from."""
LONGEST_WAIT = 5.0
UNHURRIED: Mapping[str, int] = {"fetch.min.bytes": 256 << 10, "fetch.wait.max.ms": 250}
"""A fetch of five topics for every event that comes would keep the broker busy; this is soon enough."""


class Runner:
    """Feeds one target from the log until `stop` is set. `run` blocks, and belongs to one thread."""

    def __init__(
        self,
        target: Target,
        bootstrap: str,
        codec: Codec,
        stop: threading.Event,
        *,
        group: str | None = None,
        each_minute: Callable[[], None] | None = None,
    ) -> None:
        self._target, self._codec, self._stop = target, codec, stop
        self._reader: PartitionedReader[Positions] = PartitionedReader(
            bootstrap,
            group or f"spillway.{target.name}",
            PROJECTIONS[target.name],
            open_states=self._open,
            positions=self._positions,
            config=UNHURRIED,
        )
        self._store_answers = True
        self._each_minute, self._minute_at = each_minute, time.monotonic() + 15
        self._reported_at = 0.0
        self._done: dict[Place, int] = {}

    def ready(self) -> Mapping[str, bool]:
        """Whether the group has answered, and whether the store does."""
        return {"group": self._reader.assigned, "store": self._store_answers}

    def run(self) -> int:
        """Until stopped: 0. Another process owns what this one held: RESTART."""
        self._reader.start()
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                batch = self._reader.read(self._target.limit, 0.2)
                if batch.messages:
                    self._fold_whatever_happens(batch)
                self._report(batch)
                if len(batch.messages) < self._target.limit * FAR_BEHIND:
                    self._stop.wait(self._target.pace - (time.monotonic() - began))
        except Fenced as why:
            log.error("%s: %s", self._target.name, why)
            return RESTART
        except self._target.away as why:
            # Of an assignment that was waiting for the store when the process was told to stop.
            if not self._stop.is_set():
                raise
            log.warning("%s: stopped while the store was away: %s", self._target.name, why)
        finally:
            self._reader.close()
            self._target.close()
        return 0

    def _fold_whatever_happens(self, batch: Batch) -> None:
        """Folds a batch, again and again while the store is away. Returns early when stopped: nothing is lost by it."""
        wait = 0.1
        while not self._stop.is_set():
            try:
                self._fold(batch)
                break
            except self._target.away as why:
                log.warning("%s: the store is away, the batch is held: %s", self._target.name, why)
                self._store_answers = False
                self._target.close()
            self._keep_membership(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        if self._reader.paused:
            self._reader.pause(False)
        self._store_answers = True

    def _keep_membership(self, seconds: float) -> None:
        if not self._reader.paused:
            self._reader.pause(True)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stop.wait(0.1):
            self._reader.idle()
        metrics.HELD_SECONDS.labels(self._target.name, "store_away").inc(seconds)

    def _fold(self, batch: Batch) -> None:
        with self._reader.hand(batch) as hand:
            entries, last = [], {}
            for message in batch.messages:
                positions = hand.states.get(message.partition() or 0)
                if positions is None:
                    continue
                found = entry(message, self._codec)
                if found.offset >= positions[found.topic]:
                    entries.append(found)
                    last[found.topic, found.partition] = found.offset + 1
            if not entries:
                return
            old = {(topic, n): hand.states[n][topic] for topic, n in last}
            began = time.monotonic()
            self._target.write(entries, old, last)
            for (topic, n), position in last.items():
                hand.states[n][topic] = position
        self._done.update(last)
        self._measure(entries, time.monotonic() - began)

    def _measure(self, entries: list[Entry], seconds: float) -> None:
        name = self._target.name
        oldest = min(e.appended_at for e in entries)
        metrics.BATCH_SECONDS.labels(name).observe(seconds)
        metrics.PROJECTED.labels(name).inc(len(entries))
        metrics.FRESHNESS_SECONDS.labels(name).observe(max(0.0, time.time() - oldest / 1e6))

    def _report(self, batch: Batch) -> None:
        """Now and then: the lag, to whoever asks for it here or at the broker; and what is due each minute."""
        now = time.monotonic()
        if now - self._reported_at >= REPORT_EVERY:
            self._reported_at = now
            lag: Counter[str] = Counter()
            for (topic, _), records in self._reader.lag().items():
                lag[topic] += records
            for topic in PROJECTIONS[self._target.name]:
                metrics.PROJECTION_LAG.labels(self._target.name, topic).set(lag[topic])
            done, self._done = self._done, {}
            try:
                self._reader.commit(batch, done, patience=1.0)
            except KafkaException as why:
                log.warning("%s: the group's offsets are not up to date: %s", self._target.name, why)
        if self._each_minute is not None and now >= self._minute_at:
            self._minute_at = now + 60
            try:
                self._each_minute()
            except self._target.away as why:
                log.warning("%s: what is due each minute was left out: %s", self._target.name, why)

    def _positions(self, places: Collection[Place]) -> Mapping[Place, int]:
        return self._patiently(lambda: self._target.positions(places))

    def _open(self, starts: Mapping[int, Mapping[str, int]]) -> Mapping[int, Positions]:
        places = chain.from_iterable((((t, n), o) for t, o in topics.items()) for n, topics in starts.items())
        opened = dict(places)
        self._patiently(lambda: self._target.open(opened))
        return {n: dict(topics) for n, topics in starts.items()}

    def _patiently(self, ask: Callable[[], T]) -> T:
        end = time.monotonic() + STORE_PATIENCE
        while True:
            try:
                return ask()
            except self._target.away as why:
                if self._stop.is_set() or time.monotonic() > end:
                    raise
                log.warning("%s: the store is away: %s", self._target.name, why)
                self._target.close()
                self._stop.wait(0.5)
