"""The engine of the generation stage: a thread with an event loop, in which the turns that are handed over are made.

The stage hands turns over and asks now and then what became of them:

    engine = Engine(models, bounds, caps, rules, partials, now)
    engine.submit(Task(...))                        # from the stage's thread; nothing blocks
    for turn_id, made in engine.poll(): ...
    engine.close()
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from processors.ladder import Rules as LadderRules
from schemas.events import Meta, ReplyPartial
from streams.generation.admission import Caps
from streams.generation.breaker import Limits
from streams.generation.fairness import Bounds
from streams.generation.models import Models
from streams.generation.sessions import TIERS, Sessions
from streams.generation.tasks import Generations, Made, Task

__all__ = ["Engine", "Generations", "Made", "Task"]

LOOK: Final = 2.0
"""Seconds between questions to the servers whether their models are ready."""
_CLOSING: Final = 0.8

log = logging.getLogger(__name__)


class Engine:
    """The port Generations, with a thread of its own that begins at once.

    partials: called in that thread with each piece of a reply as it is made; quick, and it raises nothing. now:
    microseconds UTC. models are asked, connected and closed in that thread.
    """

    def __init__(
        self,
        models: Models,
        bounds: Bounds,
        caps: Caps,
        rules: LadderRules,
        partials: Callable[[ReplyPartial], None],
        now: Callable[[], int],
        tiers: Mapping[str, int] = TIERS,
        limits: Limits = Limits(),  # noqa: B008
    ) -> None:
        self._models = models
        self._make: Callable[[], Sessions] = lambda: Sessions(
            models, bounds, caps, rules, partials, now, self._note, tiers, limits
        )
        self._loop = asyncio.new_event_loop()
        self._sessions: Sessions | None = None
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._ended: deque[tuple[str, Made]] = deque()
        self._todo: deque[Callable[[Sessions], None]] = deque()
        self._bug: BaseException | None = None
        self._standing: dict[str, list[dict[str, Any]]] = {"*": []}
        self._stopping = asyncio.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="generations", daemon=True)
        self._thread.start()

    def submit(self, task: Task) -> None:
        turn_id = task.route.meta.turn_id or task.route.meta.event_id
        until = self._loop.time() + task.deadline
        with self._lock:
            if turn_id in self._under_way:
                return
            self._under_way.add(turn_id)
        self._do(lambda sessions: sessions.submit(task, until))

    def cancel(self, turn_id: str) -> None:
        self._do(lambda sessions: sessions.cancel(turn_id))

    def heard(self, meta: Meta, text: str, we: bool) -> None:
        self._do(lambda sessions: sessions.heard(meta, text, we))

    def poll(self) -> list[tuple[str, Made]]:
        bug = self._bug or (self._sessions.bug if self._sessions is not None else None)
        if bug is not None:
            raise bug
        ended: list[tuple[str, Made]] = []
        with self._lock:
            while self._ended:
                ended.append(self._ended.popleft())
                self._under_way.discard(ended[-1][0])
        return ended

    @property
    def unsettled(self) -> int:
        return len(self._under_way)

    def status(self) -> dict[str, Any]:
        """As of the last look, a moment ago; replaced as a whole, so that any thread may ask."""
        return {"generating": self._standing}

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_CLOSING + 0.2)

    def _do(self, what: Callable[[Sessions], None]) -> None:
        with self._lock:
            if self._closed or self._bug is not None:
                return
            self._todo.append(what)
            if len(self._todo) == 1:
                self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        """Does what was asked, in its order. The loop has the sessions before it comes by here."""
        sessions = self._sessions
        if sessions is None:
            return
        while self._todo:
            with self._lock:
                what = self._todo.popleft()
            try:
                what(sessions)
            except BaseException as bug:
                # A callback's exception would only be logged by the loop, and its turn would hang.
                sessions.bug = sessions.bug or bug
                log.exception("a turn could not be begun")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        except BaseException as bug:
            # Whatever it was, nothing is made any more; the stage raises it when it polls.
            self._bug = bug
            log.exception("the generations have stopped")
        finally:
            self._loop.close()

    async def _main(self) -> None:
        sessions = self._sessions = self._make()
        self._take()
        looking = asyncio.ensure_future(self._look(sessions))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if looking.done():
                looking.result()
        finally:
            looking.cancel()
            stopping.cancel()
            await self._end(sessions)

    async def _end(self, sessions: Sessions) -> None:
        try:
            async with asyncio.timeout(_CLOSING):
                await sessions.stop()
                await self._models.close()
        except TimeoutError:
            log.warning("generations: not everything that was called off ended within %g s", _CLOSING)

    async def _look(self, sessions: Sessions) -> None:
        """Asks for readiness now and then, and notes how things stand."""
        while True:
            await sessions.known.look(self._models.offers("", ""))
            self._standing = sessions.known.standing(self._models)
            sessions.observe()
            sessions.look_for_hung(self._loop.time())
            await asyncio.sleep(LOOK)

    def _note(self, turn_id: str, made: Made) -> None:
        with self._lock:
            self._ended.append((turn_id, made))
