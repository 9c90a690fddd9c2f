"""Models that stand for a rung but are not loaded, as after a server's restart: their server is asked to load them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from streams.generation.ports import Generator, Readiness

PAUSE: Final = 5.0
"""Seconds from one request to load a model to the next; after each refusal twice as long, up to `LONGEST`."""
LONGEST: Final = 60.0
LOADING: Final = 120.0
"""Seconds that a model may take; the server goes on by itself after that."""

log = logging.getLogger(__name__)


class Loading:
    """Of one worker; others may ask for the same, which the server does once. Needs a running loop.

    clock: seconds, the loop's.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}
        self._pauses: dict[str, float] = {}
        self._refused: set[str] = set()

    def begin(self, generator: Generator, found: Callable[[Readiness], None]) -> None:
        """Asks for the model, unless that was done lately. Does not wait: `found` is told how it is then."""
        name, now = generator.name, self._clock()
        if name in self._under_way or now < self._not_before.get(name, now):
            return
        pause = self._pauses.get(name, PAUSE)
        self._not_before[name], self._pauses[name] = now + pause, min(2 * pause, LONGEST)
        task = asyncio.get_running_loop().create_task(self._load(generator, found), name=f"load {name}")
        self._under_way[name] = task
        task.add_done_callback(lambda _: self._under_way.pop(name, None))

    def there(self, name: str) -> None:
        """The model is ready: whatever was wrong with it is forgotten, but not when it was asked for last."""
        self._pauses.pop(name, None)
        self._refused.discard(name)

    async def stop(self) -> None:
        """Waits for nothing any more."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _load(self, generator: Generator, found: Callable[[Readiness], None]) -> None:
        name = generator.name
        readiness = await generator.load(LOADING)
        if readiness.ready:
            self.there(name)
            log.info("%s stands for a rung and was not loaded; it is now", name)
        elif name not in self._refused:
            # Once: a server that lets nobody load says the same every time, and its operator has read it.
            self._refused.add(name)
            log.warning("%s stands for a rung, is not loaded, and cannot be: %s", name, readiness.detail)
        found(readiness)
