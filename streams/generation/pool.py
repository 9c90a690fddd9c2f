"""Places in the pool: a turn waits for one in the fair queue, holds it while it is generated, and gives it back.

    place = await pool.place(turn)       # or the reason why there is none
    try: ... generate ...
    finally: pool.over(place, used)

How many there are at once, whose turn is next, and what is shed is the queue's (fairness.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from processors.ladder import Reason, Wait
from streams.generation.admission import Reservation
from streams.generation.fairness import FairQueue, Shed
from streams.generation.lane import Turn

TICK: Final = 0.02
"""Seconds between looks for turns that have waited too long, while any wait."""


class Pool:
    """For one event loop, from whose thread everything is called. clock: seconds, the queue's."""

    def __init__(self, queue: FairQueue, clock: Callable[[], float]) -> None:
        self._queue, self._clock = queue, clock
        self._waiting: dict[str, asyncio.Future[Reservation | Reason]] = {}
        self._ticking = False

    @property
    def waiting(self) -> int:
        """Turns that wait for a place."""
        return len(self._waiting)

    def predict(self, turn: Turn) -> tuple[Wait, float]:
        """What the turn would probably wait, and its tenant's pressure on the pool (`FairQueue.pressure`)."""
        return self._queue.wait(turn, self._clock()), self._queue.pressure(turn)

    async def place(self, turn: Turn) -> Reservation | Reason:
        """Waits for a place, at most until the turn's `start_by`; or says why the queue does not serve it.

        A caller that is cancelled leaves the queue, and gives back what it was given in that moment. Raises ValueError
        if the turn waits or runs here already.
        """
        if turn.turn_id in self._waiting:
            raise ValueError(f"turn {turn.turn_id} waits already: offer each turn once")
        future: asyncio.Future[Reservation | Reason] = asyncio.get_running_loop().create_future()
        self._waiting[turn.turn_id] = future
        try:
            self._shed(self._queue.offer(turn, self._clock()))
            self._begin()
            self._tick_on()
            return await future
        except asyncio.CancelledError:
            self._queue.withdraw(turn.turn_id)
            if future.done() and not future.cancelled() and isinstance(place := future.result(), Reservation):
                self.over(place, 0)
            raise
        finally:
            del self._waiting[turn.turn_id]

    def over(self, place: Reservation, used: int) -> None:
        """Gives a place back. used: the tokens, of prompt and reply, that the model had to do with."""
        place.settle(used)
        self._begin()

    def _begin(self) -> None:
        while True:
            taken, shed = self._queue.take(self._clock())
            self._shed(shed)
            if taken is None:
                return
            self._tell(taken.turn, taken.reservation)

    def _shed(self, shed: Iterable[Shed]) -> None:
        for turn, reason in shed:
            self._tell(turn, reason)

    def _tell(self, turn: Turn, what: Reservation | Reason) -> None:
        future = self._waiting[turn.turn_id]
        if not future.done():
            future.set_result(what)
        elif isinstance(what, Reservation):
            # Its caller was cancelled, and has not come to withdraw it yet.
            what.settle(0)

    def _tick_on(self) -> None:
        if not self._ticking and self._waiting:
            self._ticking = True
            asyncio.get_running_loop().call_later(TICK, self._tick)

    def _tick(self) -> None:
        self._ticking = False
        self._shed(self._queue.expire(self._clock()))
        self._begin()
        self._tick_on()
