"""A bounded read of the log: from where it begins, or a given offset, to where it ended when asked."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from schemas.codec import Codec, Undecodable
from schemas.events import Record
from streams.kafka_log import KAFKA_LOG, is_fatal

Place = tuple[str, int]
"""Topic and partition."""
NO_LEADER_YET = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART)


FINAL: Final = frozenset(
    (
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    )
)
"""What ends a read. librdkafka retries everything else by itself, whatever its errors say of being retriable."""


class Unreadable(NamedTuple):
    """A record that lies in the log and is no event of its topic."""

    topic: str
    partition: int
    offset: int
    appended_at: int
    key: bytes | None
    value: bytes | None
    why: Undecodable


def bounds(consumer: Consumer, topics: Iterable[str], timeout: float = 30) -> dict[Place, tuple[int, int]]:
    """Of each partition: its first offset, and the offset after its last, as they are now.

    Raises KafkaException when the broker does not answer, ValueError when a topic is not there.
    """
    found = {}
    for topic in topics:
        metadata = consumer.list_topics(topic, timeout=timeout).topics[topic]
        if metadata.error is not None:
            raise ValueError(f"topic {topic}: {metadata.error}; create the topics with: spillway prepare")
        for partition in metadata.partitions:
            found[topic, partition] = _span(consumer, TopicPartition(topic, partition), timeout)
    return found


def newest_offsets(admin: AdminClient, places: Iterable[Place], timeout: float) -> dict[Place, int]:
    """The offset after the last, of each place, in one request; {} for none. Raises KafkaException."""
    newest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(*place): newest for place in places}
    if not asked:
        return {}
    answers = admin.list_offsets(asked, request_timeout=timeout)
    return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}


def _span(consumer: Consumer, place: TopicPartition, timeout: float) -> tuple[int, int]:
    """First and next offset. A partition that is new, or whose broker has just come up, may have no leader yet."""
    end = time.monotonic() + timeout
    while True:
        try:
            return consumer.get_watermark_offsets(place, timeout=timeout)
        except KafkaException as err:
            if err.args[0].code() not in NO_LEADER_YET or time.monotonic() > end:
                raise
            time.sleep(0.1)


def a_reader(bootstrap: str, **config: str | int | bool) -> Consumer:
    """A consumer that belongs to no group's membership and commits nothing."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "spillway.reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "queued.min.messages": 20_000,
            "fetch.wait.max.ms": 50,
            **config,
        },
        logger=KAFKA_LOG,
    )


def messages_to_end(
    bootstrap: str,
    topics: Iterable[str],
    start: Mapping[Place, int] | None = None,
    end: Mapping[Place, int] | None = None,
    patience: float = 60,
    only: Collection[Place] | None = None,
) -> Iterator[Message]:
    """Every record from `start` (where not given: the partition's first) up to `end` (where not given: as of now).

    In offset order within a partition; partitions interleave. `only`: leaves out all other places. Raises TimeoutError
    when nothing comes for `patience` seconds, KafkaException when the log cannot be read.
    """
    consumer = a_reader(bootstrap)
    try:
        spans = bounds(consumer, topics)
        goal = {p: high if end is None else min(end.get(p, high), high) for p, (_, high) in spans.items()}
        first = {p: max(low, (start or {}).get(p, low)) for p, (low, _) in spans.items()}
        yield from messages_between(
            consumer, {p: (first[p], goal[p]) for p in spans if only is None or p in only}, patience
        )
    finally:
        consumer.close()


def messages_between(
    consumer: Consumer, spans: Mapping[Place, tuple[int, int]], patience: float = 60
) -> Iterator[Message]:
    """Every record from a first offset up to an end, of each place; in offset order within a partition.

    Raises TimeoutError when nothing comes for `patience` seconds, KafkaException when the log cannot be read, as where
    a first offset lies before what retention has left.
    """
    left = {p for p, (first, goal) in spans.items() if first < goal}
    consumer.assign([TopicPartition(t, n, spans[t, n][0]) for t, n in left])
    while left:
        # Only the first is waited for: consume() alone would wait for all that it is asked for.
        awaited = consumer.poll(patience)
        if awaited is None:
            raise TimeoutError(f"nothing came from {sorted(left)} for {patience} s")
        for message in [awaited, *consumer.consume(5000, 0)]:
            error = message.error()
            place = (message.topic() or "", message.partition() or 0)
            if error is None:
                offset, goal = message.offset() or 0, spans[place][1]
                if offset < goal:
                    yield message
                if offset + 1 >= goal and place in left:
                    left.discard(place)
                    consumer.pause([TopicPartition(*place)])  # the rest of the log is not wanted
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(place)
            elif is_fatal(error) or error.code() in FINAL:
                raise KafkaException(error)


def read_to_end(
    bootstrap: str,
    topics: Iterable[str],
    codec: Codec,
    start: Mapping[Place, int] | None = None,
    end: Mapping[Place, int] | None = None,
    patience: float = 60,
    only: Collection[Place] | None = None,
) -> Iterator[Record | Unreadable]:
    """Every record of `messages_to_end`, decoded."""
    for message in messages_to_end(bootstrap, topics, start, end, patience, only):
        yield decoded(message, codec)


def decoded(message: object, codec: Codec) -> Record | Unreadable:
    """The record in a message of librdkafka's that carries no error."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()  # type: ignore[attr-defined]
    appended_at, value = message.timestamp()[1] * 1000, message.value()  # type: ignore[attr-defined]
    try:
        return Record(topic, partition, offset, appended_at, codec.decode(topic, value))
    except Undecodable as why:
        return Unreadable(topic, partition, offset, appended_at, message.key(), value, why)  # type: ignore[attr-defined]
