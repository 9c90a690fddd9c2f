"""Turns generated within `poll`, without a thread: for replays, the in-memory pipeline and tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from processors.ladder import USUAL
from processors.ladder import Rules as LadderRules
from schemas.events import Meta, ReplyPartial
from streams.generation.admission import Caps
from streams.generation.breaker import Limits
from streams.generation.fairness import Bounds
from streams.generation.models import Models
from streams.generation.sessions import TIERS, Sessions
from streams.generation.tasks import Made, Task

ENOUGH: Bounds = Bounds(everything=4_000_000, tenant=4_000_000, wait=30.0)
HEARD: int = 1_000
ROOM: Caps = Caps(everything=400_000, tenant=400_000, turns=64, replay=400_000)


class InlineGenerations:
    """The port Generations. All that was submitted is made to its end by the next `poll`, which blocks until then.

    For one thread, without a running event loop. now: microseconds UTC. loop: makes the event loop, whose time is
    that of the deadlines; tests give one that does not wait. A deadline counts from the poll.
    """

    def __init__(
        self,
        models: Models,
        now: Callable[[], int],
        partials: Callable[[ReplyPartial], None] = lambda partial: None,
        bounds: Bounds = ENOUGH,
        caps: Caps = ROOM,
        rules: LadderRules = USUAL,
        loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
        limits: Limits = Limits(),  # noqa: B008
    ) -> None:
        self._models = models
        self._made_of: tuple[Any, ...] = (models, bounds, caps, rules, partials, now, self._note, TIERS, limits)
        self._runner = asyncio.Runner(loop_factory=loop)
        self.sessions: Sessions | None = None
        """What is under way; None before the first poll. For tests."""
        self._todo: list[Callable[[Sessions], None]] = []
        self._under_way: set[str] = set()
        self._ended: list[tuple[str, Made]] = []

    def submit(self, task: Task) -> None:
        turn_id = task.route.meta.turn_id or task.route.meta.event_id
        if turn_id in self._under_way:
            return
        self._under_way.add(turn_id)
        self._todo.append(lambda s: s.submit(task, asyncio.get_running_loop().time() + task.deadline))

    def cancel(self, turn_id: str) -> None:
        self._todo.append(lambda s: s.cancel(turn_id))

    def heard(self, meta: Meta, text: str, we: bool) -> None:
        self._todo.append(lambda s: s.heard(meta, text, we))

    def poll(self) -> list[tuple[str, Made]]:
        # What was only heard can wait until a turn wants it, so that a conversation without models costs nothing.
        if self._under_way or len(self._todo) > HEARD:
            self._runner.run(self._run())
        if self.sessions is not None and self.sessions.bug is not None:
            raise self.sessions.bug
        ended, self._ended = self._ended, []
        self._under_way.difference_update(turn_id for turn_id, _ in ended)
        return ended

    @property
    def unsettled(self) -> int:
        return len(self._under_way)

    def status(self) -> dict[str, Any]:
        return {"generating": {"*": []} if self.sessions is None else self.sessions.known.standing(self._models)}

    def close(self) -> None:
        if self.sessions is not None:
            self._runner.run(self._models.close())
        self._runner.close()

    async def _run(self) -> None:
        if self.sessions is None:
            self.sessions = Sessions(*self._made_of)
        todo, self._todo = self._todo, []
        for do in todo:
            do(self.sessions)
        await self.sessions.idle()

    def _note(self, turn_id: str, made: Made) -> None:
        self._ended.append((turn_id, made))
