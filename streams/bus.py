"""The log in memory: topics, partitions, offsets, append times, and each group's committed offsets.

It stands in for Kafka in tests and replays. Everything that a stage may notice of the log is as there; what is not
there is the network. tests/contracts holds it against a real broker.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from schemas.catalogue import CATALOGUE, DEFAULT_PARTITIONS, TOPIC_OF, TOPICS
from schemas.codec import Codec, Undecodable
from schemas.events import Event, Record
from streams.log import Place, Unreadable
from streams.partitioner import partition_of
from streams.sink import OVERHEAD, event_key


class TooLargeForTopic(ValueError):
    """The topic does not take records of this size. `limit`: what it takes, in bytes."""

    def __init__(self, size: int, topic: str, limit: int) -> None:
        super().__init__(f"{size} bytes; {topic} takes {limit}")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies at one offset. `event`: kept as it was, where it was appended as an event and there is no codec."""

    key: bytes | None
    value: bytes | None
    appended_at: int
    event: Event | None = None


class Clock:
    """Time that passes when it is told to. Microseconds UTC."""

    def __init__(self, start: int = 1_800_000_000_000_000) -> None:
        self._now = start

    def now(self) -> int:
        """The time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._now += round(seconds * 1_000_000)


class Bus:
    """The log.

    now: gives the append time of records (microseconds UTC). codec: None keeps events as they are, which is fastest;
    else every event goes through its bytes, as on Kafka. Append times have Kafka's resolution, milliseconds.
    """

    def __init__(
        self, now: Callable[[], int], partitions: int = DEFAULT_PARTITIONS, codec: Codec | None = None
    ) -> None:
        self._now = now
        self.codec = codec
        self.partitions = {t.name: t.partitions or partitions for t in CATALOGUE}
        self._logs: dict[Place, list[Entry]] = {(t, n): [] for t, c in self.partitions.items() for n in range(c)}
        self._committed: dict[str, dict[Place, int]] = defaultdict(dict)

    def append(self, event: Event) -> Record:
        """Appends an event to its own topic, under the key that belongs to it. Raises TooLargeForTopic."""
        topic, key = TOPIC_OF[type(event)], event_key(event)
        if self.codec is not None:
            place, offset = self.append_bytes(topic, key, self.codec.encode(event))
        else:
            place, offset = self._put(topic, key, Entry(key, None, self._time(), event))
        return Record(*place, offset, self._logs[place][offset].appended_at, event)

    def append_bytes(self, topic: str, key: bytes | None, value: bytes | None) -> tuple[Place, int]:
        """Appends whatever it is; returns where it lies. Raises TooLargeForTopic, KeyError for no such topic."""
        size = len(key or b"") + len(value or b"")
        if size + OVERHEAD > TOPICS[topic].max_bytes:
            raise TooLargeForTopic(size, topic, TOPICS[topic].max_bytes)
        return self._put(topic, key, Entry(key, value, self._time()))

    @cached_property
    def _decoder(self) -> Codec:
        """A bus that keeps events as they are may still be given bytes."""
        return self.codec or Codec()

    def _time(self) -> int:
        return self._now() // 1000 * 1000

    def _put(self, topic: str, key: bytes | None, entry: Entry) -> tuple[Place, int]:
        place = (topic, partition_of(key or b"", self.partitions[topic]))
        self._logs[place].append(entry)
        return place, len(self._logs[place]) - 1

    def end(self, place: Place) -> int:
        """The offset that the next record there gets."""
        return len(self._logs[place])

    def entries(self, place: Place, offset: int, limit: int) -> list[Entry]:
        """What lies there from `offset` on, at most `limit` of it."""
        return self._logs[place][offset : offset + limit]

    def read(self, place: Place, offset: int, limit: int) -> Iterator[Record | Unreadable]:
        """What lies there, decoded."""
        for i, entry in enumerate(self.entries(place, offset, limit), offset):
            yield self._decoded(place, i, entry)

    def _decoded(self, place: Place, offset: int, entry: Entry) -> Record | Unreadable:
        topic, partition = place
        event = entry.event
        try:
            if event is None:
                event = self._decoder.decode(topic, entry.value)
        except Undecodable as why:
            return Unreadable(topic, partition, offset, entry.appended_at, entry.key, entry.value, why)
        return Record(topic, partition, offset, entry.appended_at, event)

    def key(self, record: Record) -> bytes | None:
        """The key under which a record lies."""
        return self._logs[record.topic, record.partition][record.offset].key

    def records(self, *topics: str) -> list[Record]:
        """Every readable record of these topics, by partition and offset."""
        found = (r for p in self.places(topics) for r in self.read(p, 0, self.end(p)))
        return [r for r in found if isinstance(r, Record)]

    def places(self, topics: Iterable[str]) -> list[Place]:
        """The partitions of these topics."""
        return [(t, n) for t in topics for n in range(self.partitions[t])]

    def committed(self, group: str, place: Place) -> int:
        """The group's committed offset; 0 where it has none."""
        return self._committed[group].get(place, 0)

    def commit(self, group: str, place: Place, offset: int) -> None:
        """Commits. Kafka too takes an offset that lies before the one committed last."""
        self._committed[group][place] = offset

