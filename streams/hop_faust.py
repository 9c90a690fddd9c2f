"""Faust with its own Kafka client, as contenders of the benchmark of one hop: as in its tutorial, and at its best."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from typing import Any, Final

import faust

from schemas.codec import Codec
from streams.hop_meter import Meter, group
from streams.sink import Sink
from streams.worker import exit_now, run_app

TAKEN: Final = 2000
WITHIN: Final = 0.05
"""Seconds after which a batch that is not full is worked on."""


def naive_faust(bootstrap: str, source: str, target: str, records: int) -> int:
    """Faust as its tutorial has it: one event at a time. What is sent is not waited for."""
    app = _app(bootstrap, "faust")
    incoming, outgoing = _topic(app, source), _topic(app, target)
    meter = Meter(records)

    async def copy(stream: Any) -> None:
        async for event in stream.events():
            await outgoing.send(key=event.key, value=event.value)
            if meter.done(1):
                exit_now(0)

    app.agent(incoming, name="hop")(copy)
    return run_app(app)


def best_faust(bootstrap: str, source: str, target: str, records: int) -> int:
    """The fastest that was found of Faust's own consumer: batches without acknowledgement, written by librdkafka.

    A batch is acknowledged once all of it was delivered. That Faust then commits, now and then, is not waited for.
    """
    app = _app(bootstrap, "faust-best")
    meter, sink = Meter(records), Sink(bootstrap, Codec())

    def deliver(events: Sequence[Any]) -> None:
        sink.enqueue_bytes((target, event.key, event.value) for event in events)
        sink.deliver()

    async def copy(stream: Any) -> None:
        loop = asyncio.get_running_loop()
        async for events in stream.noack().noack_take(TAKEN, within=WITHIN):
            await loop.run_in_executor(None, deliver, events)
            for event in events:
                event.ack()
            if meter.done(len(events)):
                exit_now(0)

    app.agent(_topic(app, source), name="hop")(copy)
    return run_app(app)


def _app(bootstrap: str, name: str) -> faust.App:
    return faust.App(
        group(name),
        broker=f"kafka://{bootstrap}",
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
        topic_disable_leader=True,
        datadir=os.path.join(tempfile.gettempdir(), "spillway-faust"),
    )


def _topic(app: faust.App, name: str) -> Any:
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
