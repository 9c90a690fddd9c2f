"""How long one hop takes: records through a running stage that does nothing, at a steady rate."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from typing import Final, NamedTuple

from confluent_kafka import Consumer, Producer

from infra.benches.copying import RECORD_BYTES
from infra.benches.frame import BenchError
from streams.kafka_log import KAFKA_LOG
from streams.partitions import consumer_config
from streams.sink import producer_config

START_WITHIN: Final = 30.0
"""Seconds."""
WARM_UP: Final = 1.0


class Latency(NamedTuple):
    """Milliseconds from produce to read, through one stage."""

    p50: float
    p95: float
    p99: float


def measure_latency(bootstrap: str, source: str, target: str, rate: int, seconds: float) -> Latency:
    """Through a running stage, at a steady rate. Both ends are here, so one clock measures.

    What was sent before both had their partitions, and settled for a second, does not count.
    """
    command = [sys.executable, "-m", "streams.hop", "stage", bootstrap, source, target, "0"]
    stage = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    reader, sender = _Reader(bootstrap, target), _Sender(bootstrap, source, rate)
    try:
        reader.start()
        end = time.monotonic() + START_WITHIN
        while not reader.took and time.monotonic() < end:
            sender.send(0.2)
        sender.send(WARM_UP)
        since = time.monotonic_ns()
        sender.send(seconds)
        sender.flush()
        reader.finish(sender.sent)
    finally:
        stage.terminate()
        stage.wait(30)
    late = sorted(took for at, took in reader.took if at >= since)
    if len(late) < rate * seconds * 0.9:
        raise BenchError(f"only {len(reader.took)} of {sender.sent} records came through the stage")
    return Latency(*(round(late[int(len(late) * share)] / 1e6, 1) for share in (0.50, 0.95, 0.99)))


class _Reader(threading.Thread):
    """Reads the target, and notes of each record when it was sent and how long it took, in nanoseconds."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        super().__init__(name="latency", daemon=True)
        self.took: list[tuple[int, int]] = []
        self._enough = threading.Event()
        self._wanted = 1 << 60
        group = f"spillway.bench.reader.{uuid.uuid4().hex}"
        config = {**consumer_config(bootstrap, group), "auto.offset.reset": "earliest"}
        self._consumer = Consumer(config, logger=KAFKA_LOG)
        self._consumer.subscribe([topic])

    def run(self) -> None:
        while not self._enough.is_set():
            first = self._consumer.poll(0.1)
            found = [] if first is None else [first, *self._consumer.consume(1000, 0)]
            now = time.monotonic_ns()
            sent = [int((m.value() or b"0")[:20]) for m in found if m.error() is None]
            self.took += [(at, now - at) for at in sent]
            if len(self.took) >= self._wanted:
                self._enough.set()
        self._consumer.close()

    def finish(self, sent: int) -> None:
        """Waits until everything has come."""
        self._wanted = sent
        self._enough.wait(30)
        self._enough.set()
        self.join(10)


class _Sender:
    """Writes records at a steady rate; each begins with the time at which it is sent."""

    def __init__(self, bootstrap: str, topic: str, rate: int) -> None:
        self._producer = Producer({**producer_config(bootstrap), "linger.ms": 0}, logger=KAFKA_LOG)
        self._topic, self._rate, self._filler = topic, rate, b"x" * (RECORD_BYTES - 20)
        self.sent = 0

    def send(self, seconds: float) -> None:
        """For so long."""
        began, before = time.monotonic(), self.sent
        while (passed := time.monotonic() - began) < seconds:
            while self.sent - before < passed * self._rate:
                value = b"%020d" % time.monotonic_ns() + self._filler
                self._producer.produce(self._topic, value, b"key %d" % (self.sent % 1000))
                self.sent += 1
            self._producer.poll(0)
            time.sleep(0.002)

    def flush(self) -> None:
        """Returns when the broker has all."""
        self._producer.flush(30)
