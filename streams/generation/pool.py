"""The pool of turns being generated: it begins what the fair queue lets begin, and knows which offsets are unfinished.

    pool = Generating(queue, work, used, clock)
    pool.open(partition, start)
    pool.add(Job(partition, offset, turn, item))
    for ended in await pool.ended(): ... produce, see it delivered ... pool.settle(ended.job)
    commit(pool.safe(partition))

How many run at once, whose turn is next, and what is shed is the queue's (fairness.py). A session's turns run one
after another and are reported in their order, so that one can build on what was said before it, and so that its
replies lie in the topic as a customer reads them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Generic, Literal, NamedTuple, TypeVar

from processors.ladder import Reason
from streams.generation.admission import Reservation
from streams.generation.fairness import FairQueue, Shed
from streams.generation.lane import Turn
from streams.held import Held

T = TypeVar("T")
R = TypeVar("R")


class Job(NamedTuple, Generic[T]):
    """A turn to be generated, and the record that it came in. `item`: whatever the work needs."""

    partition: int
    offset: int
    turn: Turn
    item: T


class Ended(NamedTuple, Generic[T, R]):
    """What became of a job: a result, or why there is none. Settle the job when its reply is delivered."""

    job: Job[T]
    result: R | None
    why_not: Reason | Literal["cancelled"] | None


class _Place(Generic[T, R]):
    """A job in the line of its session."""

    __slots__ = ("ended", "job")

    def __init__(self, job: Job[T]) -> None:
        self.job = job
        self.ended: Ended[T, R] | None = None


class Generating(Generic[T, R]):
    """Runs `work` for each job. For one event loop, from whose thread everything is called.

    work: makes the result; it says what a model does by values, so an exception is a bug, which `ended` raises. It is
    cancelled when the job is. used: tokens that a result cost, prompt and reply. clock: seconds, the queue's.
    What is kept is bounded by what was added and is not settled (`unsettled`): stop reading when that is too much.
    """

    def __init__(
        self,
        queue: FairQueue,
        work: Callable[[T], Awaitable[R]],
        used: Callable[[R], int],
        clock: Callable[[], float],
    ) -> None:
        self._queue, self._work, self._used, self._clock = queue, work, used, clock
        self._held: dict[int, Held] = {}
        self._places: dict[str, _Place[T, R]] = {}
        self._sessions: dict[tuple[str, str], deque[_Place[T, R]]] = {}
        self._tasks: dict[str, asyncio.Task[R]] = {}
        self._ready: deque[Ended[T, R]] = deque()
        self._news = asyncio.Event()
        self._bug: BaseException | None = None

    @property
    def unsettled(self) -> int:
        """Jobs that were added and are not settled."""
        return len(self._places)

    @property
    def running(self) -> int:
        """Jobs whose work is under way."""
        return len(self._tasks)

    def open(self, partition: int, start: int) -> None:
        """The partition is ours, and will be read from the offset `start`."""
        self._held[partition] = Held(start)

    async def close(self, partition: int) -> None:
        """The partition is no longer ours: its jobs are called off and never reported. Returns when none runs."""
        del self._held[partition]
        gone = {turn_id: place for turn_id, place in self._places.items() if place.job.partition == partition}
        self._ready = deque(ended for ended in self._ready if ended.job.partition != partition)
        for turn_id, place in gone.items():
            del self._places[turn_id]
            line = self._sessions.get(_session(place.job))
            if line is not None and place in line:
                line.remove(place)
                self._forget(place.job)
            self._queue.withdraw(turn_id)
        tasks = [task for turn_id, task in self._tasks.items() if turn_id in gone]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def stop(self) -> None:
        """Calls everything off; the offsets of what was not settled are read again by whoever comes next."""
        for partition_ in list(self._held):
            await self.close(partition_)

    def skip(self, partition: int, offset: int) -> None:
        """A record that needs no generating was read."""
        self._held[partition].skip(offset)

    def add(self, job: Job[T]) -> bool:
        """A record that does was read; False for a repeat of one that is here, which is passed over.

        What the queue sheds for it, itself maybe, ends without a result.
        """
        turn = job.turn
        if turn.turn_id in self._places:
            self._held[job.partition].skip(job.offset)
            return False
        self._held[job.partition].add(job.offset)
        place = self._places[turn.turn_id] = _Place[T, R](job)
        self._sessions.setdefault(_session(job), deque()).append(place)
        self._shed(self._queue.offer(turn, self._clock()))
        self._begin()
        return True

    def cancel(self, turn_id: str) -> None:
        """The customer has left: the job ends as `cancelled`, at once if it waits. Unknown turns are ignored."""
        if self._queue.withdraw(turn_id) is not None:
            self._end(turn_id, None, "cancelled")
        elif turn_id in self._tasks:
            self._tasks[turn_id].cancel()

    def tick(self) -> None:
        """Ends what has waited too long. Call it now and then while nothing else happens."""
        self._shed(self._queue.expire(self._clock()))
        self._begin()

    async def ended(self) -> list[Ended[T, R]]:
        """Waits for jobs that ended, and gives them once, in the order of their ends, a session's in its own."""
        while True:
            await self._news.wait()
            # Empty where a partition was closed in between.
            if ended := self.poll():
                return ended

    def poll(self) -> list[Ended[T, R]]:
        """The same without waiting; empty where nothing ended."""
        if self._bug is not None:
            raise self._bug
        self._news.clear()
        ended = list(self._ready)
        self._ready.clear()
        return ended

    def settle(self, job: Job[T]) -> None:
        """The job's reply is delivered: its offset is finished. Ignored if its partition was closed meanwhile."""
        place = self._places.get(job.turn.turn_id)
        if place is not None and place.job is job:
            del self._places[job.turn.turn_id]
            self._held[job.partition].drop(job.offset)

    def safe(self, partition: int) -> int:
        """The offset that may be committed: that of the oldest unfinished job, or the next to be read."""
        return self._held[partition].safe()

    def _begin(self) -> None:
        while True:
            taken, shed = self._queue.take(self._clock())
            self._shed(shed)
            if taken is None:
                return
            turn_id = taken.turn.turn_id
            task = asyncio.ensure_future(self._work(self._places[turn_id].job.item))
            self._tasks[turn_id] = task
            # A callback and not a `with` in the task: a task that is cancelled before it runs never enters one.
            task.add_done_callback(partial(self._over, turn_id, taken.reservation))

    def _over(self, turn_id: str, reservation: Reservation, task: asyncio.Future[R]) -> None:
        del self._tasks[turn_id]
        bug = None if task.cancelled() else task.exception()
        if task.cancelled() or bug is not None:
            reservation.close()
        else:
            reservation.settle(self._used(task.result()))
        if bug is not None:
            self._bug = self._bug or bug
            self._news.set()
        elif task.cancelled():
            self._end(turn_id, None, "cancelled")
        else:
            self._end(turn_id, task.result(), None)
        self._begin()

    def _shed(self, shed: Iterable[Shed]) -> None:
        for turn, reason in shed:
            self._end(turn.turn_id, None, reason)

    def _end(self, turn_id: str, result: R | None, why_not: Reason | Literal["cancelled"] | None) -> None:
        """Reports the session's jobs as far as all before them have ended.

        One that is shed waits for the one before it: whose deadline is sooner, and delivery would wait for it too.
        """
        place = self._places.get(turn_id)
        if place is None:
            return
        place.ended = Ended(place.job, result, why_not)
        line = self._sessions[_session(place.job)]
        while line and line[0].ended is not None:
            self._ready.append(line[0].ended)
            line.popleft()
            self._news.set()
        self._forget(place.job)

    def _forget(self, job: Job[T]) -> None:
        key = _session(job)
        if not self._sessions.get(key, True):
            del self._sessions[key]


def _session(job: Job[T]) -> tuple[str, str]:
    return job.turn.tenant, job.turn.session
