"""Measures one hop: the shipped data plane against a bare librdkafka loop and naive Faust, and its latency."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from streams.kafka_log import KAFKA_LOG
from streams.partitions import consumer_config
from streams.sink import producer_config

PARTITIONS = 12
RECORD_BYTES = 300
PATIENCE = 120.0
START_WITHIN_S = 30.0
WARM_UP_S = 1.0

Say = Callable[[str], None]


class BenchFailed(RuntimeError):
    """A contender did not do its work; the message has the end of what it said."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds from produce to read, through one stage."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Result:
    """Medians of the rounds. `ratio`: stage to raw."""

    ratio: float
    raw_per_s: float
    stage_per_s: float
    faust_per_s: float
    latency_ms: Latency
    latency_rate_per_s: int
    records: int
    record_bytes: int
    rounds: int
    every_round: dict[str, list[float]]

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def measure(bootstrap: str, records: int, rounds: int, rate: int, seconds: float, say: Say) -> Result:
    """Runs the contenders in turn, `rounds` times, then the latency at `rate` records a second for `seconds`.

    Raises BenchFailed.
    """
    found: dict[str, list[float]] = {"raw": [], "stage": [], "faust": []}
    with _topics(bootstrap) as (source, target):
        say(f"writing {records} records of {RECORD_BYTES} bytes")
        fill(bootstrap, source, records)
        for number in range(rounds):
            for contender, part in (("raw", records), ("stage", records), ("faust", max(1000, records // 20))):
                per_s = _run(contender, bootstrap, source, target, part)
                found[contender].append(round(per_s, 1))
                say(f"round {number + 1}: {contender} {per_s:,.0f}/s")
    with _topics(bootstrap) as (source, target):
        say(f"latency at {rate}/s for {seconds:.0f} s")
        latency = measure_latency(bootstrap, source, target, rate, seconds)
    raw, stage, faust = (statistics.median(found[c]) for c in ("raw", "stage", "faust"))
    ratio = round(stage / raw, 3)
    return Result(ratio, raw, stage, faust, latency, rate, records, RECORD_BYTES, rounds, found)


@contextmanager
def _topics(bootstrap: str) -> Iterator[tuple[str, str]]:
    """Two new topics, gone afterwards."""
    admin = AdminClient({"bootstrap.servers": bootstrap}, logger=KAFKA_LOG)
    names = [f"bench.{uuid.uuid4().hex[:8]}.{end}" for end in ("in", "out")]
    for done in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        done.result(timeout=30)
    try:
        yield names[0], names[1]
    finally:
        for done in admin.delete_topics(names).values():
            done.result(timeout=30)


def fill(bootstrap: str, topic: str, records: int) -> None:
    """Records with a thousand keys; uncompressed, since Faust's own client here reads no lz4."""
    producer = Producer({**producer_config(bootstrap), "compression.type": "none"}, logger=KAFKA_LOG)
    filler = os.urandom(1 << 16)
    for i in range(records):
        at = i * 37 % (len(filler) - RECORD_BYTES)
        while True:
            try:
                producer.produce(topic, filler[at : at + RECORD_BYTES], b"key %d" % (i % 1000))
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(PATIENCE):
        raise BenchFailed("the broker does not take the records")


def _run(contender: str, bootstrap: str, source: str, target: str, records: int) -> float:
    """Records a second of one contender, in a process of its own."""
    command = [sys.executable, "-m", "streams.hop", contender, bootstrap, source, target, str(records)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as late:
        raise BenchFailed(f"{contender} is not done after {PATIENCE:.0f} s") from late
    results = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not results:
        raise BenchFailed(f"{contender} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    result = json.loads(results[-1])
    return float(result["records"] / result["seconds"])


def measure_latency(bootstrap: str, source: str, target: str, rate: int, seconds: float) -> Latency:
    """Through a running stage, at a steady rate. Both ends are here, so one clock measures.

    What was sent before both had their partitions, and settled for a second, does not count.
    """
    command = [sys.executable, "-m", "streams.hop", "stage", bootstrap, source, target, "0"]
    stage = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    reader, sender = _Reader(bootstrap, target), _Sender(bootstrap, source, rate)
    try:
        reader.start()
        end = time.monotonic() + START_WITHIN_S
        while not reader.took and time.monotonic() < end:
            sender.send(0.2)
        sender.send(WARM_UP_S)
        since = time.monotonic_ns()
        sender.send(seconds)
        sender.flush()
        reader.finish(sender.sent)
    finally:
        stage.terminate()
        stage.wait(30)
    late = sorted(took for at, took in reader.took if at >= since)
    if len(late) < rate * seconds * 0.9:
        raise BenchFailed(f"only {len(reader.took)} of {sender.sent} records came through the stage")
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
