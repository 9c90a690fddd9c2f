"""One hop of the data plane, on bytes: what the benchmark runs, each contender in a process of its own.

`python -m streams.hop CONTENDER BOOTSTRAP SOURCE_TOPIC TARGET_TOPIC RECORDS` copies so many records (0: until
SIGTERM) and prints one JSON object: records, seconds, cpu_seconds. Contenders: raw (librdkafka in a loop), stage (the
shipped source, agent, sink and commit around nothing), faust (Faust's own Kafka client, one event at a time).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import faust
from confluent_kafka import Consumer, Producer

from schemas.codec import Codec
from streams.ownership import Hand
from streams.partitions import Batch, PartitionedReader, consumer_config
from streams.sink import Sink, producer_config
from streams.source import BATCH_LIMIT
from streams.stage_work import next_offsets
from streams.worker import WorkerSettings, add_stage, exit_now, make_app, run_app, start_sources


class Meter:
    """Counts records from the first batch on, and prints when `wanted` of them are through (0: never)."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._count, self._began, self._cpu = wanted, 0, 0.0, 0.0

    def begin(self) -> None:
        """Called before each batch."""
        if not self._began:
            self._began, self._cpu = time.perf_counter(), time.process_time()

    def done(self, records: int) -> bool:
        """Called after each batch. Whether that was all."""
        self._count += records
        if self._wanted and self._count >= self._wanted:
            taken, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu
            result = {"records": self._count, "seconds": taken, "cpu_seconds": cpu}
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
            return True
        return False


class PassBytes:
    """A stage that does nothing, on bytes: everything of a stage but decoding and deciding."""

    def __init__(self, sink: Sink, target: str, meter: Meter) -> None:
        self._sink, self._target, self._meter = sink, target, meter

    def open(self, starts: Mapping[int, Mapping[str, int]]) -> Mapping[int, None]:
        return dict.fromkeys(starts)

    def close(self, states: Mapping[int, None]) -> None:
        """Nothing: nothing is kept."""

    def handle(self, batch: Batch, hand: Hand[None], reader: PartitionedReader[None]) -> None:
        self._meter.begin()
        messages = [m for m in batch.messages if m.partition() in hand.states]
        target = self._target
        self._sink.enqueue_bytes((target, m.key(), m.value()) for m in messages)
        self._sink.deliver()
        reader.commit(batch, next_offsets(messages, hand.states))
        if self._meter.done(len(messages)):
            os.kill(os.getpid(), signal.SIGTERM)


def stage(bootstrap: str, source: str, target: str, records: int) -> int:
    """The shipped data plane."""
    sys.setswitchinterval(0.001)
    app, settings = make_app("hop"), WorkerSettings(bootstrap)
    work = PassBytes(Sink(bootstrap, Codec()), target, Meter(records))
    reader = PartitionedReader(bootstrap, group("stage"), [source], open_states=work.open)
    start_sources(app, [add_stage(app, "hop", reader, work, settings, ticks=False)])
    return run_app(app)


def raw(bootstrap: str, source: str, target: str, records: int) -> int:
    """What the same client does in a bare loop with the same guarantees."""
    config = {**consumer_config(bootstrap, group("raw")), "auto.offset.reset": "earliest"}
    consumer, producer, meter = Consumer(config), Producer(producer_config(bootstrap)), Meter(records)
    consumer.subscribe([source])
    failed: list[object] = []

    def on_delivery(error: object, _message: object) -> None:
        failed.append(error)

    while True:
        first = consumer.poll(1.0)
        if first is None:
            continue
        meter.begin()
        messages = [first, *consumer.consume(BATCH_LIMIT - 1, 0)]
        for message in messages:
            if message.error() is not None:
                raise RuntimeError(str(message.error()))
            while True:
                try:
                    producer.produce(target, message.value(), message.key(), on_delivery=on_delivery)
                    break
                except BufferError:
                    producer.poll(0.1)
        if producer.flush(60) or failed:
            raise RuntimeError(f"not delivered: {failed[:1]}")
        consumer.commit(message=messages[-1], asynchronous=False)
        if meter.done(len(messages)):
            return 0


def naive_faust(bootstrap: str, source: str, target: str, records: int) -> int:
    """Faust as its tutorial has it."""
    app = faust.App(
        group("faust"),
        broker=f"kafka://{bootstrap}",
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        topic_disable_leader=True,
        datadir=os.path.join(tempfile.gettempdir(), "spillway-faust"),
    )
    incoming = app.topic(source, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    outgoing = app.topic(target, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    meter = Meter(records)

    async def copy(stream: Any) -> None:
        async for event in stream.events():
            meter.begin()
            await outgoing.send(key=event.key, value=event.value)
            if meter.done(1):
                exit_now(0)

    app.agent(incoming, name="hop")(copy)
    return run_app(app)


def group(name: str) -> str:
    """A group that has never been."""
    return f"spillway.bench.{name}.{os.getpid()}.{time.time_ns()}"


CONTENDERS: dict[str, Callable[[str, str, str, int], int]] = {"raw": raw, "stage": stage, "faust": naive_faust}


def main() -> None:
    """One contender, from the command line."""
    contender, bootstrap, source, target, records = sys.argv[1:]
    # A contender that outlives whoever started it would burden the next.
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    exit_now(CONTENDERS[contender](bootstrap, source, target, int(records)))


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    exit_now(1)


if __name__ == "__main__":
    main()
