"""What the contenders of one hop copy: records of random bytes, or real events in Avro."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Producer

from infra.benches.frame import BenchError
from infra.benches.hop_latency import RECORD_BYTES
from schemas.codec import Codec
from schemas.events import Customer
from schemas.identity import session_key
from streams.channels import compose
from streams.channels.compose import Sender
from streams.kafka_log import KAFKA_LOG
from streams.sink import producer_config

BYTES: Final = "bytes"
AVRO: Final = "avro"
KEYS: Final = 1000
PATIENCE: Final = 120.0
NOON: Final = 1_800_000_000_000_000
"""When the events are said to have happened, microseconds UTC: the same in every run."""
TEXT: Final = "I ordered two pairs of shoes in May, order {}, and only one of them has come: where is the other?"

Record = tuple[bytes, bytes]
"""Key and value."""


def random_records() -> list[Record]:
    """Values of `RECORD_BYTES` that do not compress."""
    return [(b"key %d" % n, os.urandom(RECORD_BYTES)) for n in range(KEYS)]


def events() -> list[Record]:
    """Customers' messages as a channel writes them; about as large as the random records."""
    codec, customer = Codec(), Customer("c-1021", "gold", True, {"lang": "en"})
    found = []
    for n in range(KEYS):
        sender = Sender("bench", f"session {n}", "web")
        event = compose.message(sender, TEXT.format(700_000 + n), f"message {n}", NOON + n, customer, "/orders")
        found.append((session_key("bench", sender.session), codec.encode(event)))
    return found


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
    if producer.flush(PATIENCE):
        raise BenchError("the broker does not take the records; see: spillway status")
