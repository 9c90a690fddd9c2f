"""Writes events, and returns only when the broker has every one of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.catalogue import TOPIC_OF, TOPICS
from schemas.codec import Codec
from schemas.events import Event, ExperimentChanged, ModelActivated, PolicyActivated, StageHalted, StageResumed
from schemas.identity import session_key
from schemas.validation import wrong_run
from streams.kafka_log import KAFKA_LOG
from streams.partitions import Config

PATIENCE = 60.0
OVERHEAD = 128
"""What a record takes beyond its key and value, generously."""
LARGEST = max(topic.max_bytes for topic in TOPICS.values())


class TooLarge(NamedTuple):
    """An event that its topic does not take. It was left out; its neighbours were not."""

    event: Event
    value: bytes
    limit: int


class NotLive(ValueError):
    """An event of a replay was about to be written to the log. Only facts of its own run may come of a replay."""


class Undelivered(RuntimeError):
    """The broker did not take a record, or did not say so in time. Whatever caused it must not be committed."""


class Outgoing(NamedTuple):
    """A record on its way."""

    topic: str
    key: bytes | None
    value: bytes | None


def producer_config(bootstrap: str) -> dict[str, str | int | float | bool]:
    """How everything in Spillway writes: idempotent, and on the partition that a JVM client would choose."""
    return {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 2,
        "message.max.bytes": LARGEST,
        "queue.buffering.max.messages": 200_000,
        # Only failures call back: a flush that leaves nothing behind is the report of all the others.
        "delivery.report.only.error": True,
        "log.connection.close": False,
    }


def event_key(event: Event) -> bytes:
    """The key of an event's record: its session; on the control topic its tenant or stage.

    A model for every tenant has the stage that it works in, which is named like its task.
    """
    if isinstance(event, PolicyActivated | ExperimentChanged):
        return event.meta.tenant_id.encode()
    if isinstance(event, ModelActivated):
        return (event.meta.tenant_id or event.task).encode()
    if isinstance(event, StageHalted | StageResumed):
        return event.stage.encode()
    meta = event.meta
    return session_key(meta.tenant_id, meta.session_id) if meta.session_id else b""


def refuse_replayed(event: Event) -> None:
    """Raises NotLive for an event of another run than live: every topic of the catalogue is the customers' own."""
    if (wrong := wrong_run(event)) is not None:
        what = f"{type(event).__name__} {event.meta.event_id}"
        raise NotLive(f"{what} is not written to {TOPIC_OF[type(event)]}: {wrong}")


class Sink:
    """A producer of events. One thread at a time may send."""

    def __init__(self, bootstrap: str, codec: Codec, config: Config | None = None) -> None:
        self._producer = Producer({**producer_config(bootstrap), **(config or {})}, logger=KAFKA_LOG)
        self._codec = codec
        self._failed: list[KafkaError] = []

    def send(self, events: Sequence[Event]) -> list[TooLarge]:
        """Writes the events in order; returns when the broker has all but those that are too large for their topic.

        Raises Undelivered when it does not have them, or does not say so, within a minute.
        """
        too_large = self.enqueue(events)
        self.deliver()
        return too_large

    def enqueue(self, events: Iterable[Event]) -> list[TooLarge]:
        """Hands the events to the producer, without waiting.

        Raises NotLive, before any of them is on its way, when one belongs to another run than live.
        """
        events = list(events)
        for event in events:
            refuse_replayed(event)
        encode, too_large = self._codec.encode, []
        records = []
        for event in events:
            topic, key, value = TOPIC_OF[type(event)], event_key(event), encode(event)
            limit = TOPICS[topic].max_bytes
            if len(value) + len(key) + OVERHEAD > limit:
                too_large.append(TooLarge(event, value, limit))
            else:
                records.append(Outgoing(topic, key, value))
        self.enqueue_bytes(records)
        return too_large

    def enqueue_bytes(self, records: Iterable[tuple[str, bytes | None, bytes | None]]) -> None:
        """Hands records to the producer as they are, without waiting: topic, key, value."""
        produce, failed = self._producer.produce, self._on_failure
        for topic, key, value in records:
            while True:
                try:
                    produce(topic, value, key, on_delivery=failed)
                    break
                except BufferError:
                    self._producer.poll(0.1)

    def deliver(self, patience: float = PATIENCE) -> None:
        """Returns when the broker has everything. Raises Undelivered when it has not within `patience` seconds."""
        end, left = time.monotonic() + patience, 1
        while left and not self._failed:
            left = self._producer.flush(min(1.0, patience))
            if left and time.monotonic() > end:
                raise Undelivered(f"{left} records are not acknowledged after {patience:.0f} s")
        if self._failed:
            error = self._failed[0]
            self._failed = []
            raise Undelivered(f"the broker refused a record: {error}") from KafkaException(error)

    def close(self, patience: float = 10.0) -> None:
        """Waits for what is on its way, without saying what became of it."""
        self._producer.flush(patience)

    def _on_failure(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(error)
