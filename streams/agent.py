"""The Faust agent of a stage: takes one batch at a time from its channel; the stage's thread works on it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import faust

from streams.ownership import Hand
from streams.partitions import Batch, PartitionedReader
from streams.source import Source

S = TypeVar("S")


class Work(Protocol[S]):
    """What is done with the batches of a stage. Both are blocking, and called in one thread at a time.

    An exception in either is a bug, or a broker that does not answer: it ends the worker, and nothing is committed.
    """

    def open(self, starts: Mapping[int, Mapping[str, int]]) -> Mapping[int, S]:
        """What is kept for each of these partitions; `starts`: the offset from which each topic will be read."""
        ...

    def close(self, states: Mapping[int, S]) -> None:
        """These partitions are lost, with what was kept for them."""
        ...

    def handle(self, batch: Batch, hand: Hand[S], reader: PartitionedReader[S]) -> None:
        """Everything: decode, decide, produce, see it delivered, commit. Only for the partitions of `hand`."""
        ...


def attach(app: faust.App, name: str, source: Source[S], channel: Any, work: Work[S]) -> None:
    """Gives the app an agent called `name` that works on the batches of `source`."""
    thread = ThreadPoolExecutor(1, f"work {name}")

    async def agent(batches: Any) -> None:
        loop = asyncio.get_running_loop()
        async for batch in batches:
            with source.hand(batch) as hand:
                if hand.states:
                    await loop.run_in_executor(thread, work.handle, batch, hand, source.reader)

    # Named explicitly: Faust would derive a name from the module's path.
    app.agent(channel, name=name)(agent)
