"""Copying records from topic to topic: topics made for it, what lies in them, and a program that copies and counts."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.benches.frame import BenchError
from streams.kafka_log import KAFKA_LOG
from streams.sink import producer_config

PARTITIONS: Final = 12
RECORD_BYTES: Final = 300
KEYS: Final = 1000
FLUSH_WITHIN: Final = 120.0

Record = tuple[bytes, bytes]
"""Key and value."""


@contextmanager
def new_topics(bootstrap: str, *purposes: str) -> Iterator[dict[str, str]]:
    """A new topic for each purpose, gone afterwards."""
    admin = AdminClient({"bootstrap.servers": bootstrap}, logger=KAFKA_LOG)
    run = uuid.uuid4().hex[:8]
    names = {purpose: f"bench.{run}.{purpose}" for purpose in purposes}
    for done in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names.values()]).values():
        done.result(timeout=30)
    try:
        yield names
    finally:
        for done in admin.delete_topics(list(names.values())).values():
            done.result(timeout=30)


def random_records() -> list[Record]:
    """Values of `RECORD_BYTES` that do not compress."""
    return [(b"key %d" % n, os.urandom(RECORD_BYTES)) for n in range(KEYS)]


def fill(bootstrap: str, topic: str, records: Sequence[Record], times: int) -> None:
    """Writes so many records, uncompressed, since Faust's own client here reads no lz4. Raises BenchError."""
    producer = Producer({**producer_config(bootstrap), "compression.type": "none"}, logger=KAFKA_LOG)
    for n in range(times):
        key, value = records[n % len(records)]
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(FLUSH_WITHIN):
        raise BenchError("the broker does not take the records; see: spillway status")


def copied(command: Sequence[str], name: str, patience: float, remedy: str) -> dict[str, Any]:
    """What a program that copies records prints at its end, as `streams.hop` does. patience: seconds that it may take.

    Raises BenchError, with the remedy where it takes longer.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired as late:
        raise BenchError(f"{name} is not done after {patience:.0f} s; {remedy}") from late
    said = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not said:
        raise BenchError(f"{name} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    result: dict[str, Any] = json.loads(said[-1])
    return result
