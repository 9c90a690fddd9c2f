"""The log on a real broker, as a stretch reads it."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from streams.replay.kafka_stretch import KafkaSource
from streams.replay.source import StretchGone

pytestmark = pytest.mark.broker
COUNT = 40


@pytest.fixture
def topic(broker: str, unique: str) -> str:
    """A topic of its own with one partition; its records come in two batches, the second of a later log time."""
    admin = AdminClient({"bootstrap.servers": broker})
    new = NewTopic(unique, 1, 1, config={"message.timestamp.type": "LogAppendTime"})
    admin.create_topics([new])[unique].result(30)
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
    for begin in (0, COUNT // 2):
        for n in range(begin, begin + COUNT // 2):
            producer.produce(unique, b"%d" % n, b"key", headers=[("n", b"%d" % n), ("none", None)])
        assert producer.flush(30) == 0
        sent = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 <= sent:
            pass  # less than a millisecond
    return unique


def test_records_come_whole(broker: str, topic: str) -> None:
    """Offset, append time, key, value and headers, from the first to before the last that is asked for."""
    found = [raw for _, raw in KafkaSource(broker).raws({(topic, 0): (3, COUNT - 2)})]
    assert [raw.offset for raw in found] == list(range(3, COUNT - 2))
    assert all(raw.value == b"%d" % raw.offset and raw.key == b"key" for raw in found)
    assert all(raw.headers == (("n", raw.value), ("none", None)) for raw in found)
    assert all(a.appended_at <= b.appended_at for a, b in pairwise(found))


def test_offsets_are_found_by_log_time(broker: str, topic: str) -> None:
    """The first that is not earlier; the end where there is none; microseconds do not round down."""
    source, place = KafkaSource(broker), (topic, 0)
    times = [raw.appended_at for _, raw in source.raws({place: (0, COUNT)})]
    second = times[COUNT // 2]
    assert times[COUNT // 2 - 1] < second
    assert source.offsets_at([place], second) == {place: COUNT // 2}
    assert source.offsets_at([place], second - 999) == {place: COUNT // 2}
    assert source.offsets_at([place], times[-1] + 1) == {place: COUNT}
    assert source.offsets_at([place], -10) == {place: 0}


def test_what_is_gone_since_is_named(broker: str, topic: str) -> None:
    """Which offsets of which partition, and what to do; what is left is where it was."""
    source, place = KafkaSource(broker), (topic, 0)
    admin = AdminClient({"bootstrap.servers": broker})
    admin.delete_records([TopicPartition(topic, 0, 10)])[TopicPartition(topic, 0, 10)].result(30)
    assert source.spans([topic]) == {place: (10, COUNT)}
    with pytest.raises(StretchGone, match=rf"{topic}, partition 0: offsets 5 to 9.* archive"):
        list(source.raws({place: (5, COUNT)}))
    assert len(list(source.raws({place: (10, COUNT)}))) == COUNT - 10


def test_empty_spans_need_no_broker() -> None:
    """Nothing is asked where nothing is wanted."""
    assert list(KafkaSource("127.0.0.1:1").raws({("none", 0): (4, 4)})) == []
