"""Follows topics from a moment on, without a group: every reader sees every partition, and commits nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.codec import Codec, Undecodable
from schemas.events import Event
from streams.kafka_log import is_fatal
from streams.log import Place, a_reader, bounds

MAX_BATCH = 2_000
LEADERLESS = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


class Read(NamedTuple):
    """An event with its bytes and place. `appended_at`: the log's time, microseconds UTC."""

    event: Any
    value: bytes
    topic: str
    partition: int
    offset: int
    appended_at: int


Wanted = Callable[[bytes], bool]
"""Whether a record with this key is worth decoding."""


def everything(_key: bytes) -> bool:
    """Wants every record."""
    return True


class Tail:
    """Reads topics from `since` (microseconds UTC; None: from where they end now) and follows them.

    `open` fixes where reading begins: everything appended after it is seen. Not shared by threads.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[str],
        codec: Codec,
        since: int | None = None,
        wanted: Wanted = everything,
    ) -> None:
        self._bootstrap = bootstrap
        self._topics = tuple(topics)
        self._codec = codec
        self._since = since
        self._wanted = wanted
        self._consumer: Consumer | None = None
        self._behind: dict[Place, int] = {}
        self.undecodable = 0

    def open(self, seconds: float = 10.0) -> None:
        """Finds where to begin. Raises KafkaException when the broker does not answer, ValueError without the topic."""
        changed: dict[str, str | int | bool] = {
            "enable.partition.eof": False,
            "auto.offset.reset": "earliest",
            "reconnect.backoff.max.ms": 1000,
            "log_level": 2,
        }
        consumer = a_reader(self._bootstrap, **changed)
        end = time.monotonic() + seconds
        try:
            while not self._assigned(consumer, end - time.monotonic()):
                time.sleep(0.1)
        except (KafkaException, ValueError):
            consumer.close()
            raise
        self._consumer = consumer

    def _assigned(self, consumer: Consumer, seconds: float) -> bool:
        """False while partitions look for their leader, as just after a topic was made or a broker came back."""
        try:
            ends = {place: end for place, (_, end) in bounds(consumer, self._topics, max(0.1, seconds)).items()}
            starts = dict(ends)
            if self._since is not None:
                asked = [TopicPartition(t, p, self._since // 1000) for t, p in ends]
                for found in consumer.offsets_for_times(asked, timeout=max(0.1, seconds)):
                    if found.error is not None:
                        raise KafkaException(found.error)
                    if found.offset >= 0:
                        starts[found.topic, found.partition] = found.offset
        except KafkaException as err:
            if err.args[0].code() in LEADERLESS and seconds > 0:
                return False
            raise
        self._behind = {place: end for place, end in ends.items() if starts[place] < end}
        consumer.assign([TopicPartition(t, p, offset) for (t, p), offset in starts.items()])
        return True

    @property
    def caught_up(self) -> bool:
        """Whether everything that was there when it opened has been read."""
        return self._consumer is not None and not self._behind

    def read(self, seconds: float) -> list[Read]:
        """What came, waiting up to `seconds` for the first. A broker that is away is waited for, not an error."""
        assert self._consumer is not None, "open() comes first"
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        out: list[Read] = []
        for m in (first, *self._consumer.consume(MAX_BATCH - 1, 0)):
            if (error := m.error()) is not None:
                if is_fatal(error):
                    raise KafkaException(error)
                continue
            topic, partition, offset = m.topic() or "", m.partition() or 0, m.offset() or 0
            if self._behind and self._behind.get((topic, partition), 0) - 1 <= offset:
                self._behind.pop((topic, partition), None)
            value = m.value()
            if self._wanted(m.key() or b""):
                try:
                    event: Event = self._codec.decode(topic, value)
                except Undecodable:
                    self.undecodable += 1
                else:
                    out.append(Read(event, value or b"", topic, partition, offset, m.timestamp()[1] * 1000))
        return out

    def close(self) -> None:
        """Lets go of the connections."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


class TailThread:
    """Follows topics in a thread, and hands over what came, a batch at a time.

    `deliver` is called in that thread and may block, which holds reading back. Where the broker is not there at the
    start, it is asked again until it is.
    """

    def __init__(self, make: Callable[[], Tail], deliver: Callable[[list[Read]], None], name: str = "tail") -> None:
        self._make = make
        self._deliver = deliver
        self._stop = threading.Event()
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def caught_up(self) -> bool:
        """Whether it has read everything that was there when it began."""
        return self._caught_up.is_set()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def wait_caught_up(self, seconds: float) -> bool:
        """Waits until it has caught up; False when it has not in time."""
        return self._caught_up.wait(seconds)

    def stop(self, seconds: float = 5.0) -> None:
        """Ends the thread and waits for it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _follow(self) -> None:
        tail = self._opened()
        if tail is None:
            return
        try:
            if tail.caught_up:
                self._caught_up.set()
            while not self._stop.is_set():
                if batch := tail.read(0.2):
                    self._deliver(batch)
                if not self._caught_up.is_set() and tail.caught_up:
                    self._caught_up.set()
        finally:
            tail.close()

    def _opened(self) -> Tail | None:
        while not self._stop.is_set():
            tail = self._make()
            began = time.monotonic()
            try:
                tail.open(5)
                return tail
            except (KafkaException, ValueError):
                self._stop.wait(max(0.0, began + 0.5 - time.monotonic()))
        return None
