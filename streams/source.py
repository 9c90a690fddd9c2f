"""Puts batches of records on a Faust channel: the reader of a stage, as a service.

One thread owns the consumer: it polls, pauses and closes, hence the rebalance callbacks run in it. The agent lives on
the event loop; what it does with a batch, and the commit, run in the stage's own thread.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

from mode import Service

from streams.ownership import Hand
from streams.partitions import Batch, PartitionedReader

S = TypeVar("S")
R = TypeVar("R")

BATCH_LIMIT = 2000
TICK = 0.05
MOST_AHEAD = 2
PAUSE_AFTER = 10.0
"""Seconds of a batch in hand after which fetching is paused, so that the consumer can be polled for its membership.
Pausing throws the prefetch away: after one second it starved the stage."""
LEAVE_WITHIN = 3.0


class Source(Service, Generic[S]):
    """Reads batches of at most `limit` messages, and puts them on `channel` in order.

    Without a backlog the next batch is read when the one before is done, which keeps the latency low; behind a full
    batch up to `most_ahead` more are read ahead. With `ticks`, an empty batch every `tick` seconds without traffic.
    """

    def __init__(
        self,
        channel: Any,
        reader: PartitionedReader[S],
        *,
        limit: int = BATCH_LIMIT,
        tick: float = TICK,
        most_ahead: int = MOST_AHEAD,
        ticks: bool = True,
        **service: Any,
    ) -> None:
        super().__init__(**service)
        self.reader = reader
        self._channel, self._limit, self._tick, self._most_ahead, self._ticks = channel, limit, tick, most_ahead, ticks
        self._ahead = 0
        self._read = self._done = 0
        self._room = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, f"read {reader.group}")

    async def on_start(self) -> None:
        await self._in_thread(self.reader.start)

    @Service.task
    async def _poll(self) -> None:
        while not self.should_stop:
            if self._read - self._done > self._ahead:
                await self._wait_for_room()
                continue
            batch = await self._in_thread(self._next_batch)
            self._ahead = self._most_ahead if len(batch.messages) >= self._limit else 0
            if batch.messages or self._ticks:
                self._read += 1
                await self._channel.put(batch._replace(number=self._read))

    def _next_batch(self) -> Batch:
        if self.reader.paused:
            self.reader.pause(False)
        return self.reader.read(self._limit, self._tick)

    async def _wait_for_room(self) -> None:
        """Until the agent is done with a batch. If that takes long, the consumer is polled meanwhile, paused."""
        since = time.monotonic()
        while self._read - self._done > self._ahead and not self.should_stop:
            self._room.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._room.wait(), 0.2)
            if self._read - self._done > self._ahead and time.monotonic() - since > PAUSE_AFTER:
                await self._in_thread(self._stay_member)

    def _stay_member(self) -> None:
        if not self.reader.paused:
            self.reader.pause(True)
        self.reader.idle()

    @contextmanager
    def hand(self, batch: Batch) -> Iterator[Hand[S]]:
        """What of the batch the agent may work on. A batch that failed is never stepped over."""
        if batch.number != self._done + 1:
            raise RuntimeError(f"batch {self._done + 1} failed, or was lost on the channel")
        with self.reader.hand(batch) as hand:
            yield hand
            self._done = batch.number
        self._room.set()

    async def on_stop(self) -> None:
        # The last service added is the first stopped, so the agent still runs, and finishes what it has in hand.
        idle = await asyncio.to_thread(self.reader.ownership.stop, LEAVE_WITHIN)
        if not idle:
            self.log.warning("%s: a batch is not done: leaving is left to the session timeout", self.reader.group)
            return
        closed, _ = await asyncio.wait({self._in_thread(self.reader.close)}, timeout=LEAVE_WITHIN)
        if not closed:
            self.log.warning("%s: leaving takes too long: left to the session timeout", self.reader.group)

    def _in_thread(self, call: Callable[[], R]) -> asyncio.Future[R]:
        return asyncio.get_running_loop().run_in_executor(self._thread, call)
