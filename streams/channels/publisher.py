"""Puts events on the log and says of each whether it arrived. Nothing is acknowledged before the broker did."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.catalogue import TOPIC_OF
from schemas.codec import Codec
from schemas.events import Event
from schemas.identity import session_key
from streams.kafka_log import KAFKA_LOG
from streams.sink import refuse_replayed

Report = Callable[[str | None], None]
"""Called once for each event: None when the broker has it, otherwise why it is not known to have it."""

PATIENCE: Final = 5.0


class NotDelivered(RuntimeError):
    """The log did not confirm an event in time. It may be there all the same: send it again under the same id."""


def producer_config(bootstrap: str, patience: float = PATIENCE) -> dict[str, str | int | float | bool]:
    """How every channel produces. `patience`: seconds until an event counts as not delivered."""
    return {
        "bootstrap.servers": bootstrap,
        "partitioner": "murmur2_random",  # where JVM adapters put the same key
        "enable.idempotence": True,
        "compression.type": "lz4",
        "linger.ms": 2,
        "message.timeout.ms": round(patience * 1000),
        "socket.keepalive.enable": True,
        "reconnect.backoff.max.ms": 1000,
        "log_level": 2,
    }


class Publisher:
    """A producer for a thread that polls it. `poll` has to be called for reports to come."""

    def __init__(self, bootstrap: str, codec: Codec, patience: float = PATIENCE) -> None:
        self._producer = Producer(producer_config(bootstrap, patience), logger=KAFKA_LOG)
        self._codec = codec

    def publish(self, event: Event, report: Report) -> None:
        """Hands an event to the producer; `report` follows from `poll`.

        Raises NotDelivered when its queue is full or the event is too large, in which case no report follows; NotLive
        for an event of a replay.
        """
        refuse_replayed(event)
        meta = event.meta
        try:
            self._producer.produce(
                TOPIC_OF[type(event)],
                key=session_key(meta.tenant_id, meta.session_id),
                value=self._codec.encode(event),
                on_delivery=lambda error, _: report(None if error is None else _why(error)),
            )
        except BufferError as err:
            raise NotDelivered("the producer's queue is full: the broker does not keep up") from err
        except KafkaException as err:
            raise NotDelivered(str(err)) from err

    def poll(self, seconds: float) -> int:
        """Serves the reports that are due, waiting up to `seconds` for the first."""
        return self._producer.poll(seconds)

    def answers(self, seconds: float) -> bool:
        """Whether the broker answers within `seconds`. Blocks."""
        try:
            return bool(self._producer.list_topics(timeout=seconds).brokers)
        except KafkaException:
            return False

    def flush(self, seconds: float) -> int:
        """Waits for every report; returns how many have not come."""
        return len(self._producer) and self._producer.flush(seconds)


def _why(error: KafkaError) -> str:
    if error.code() == KafkaError._MSG_TIMED_OUT:
        return "the broker did not confirm it in time"
    return error.str()


class AsyncPublisher:
    """A publisher for an event loop: many requests at once share batches; their reports cross to the loop in bulk."""

    def __init__(self, bootstrap: str, codec: Codec, patience: float = PATIENCE) -> None:
        self._publisher = Publisher(bootstrap, codec, patience)
        self._patience = patience
        self._reported: deque[tuple[asyncio.Future[None], str | None]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="publisher", daemon=True)

    def start(self) -> None:
        """Starts serving reports to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def publish(self, event: Event) -> None:
        """Returns when the broker has confirmed the event. Raises NotDelivered within `patience` and a second."""
        assert self._loop is not None, "start() comes first"
        done: asyncio.Future[None] = self._loop.create_future()
        self._publisher.publish(event, lambda why: self._reported.append((done, why)))
        try:
            async with asyncio.timeout(self._patience + 1):
                await done
        except TimeoutError as err:
            raise NotDelivered("the broker did not confirm it in time") from err

    async def answers(self, seconds: float = 2.0) -> bool:
        """Whether the broker answers within `seconds`."""
        return await asyncio.to_thread(self._publisher.answers, seconds)

    async def close(self, seconds: float = 5.0) -> int:
        """Waits for what is under way, and stops. Returns how many events stay unconfirmed."""
        left = await asyncio.to_thread(self._publisher.flush, seconds)
        self._stop.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, 5)
        return left

    def _serve(self) -> None:
        while not self._stop.is_set():
            self._publisher.poll(0.2)
            self._hand_over()

    def _hand_over(self) -> None:
        # flush() serves reports in a thread of its own, so there may be more of them by the end of this.
        batch = [self._reported.popleft() for _ in range(len(self._reported))]
        if batch and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_resolve, batch)


def _resolve(batch: list[tuple[asyncio.Future[None], str | None]]) -> None:
    for done, why in batch:
        if not done.done():
            if why is None:
                done.set_result(None)
            else:
                done.set_exception(NotDelivered(why))
