"""A real broker is the log that the one in memory stands in for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.topics import create_topics
from schemas.codec import Codec
from schemas.events import Event, Record
from streams.log import Place, Unreadable, read_to_end
from streams.sink import Sink, Undelivered
from tests.contracts.log_suite import LogSuite, Refused


class OnBroker:
    """Kafka, as the suite sees a log: written by our sink, read by our bounded reader."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._codec = Codec()
        self._sink = Sink(bootstrap, self._codec)

    def append(self, events: Sequence[Event]) -> None:
        assert self._sink.send(events) == []

    def append_bytes(self, topic: str, key: bytes, value: bytes) -> None:
        try:
            self._sink.enqueue_bytes([(topic, key, value)])
            self._sink.deliver()
        except (Undelivered, KafkaException) as err:
            raise Refused from err

    def read(self, topic: str) -> list[Record | Unreadable]:
        found = list(read_to_end(self._bootstrap, [topic], self._codec))
        return sorted(found, key=lambda r: (r.partition, r.offset))

    def commit(self, group: str, place: Place, offset: int) -> None:
        consumer = self._member(group)
        consumer.commit(offsets=[TopicPartition(*place, offset)], asynchronous=False)
        consumer.close()

    def committed(self, group: str, place: Place) -> int | None:
        consumer = self._member(group)
        (found,) = consumer.committed([TopicPartition(*place)], timeout=30)
        consumer.close()
        return found.offset if found.offset >= 0 else None

    def _member(self, group: str) -> Consumer:
        return Consumer({"bootstrap.servers": self._bootstrap, "group.id": group, "enable.auto.commit": False})

    def close(self) -> None:
        self._sink.close()


@pytest.mark.broker
class TestTheBroker(LogSuite):
    """The session's broker; other tests' records may lie in it."""

    @pytest.fixture
    def log(self, broker: str) -> Iterator[OnBroker]:
        create_topics(broker)
        log = OnBroker(broker)
        yield log
        log.close()
