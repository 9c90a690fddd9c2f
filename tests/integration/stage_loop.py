"""A stage run over the real log without Faust: read, hand out, work, in one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Producer

from processors.outcomes import Emit, Outcome, Retry
from processors.stage import Context
from schemas.catalogue import MESSAGES, SIGNALS
from schemas.codec import Codec
from schemas.events import Customer, EntitiesExtracted, Event, MadeBy, MessageReceived, Meta, Record
from schemas.identity import follow, message_id
from streams.agent import Work
from streams.log import read_to_end
from streams.partitions import PartitionedReader
from streams.sink import producer_config
from streams.topology import StageSpec

CODEC = Codec()


def until(condition: Callable[[], bool], step: Callable[[], object], patience: float = 30) -> None:
    """Takes steps until the condition holds; fails after `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"not within {patience} s"
        step()


def message(tenant: str, number: int, **changes: Any) -> MessageReceived:
    """A valid message of a tenant; its session follows from its number. `changes`: of its meta."""
    id_, now = message_id(tenant, "web", str(number)), time.time_ns() // 1000
    made_by = MadeBy("test", "test@1")
    meta = Meta(id_, tenant, f"s{number % 5}", id_, now, "live", None, now, now + 10_000_000, made_by)
    return MessageReceived(meta._replace(**changes), f"message {number}", "web", str(number), Customer("c"))


def write(bootstrap: str, records: Sequence[tuple[str, bytes | None, bytes | None]]) -> None:
    """Writes records as they are: topic, key, value."""
    producer = Producer(producer_config(bootstrap))
    for topic, key, value in records:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0


def events_of(bootstrap: str, topic: str, tenant: str) -> list[Event]:
    """A tenant's events on a topic, in the order of the log."""
    found = []
    for record in read_to_end(bootstrap, [topic], CODEC):
        if isinstance(record, Record) and record.event.meta.tenant_id == tenant:
            found.append(record.event)
    return found


def spec(tenant: str) -> StageSpec:
    """A stage of the tenant's own, so that tests share a log and no group."""
    return StageSpec(f"stage-{tenant}", "tested", (MESSAGES,), (SIGNALS,))


class Echo:
    """Answers each message of its tenant with one event. `retries`: so often it first cannot work.

    `size_of`: characters in the event, by the message's number.
    """

    def __init__(self, tenant: str, retries: int = 0, size_of: Callable[[int], int] = lambda _: 0) -> None:
        self.name, self._tenant, self._retries, self._size_of = f"stage-{tenant}", tenant, retries, size_of
        self.asked = 0

    def process(self, records: Sequence[Record], context: Context) -> Sequence[Outcome] | Retry:
        self.asked += 1
        if self._retries:
            self._retries -= 1
            return Retry(0.05, "a store is away")
        return [Emit(tuple(self._answer(record.event, context))) for record in records]

    def _answer(self, event: Event, context: Context) -> Iterator[Event]:
        if isinstance(event, MessageReceived) and event.meta.tenant_id == self._tenant:
            meta = follow(event.meta, self.name, "echo@1", context.now)
            size = self._size_of(int(event.channel_message_id))
            yield EntitiesExtracted(meta._replace(traceparent="x" * size), ())


@contextmanager
def running(bootstrap: str, stage: StageSpec, work: Work[Any]) -> Iterator[Callable[[], None]]:
    """A member of the stage's group. Gives what reads one batch and works on it."""
    reader = PartitionedReader(bootstrap, stage.group, stage.reads, open_states=work.open)
    reader.start()

    def step() -> None:
        batch = reader.read(100, 0.05)
        with reader.hand(batch) as hand:
            if hand.states and batch.messages:
                work.handle(batch, hand, reader)

    try:
        yield step
    finally:
        reader.close()
