"""The turns of an engine in their sessions: one after another in each, so that one can build on the one before it."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from typing import Final

from processors.ladder import Rules as LadderRules
from schemas.events import Meta, ReplyPartial
from streams.generation import metrics
from streams.generation.admission import Admission, Caps
from streams.generation.breaker import Limits
from streams.generation.fairness import Bounds, FairQueue
from streams.generation.history import History
from streams.generation.known import AllKnown
from streams.generation.models import Models
from streams.generation.pool import Pool
from streams.generation.speed import Turnover
from streams.generation.tasks import Made, Task
from streams.generation.turn import Surroundings, Walk

TIERS: Final[Mapping[str, int]] = {"vip": 0, "gold": 0, "standard": 1, "": 1, "basic": 2}
"""The class of each tier of customers; one that is not named is in the lowest."""
_TURN_SECONDS: Final = 2.0
"""What a usual turn is assumed to hold its place, until some were seen."""

_HUNG: Final = 10.0

Line = deque[tuple[Task, float]]


class Sessions:
    """Runs turns, and keeps what became of them for whoever polls. Made and used in one running event loop.

    ended: called in that loop with each turn's end, of a session in order. bug: what a turn raised, the first of all;
    that turn has no end.
    """

    def __init__(
        self,
        models: Models,
        bounds: Bounds,
        caps: Caps,
        rules: LadderRules,
        partials: Callable[[ReplyPartial], None],
        now: Callable[[], int],
        ended: Callable[[str, Made], None],
        tiers: Mapping[str, int] = TIERS,
        limits: Limits = Limits(),  # noqa: B008
    ) -> None:
        clock = asyncio.get_running_loop().time
        self.admission = Admission(caps)
        turnover = Turnover(bounds.quantum, 2 * bounds.quantum, _TURN_SECONDS)
        self.pool = Pool(FairQueue(bounds, self.admission, turnover), clock)
        self.known = AllKnown(clock, limits)
        self.history = History()
        self.bug: BaseException | None = None
        worker, numbers = secrets.token_hex(4), count(1)
        self._around = Surroundings(
            models,
            self.known,
            self.pool,
            rules,
            tiers,
            partials,
            lambda: f"{worker}-{next(numbers)}",
            clock,
            now,
        )
        self._ended = ended
        self._lines: dict[tuple[str, str], Line] = {}
        self._walks: dict[str, tuple[Walk, asyncio.Task[Made]]] = {}
        self._called_off: set[str] = set()
        self._known_turns: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, task: Task, until: float) -> None:
        """Takes a turn in. until: when its reply must be whole, in seconds of the loop's clock."""
        meta = task.route.meta
        key = (meta.tenant_id, meta.session_id)
        self._known_turns.add(_id(task))
        self._idle.clear()
        line = self._lines.setdefault(key, deque())
        line.append((task, until))
        if len(line) == 1:
            self._begin(key)

    def cancel(self, turn_id: str) -> None:
        """Calls a turn off; one that has not begun ends when it would begin."""
        if turn_id in self._walks:
            walk, running = self._walks[turn_id]
            if not walk.cancel():
                running.cancel()
        elif turn_id in self._known_turns:
            self._called_off.add(turn_id)

    def heard(self, meta: Meta, text: str, we: bool) -> None:
        """Something said in a session."""
        self.history.hear(meta, text, we)

    async def idle(self) -> None:
        """Waits until no turn is under way."""
        await self._idle.wait()

    async def stop(self) -> None:
        """Calls everything off; what had not ended is not reported."""
        self._lines.clear()
        running = [task for _, task in self._walks.values()]
        self._walks.clear()
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await self.known.stop()
        self._idle.set()

    def observe(self) -> None:
        """Notes how things stand, for the dashboards."""
        metrics.WAITING.set(self.pool.waiting)
        metrics.UNDER_WAY.set(len(self._known_turns))
        metrics.IN_FLIGHT.set(self.admission.tokens)

    def look_for_hung(self, now: float) -> None:
        """A turn that has not ended long after its deadline is a bug as well, and becomes known as one."""
        for line in self._lines.values():
            task, until = line[0]
            if now > until + _HUNG and self.bug is None:
                self.bug = RuntimeError(f"turn {_id(task)} has not ended {_HUNG:g} s after its deadline")

    def _begin(self, key: tuple[str, str]) -> None:
        """Begins the session's first turn. Its history is taken now: the reply before it is in it."""
        task, until = self._lines[key][0]
        meta = task.route.meta
        walk = Walk(task, until, self.history.before(meta), self._around)
        self.history.hear(meta, task.route.text, we=False)
        running = asyncio.get_running_loop().create_task(self._walked(walk, _id(task)), name=f"turn {_id(task)}")
        self._walks[_id(task)] = (walk, running)
        running.add_done_callback(partial(self._over, key, walk))

    async def _walked(self, walk: Walk, turn_id: str) -> Made:
        if turn_id in self._called_off:
            return walk.called_off()
        return await walk.run()

    def _over(self, key: tuple[str, str], walk: Walk, running: asyncio.Task[Made]) -> None:
        line = self._lines.get(key)
        if line is None:
            return
        task, _ = line.popleft()
        turn_id = _id(task)
        del self._walks[turn_id]
        self._known_turns.discard(turn_id)
        self._called_off.discard(turn_id)
        if not running.cancelled() and (bug := running.exception()) is not None:
            self.bug = self.bug or bug
        else:
            made = walk.called_off() if running.cancelled() else running.result()
            if made.answer is not None:
                self.history.hear(task.route.meta, made.answer.text, we=True)
            metrics.TURNS.labels(made.rung or "none", _outcome(made)).inc()
            self._ended(turn_id, made)
        if line:
            self._begin(key)
        else:
            del self._lines[key]
        if not self._lines:
            self._idle.set()


def _id(task: Task) -> str:
    return task.route.meta.turn_id or task.route.meta.event_id


def _outcome(made: Made) -> str:
    if made.cancelled:
        return "cancelled"
    return "answered" if made.answer is not None else "none"
