"""One hop of the data plane: what the benchmark runs, each contender in a process of its own.

`python -m streams.hop CONTENDER BOOTSTRAP SOURCE_TOPIC TARGET_TOPIC RECORDS` copies so many records (0: until
SIGTERM) and prints one JSON object: records, seconds, cpu_seconds. Contenders: raw (librdkafka in a loop), stage (the
shipped source, agent, sink and commit around nothing), each also with Avro, decoding every record and encoding it again
(raw_avro, stage_avro), and Faust with its own Kafka client (faust, faust_best: `streams/hop_faust.py`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from confluent_kafka import Consumer, Producer, TopicPartition

from schemas.catalogue import MESSAGES
from schemas.codec import Codec
from streams.hop_faust import best_faust, naive_faust
from streams.hop_meter import Meter, group
from streams.ownership import Hand
from streams.partitions import Batch, PartitionedReader, consumer_config
from streams.sink import Sink, producer_config
from streams.source import BATCH_LIMIT
from streams.stage_work import next_offsets
from streams.worker import WorkerSettings, add_stage, exit_now, make_app, run_app, start_sources

Change = Callable[[bytes | None], bytes | None]
"""What is done with a record's value."""


def nothing(value: bytes | None) -> bytes | None:
    """On bytes."""
    return value


def through_events() -> Change:
    """With Avro, as the product does it: to an event, with every check of the codec, and back."""
    codec = Codec()
    return lambda value: codec.encode(codec.decode(MESSAGES, value))


class Pass:
    """A stage that does nothing but `change`: everything of a stage but deciding."""

    def __init__(self, sink: Sink, target: str, meter: Meter, change: Change) -> None:
        self._sink, self._target, self._meter, self._change = sink, target, meter, change

    def open(self, starts: Mapping[int, Mapping[str, int]]) -> Mapping[int, None]:
        return dict.fromkeys(starts)

    def close(self, states: Mapping[int, None]) -> None:
        """Nothing: nothing is kept."""

    def handle(self, batch: Batch, hand: Hand[None], reader: PartitionedReader[None]) -> None:
        messages = [m for m in batch.messages if m.partition() in hand.states]
        target, change = self._target, self._change
        self._sink.enqueue_bytes((target, m.key(), change(m.value())) for m in messages)
        self._sink.deliver()
        reader.commit(batch, next_offsets(messages, hand.states))
        if messages and self._meter.done(len(messages)):
            os.kill(os.getpid(), signal.SIGTERM)


def stage(make: Callable[[], Change], bootstrap: str, source: str, target: str, records: int) -> int:
    """The shipped data plane."""
    sys.setswitchinterval(0.001)
    app, settings = make_app("hop"), WorkerSettings(bootstrap)
    work = Pass(Sink(bootstrap, Codec()), target, Meter(records), make())
    reader = PartitionedReader(bootstrap, group("stage"), [source], open_states=work.open)
    start_sources(app, [add_stage(app, "hop", reader, work, settings, ticks=False)])
    return run_app(app)


def raw(make: Callable[[], Change], bootstrap: str, source: str, target: str, records: int) -> int:
    """What the same client does in a bare loop with the same guarantees."""
    config = {**consumer_config(bootstrap, group("raw")), "auto.offset.reset": "earliest"}
    consumer, producer, meter = Consumer(config), Producer(producer_config(bootstrap)), Meter(records)
    consumer.subscribe([source])
    change = make()
    failed: list[object] = []

    def on_delivery(error: object, _message: object) -> None:
        failed.append(error)

    while True:
        first = consumer.poll(1.0)
        if first is None:
            continue
        messages = [first, *consumer.consume(BATCH_LIMIT - 1, 0)]
        for message in messages:
            if message.error() is not None:
                raise RuntimeError(str(message.error()))
            value = change(message.value())
            while True:
                try:
                    producer.produce(target, value, message.key(), on_delivery=on_delivery)
                    break
                except BufferError:
                    producer.poll(0.1)
        if producer.flush(60) or failed:
            raise RuntimeError(f"not delivered: {failed[:1]}")
        places = {message.partition() or 0 for message in messages}
        consumer.commit(
            offsets=[TopicPartition(*place, offset) for place, offset in next_offsets(messages, places).items()],
            asynchronous=False,
        )
        if meter.done(len(messages)):
            return 0


CONTENDERS: dict[str, Callable[[str, str, str, int], int]] = {
    "raw": partial(raw, lambda: nothing),
    "raw_avro": partial(raw, through_events),
    "stage": partial(stage, lambda: nothing),
    "stage_avro": partial(stage, through_events),
    "faust": naive_faust,
    "faust_best": best_faust,
}


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
