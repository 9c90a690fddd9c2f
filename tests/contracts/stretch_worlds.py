"""Logs for the contract of stretches: in memory, in an archive of it, and on a broker."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from schemas.catalogue import TOPIC_OF
from schemas.codec import Codec
from schemas.events import Event, Record
from streams.bus import Bus, Clock
from streams.log import a_reader, bounds, read_to_end
from streams.replay.archive import ArchiveStretch, write_archive
from streams.replay.kafka_stretch import KafkaStretch
from streams.replay.stretch import Selection, Stretch, Window
from streams.sink import Sink
from streams.testing.stretch import BusSource, BusStretch

EVERYTHING = Selection()


class InMemory:
    """A bus, whose clock goes on by a millisecond between any two things."""

    def __init__(self, codec: Codec | None) -> None:
        self.clock = Clock()
        self.begin = self.clock.now()
        self.bus = Bus(self.clock.now, codec=codec)

    def append(self, events: Sequence[Event]) -> list[Record]:
        self.clock.advance(0.001)
        return [self.bus.append(event) for event in events]

    def append_bytes(self, topic: str, key: bytes, value: bytes) -> None:
        self.clock.advance(0.001)
        self.bus.append_bytes(topic, key, value)

    def now(self) -> int:
        self.clock.advance(0.001)
        return self.clock.now()

    def stretch(self, window: Window, selection: Selection = EVERYTHING) -> Stretch:
        return BusStretch.of(self.bus, window, selection)

    def again(self, stretch: Stretch) -> Stretch:
        return BusStretch.from_description(self.bus, json.loads(json.dumps(stretch.describe())))


class Archived(InMemory):
    """Stretches of archives of a bus. `wider`: each archive holds all there is, and the stretch is a part of it."""

    def __init__(self, folder: Path, wider: bool) -> None:
        super().__init__(Codec())
        self._folder, self._wider, self._codec = folder, wider, Codec()

    def stretch(self, window: Window, selection: Selection = EVERYTHING) -> Stretch:
        folder = self._folder / uuid4().hex
        held = Window(self.begin, self.now()) if self._wider else window
        write_archive(BusSource(self.bus), self._codec, held, folder)
        return ArchiveStretch.of(folder, self._codec, window, selection)

    def again(self, stretch: Stretch) -> Stretch:
        description = json.loads(json.dumps(stretch.describe()))
        return ArchiveStretch.from_description(Path(description["source"]["folder"]), self._codec, description)


class OnBroker:
    """Kafka."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap, self._codec = bootstrap, Codec()
        self._sink = Sink(bootstrap, self._codec)
        self._last = 0

    def append(self, events: Sequence[Event]) -> list[Record]:
        topics = sorted({TOPIC_OF[type(event)] for event in events})
        consumer = a_reader(self.bootstrap)
        ends = {place: high for place, (_, high) in bounds(consumer, topics).items()}
        consumer.close()
        assert self._sink.send(events) == []
        found = [r for r in read_to_end(self.bootstrap, topics, self._codec, ends) if isinstance(r, Record)]
        found.sort(key=lambda r: (r.topic, r.partition, r.offset))
        self._last = max(r.appended_at for r in found)
        return [found.pop(next(i for i, r in enumerate(found) if r.event == event)) for event in events]

    def append_bytes(self, topic: str, key: bytes, value: bytes) -> None:
        self._sink.enqueue_bytes([(topic, key, value)])
        self._sink.deliver()
        self._last = time.time_ns() // 1000

    def now(self) -> int:
        while (now := time.time_ns() // 1_000_000 * 1000) <= self._last:
            pass  # less than a millisecond: the log's clock is this machine's
        return now

    def stretch(self, window: Window, selection: Selection = EVERYTHING) -> Stretch:
        return KafkaStretch.of(self.bootstrap, self._codec, window, selection)

    def again(self, stretch: Stretch) -> Stretch:
        return KafkaStretch.from_description(self.bootstrap, self._codec, json.loads(json.dumps(stretch.describe())))

    def close(self) -> None:
        self._sink.close()
