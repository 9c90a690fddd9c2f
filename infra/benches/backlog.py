"""A backlog for the workers: conversations of the demonstration written at once, and drained while a clock runs."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import psutil
from confluent_kafka.admin import AdminClient

from infra.benches.cpu import CpuMeter, between
from infra.benches.frame import BenchError
from infra.demo import CONVERSATIONS
from infra.recordings import playable, read_recordings
from schemas.catalogue import REPLIES
from schemas.codec import Codec
from schemas.events import Customer, MessageReceived
from streams.channels.compose import Sender, message
from streams.kafka_log import KAFKA_LOG
from streams.log import Place, newest_offsets
from streams.sink import Sink

DEADLINE: Final = 3_600.0
"""Seconds: no turn of a backlog may be given up while it is drained."""
TURNS: Final = 4
"""Of a session."""
LOOK_EVERY: Final = 0.2
PATIENCE: Final = 30.0
"""Seconds without a reply after which nothing more is expected."""


@dataclass(frozen=True)
class Drained:
    """turns: answered. seconds: from the first message's writing to the last reply. cpu: seconds of processor by part,
    in that time. busy: the share of all processors in use, whoever used them."""

    turns: int
    seconds: float
    cpu: Mapping[str, float]
    busy: float

    @property
    def per_s(self) -> float:
        return self.turns / self.seconds


def drain(bootstrap: str, codec: Codec, tenant: str, turns: int, name: str, meter: CpuMeter) -> Drained:
    """Writes so many messages at once, waits until each is answered, and says what that took.

    name: of the sessions; another each time. Raises BenchError where replies stop coming before.
    """
    events = list(itertools.islice(messages(tenant, name, time.time_ns() // 1000), turns))
    ends, sink = Ends(bootstrap), Sink(bootstrap, codec)
    there = ends.of(REPLIES)
    try:
        psutil.cpu_percent()
        before, began = meter.read(), time.monotonic()
        sink.send(events)
        ended = _answered(ends, there + len(events))
        spent, busy = between(before, meter.read()), psutil.cpu_percent() / 100
    finally:
        sink.close()
    return Drained(len(events), ended - began, spent, min(1.0, busy))


def messages(tenant: str, name: str, now: int) -> Iterator[MessageReceived]:
    """Messages without end, of the demonstration's texts, in sessions of four that come interleaved."""
    texts = [
        text
        for recorded in read_recordings(CONVERSATIONS)
        for said in recorded.turns
        if said.speaker == "customer" and (text := playable(said.text)) is not None
    ]
    wide = 250
    for number in itertools.count():
        block, within = divmod(number, wide * TURNS)
        session = f"{name}.{block * wide + within % wide}"
        turn = within // wide
        text = texts[(block * wide + within % wide + turn) % len(texts)]
        sender = Sender(tenant, session, "web", DEADLINE)
        yield message(sender, text, f"{session}/{turn}", now, Customer(f"customer of {session}"))


class Ends:
    """How many records a topic has ever had."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}, logger=KAFKA_LOG)
        self._places: dict[str, list[Place]] = {}

    def of(self, topic: str) -> int:
        """The sum of its partitions' ends. Raises KafkaException where the broker does not answer."""
        if topic not in self._places:
            found = self._admin.list_topics(topic, timeout=30).topics[topic].partitions
            self._places[topic] = [(topic, number) for number in found]
        return sum(newest_offsets(self._admin, self._places[topic], 30).values())


def _answered(ends: Ends, wanted: int) -> float:
    """When (monotonic seconds) chat.replies had so many records."""
    seen, moved, pause = -1, time.monotonic(), threading.Event()
    while True:
        found, now = ends.of(REPLIES), time.monotonic()
        if found >= wanted:
            return now
        if found > seen:
            seen, moved = found, now
        elif now - moved > PATIENCE:
            raise BenchError(
                f"{wanted - found} turns of a backlog are not answered and no more replies come: see the logs"
            )
        pause.wait(LOOK_EVERY)
