"""A keeper's state, from its changelog: what the stage itself has written, read to its end before anything else."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from confluent_kafka import TopicPartition

from processors.stage import PartitionState
from schemas.codec import Codec
from streams import metrics
from streams.log import Place, Unreadable, a_reader, read_to_end
from streams.wall_clock import now_micros

HISTORY: Final = 7 * 86_400.0
"""Seconds of the changelog that are read by default: longer than any timeout that a policy may have."""
NOTHING: Final = 1 << 62

log = logging.getLogger(__name__)


class Changelog:
    """Recovers the partitions of one stage. `history`: seconds that matter, None for everything."""

    def __init__(
        self, bootstrap: str, topics: Sequence[str], codec: Codec, stage: str, history: float | None = HISTORY
    ) -> None:
        self._bootstrap, self._topics, self._codec, self._stage = bootstrap, tuple(topics), codec, stage
        self._history = history

    def recover(self, states: Mapping[int, PartitionState]) -> None:
        """Gives every state its records, up to the end as it is now; each topic in its order.

        Raises KafkaException, TimeoutError.
        """
        began, count = time.monotonic(), 0
        start = self._start(states)
        for record in read_to_end(self._bootstrap, self._topics, self._codec, start, only=start.keys()):
            if isinstance(record, Unreadable):
                log.error("%s: changelog record %s is passed over: %s", self._stage, record[:3], record.why)
                continue
            states[record.partition].recover(record)
            count += 1
        seconds = time.monotonic() - began
        metrics.RECOVERY_SECONDS.labels(self._stage).set(seconds)
        metrics.RECOVERY_RECORDS.labels(self._stage).set(count)
        log.info("%s: partitions %s recovered from %d records in %.2f s", self._stage, sorted(states), count, seconds)

    def _start(self, numbers: Iterable[int]) -> dict[Place, int]:
        """Where to read each partition from: the first record that still matters."""
        if self._history is None:
            return {(topic, n): 0 for topic in self._topics for n in numbers}
        since = int((now_micros() / 1e6 - self._history) * 1000)
        consumer = a_reader(self._bootstrap)
        try:
            asked = [TopicPartition(topic, n, since) for topic in self._topics for n in numbers]
            found = consumer.offsets_for_times(asked, timeout=60)
        finally:
            consumer.close()
        # Nothing since then: the answer is the end, and there is nothing to read.
        return {(p.topic, p.partition): p.offset if p.offset >= 0 else NOTHING for p in found}
