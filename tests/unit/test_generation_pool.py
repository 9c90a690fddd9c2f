"""Places in the pool: who waits for one, who gets one, and that none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from streams.generation.admission import Admission, Caps, Reservation
from streams.generation.fairness import Bounds, FairQueue
from streams.generation.lane import Turn
from streams.generation.pool import Pool
from streams.generation.speed import Turnover
from streams.testing.virtual_time import VirtualLoop


class World:
    """A pool for two turns at once, on a loop whose time is its own."""

    def __init__(self) -> None:
        self.admission = Admission(Caps(1_000, 1_000, 2, 1_000))
        queue = FairQueue(Bounds(1_000, 1_000, 30.0), self.admission, Turnover(cost=100, most=100, seconds=0.1))
        self.kept: list[Reservation] = []
        """One whose handle is lost would be given back."""
        self.pool = Pool(queue, asyncio.get_running_loop().time)

    async def held(self, turn: Turn) -> Reservation:
        """A place for a turn that gets one."""
        place = await self.pool.place(turn)
        assert isinstance(place, Reservation)
        self.kept.append(place)
        return place


def turn(name: str, start_by: float = 20.0, tokens: int = 100) -> Turn:
    """A turn of a session of its own."""
    return Turn(name, "shop", name, tokens, tokens, start_by)


def on_its_own_time(scene: Callable[[World], Coroutine[None, None, None]]) -> None:
    """Plays a scene."""

    async def play() -> None:
        await scene(World())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(play())


def test_a_turn_waits_until_a_place_is_given_back() -> None:
    """And then has it at once."""

    async def scene(world: World) -> None:
        first, _ = [await world.held(turn(name)) for name in ("a", "b")]
        waiting = asyncio.ensure_future(world.pool.place(turn("c")))
        await asyncio.sleep(1.0)
        assert not waiting.done()
        assert world.pool.waiting == 1
        world.pool.over(first, 80)
        assert isinstance(await waiting, Reservation)
        assert world.pool.waiting == 0

    on_its_own_time(scene)


def test_a_turn_that_has_waited_too_long_is_told_so_in_time() -> None:
    """Though nothing else happens meanwhile."""

    async def scene(world: World) -> None:
        for name in ("a", "b"):
            await world.held(turn(name))
        assert await world.pool.place(turn("c", start_by=3.0)) == "waited_too_long"
        assert asyncio.get_running_loop().time() < 3.01

    on_its_own_time(scene)


def test_a_turn_that_the_queue_refuses_is_told_at_once() -> None:
    """With the queue's reason."""

    async def scene(world: World) -> None:
        assert await world.pool.place(turn("a", tokens=5_000)) == "too_long"
        assert world.admission.turns == 0

    on_its_own_time(scene)


def test_who_is_cancelled_while_waiting_leaves_the_queue() -> None:
    """The next one in it gets the place."""

    async def scene(world: World) -> None:
        first, _ = [await world.held(turn(name)) for name in ("a", "b")]
        left = asyncio.ensure_future(world.pool.place(turn("c")))
        stays = asyncio.ensure_future(world.pool.place(turn("d")))
        await asyncio.sleep(0.5)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        world.pool.over(first, 100)
        assert isinstance(await stays, Reservation)

    on_its_own_time(scene)


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_place_that_is_given_in_the_moment_of_a_cancellation_is_not_lost(cancelled_first: bool) -> None:
    """Whichever of the two came first."""

    async def scene(world: World) -> None:
        first, second = [await world.held(turn(name)) for name in ("a", "b")]
        left = asyncio.ensure_future(world.pool.place(turn("c")))
        await asyncio.sleep(0.5)
        if cancelled_first:
            left.cancel()
        world.pool.over(first, 100)
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        world.pool.over(second, 100)
        assert (world.admission.turns, world.admission.tokens, world.pool.waiting) == (0, 0, 0)

    on_its_own_time(scene)


def test_a_turn_that_waits_already_is_refused() -> None:
    """Offering it twice is a bug of the caller's, and does not cost the first its place."""

    async def scene(world: World) -> None:
        first, _ = [await world.held(turn(name)) for name in ("a", "b")]
        waiting = asyncio.ensure_future(world.pool.place(turn("c")))
        await asyncio.sleep(0.1)
        with pytest.raises(ValueError, match="waits already"):
            await world.pool.place(turn("c"))
        world.pool.over(first, 100)
        assert isinstance(await waiting, Reservation)

    on_its_own_time(scene)
