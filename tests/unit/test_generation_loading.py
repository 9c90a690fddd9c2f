"""A model that stands for a rung and is not loaded is asked for, not too often, and off everybody's way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

import pytest

from streams.generation.known import AllKnown
from streams.generation.loading import LONGEST, PAUSE
from streams.generation.ports import Readiness
from streams.testing.generation import ScriptedGenerator
from streams.testing.virtual_time import VirtualLoop
from tests.handed_over import a_model

LOOK = 2.0


class World:
    """What is known of one model, which may be offered at each look."""

    def __init__(self) -> None:
        self.serving, self.model = a_model([])
        self.known = AllKnown(asyncio.get_running_loop().time)

    async def looks(self, times: int, offered: bool = True) -> None:
        """Looks, with the pauses between them in which what was begun goes on."""
        for _ in range(times):
            await self.known.look([self.serving] if offered else [])
            await asyncio.sleep(LOOK)

    @property
    def ready(self) -> bool:
        """Whether turns may use it."""
        return self.known.of(self.serving).ready


def played(scene: Callable[[World], Coroutine[None, None, None]]) -> None:
    """Plays a scene on a loop whose time is its own."""

    async def play() -> None:
        world = World()
        await scene(world)
        await world.known.stop()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(play())


def test_a_model_that_was_lost_comes_back_by_itself() -> None:
    """After the second look that misses it, and at once; one that is there is never asked for."""

    async def scene(world: World) -> None:
        await world.looks(3)
        world.model.loaded = False
        await world.looks(1)
        assert (world.model.loads, world.ready) == (0, True)
        await world.looks(1)
        assert (world.model.loads, world.ready) == (1, True)
        await world.looks(5)
        assert world.model.loads == 1

    played(scene)


def test_a_refusal_is_logged_once_and_tried_less_and_less_often(caplog: pytest.LogCaptureFixture) -> None:
    """Turns step down meanwhile. When it was loaded after all, a later refusal is news again."""
    caplog.set_level(logging.WARNING)

    async def scene(world: World) -> None:
        world.model.loaded, world.model.refuses = False, "explicit model load / unload is not allowed"
        began = asyncio.get_running_loop().time()
        await world.looks(150)
        seconds = asyncio.get_running_loop().time() - began
        assert not world.ready
        assert 4 < world.model.loads <= 5 + seconds / LONGEST
        assert [record.message.count("not allowed") for record in caplog.records] == [1]
        world.model.loaded = True
        await world.looks(40)
        assert world.ready
        world.model.loaded = False
        await world.looks(3)
        assert len(caplog.records) == 2

    played(scene)


def test_it_is_asked_for_at_most_once_in_a_pause() -> None:
    """Also where it is lost again as soon as it was loaded."""

    async def scene(world: World) -> None:
        began = asyncio.get_running_loop().time()
        for _ in range(30):
            world.model.loaded = False
            await world.looks(1)
        assert 1 < world.model.loads <= 1 + (asyncio.get_running_loop().time() - began) / PAUSE

    played(scene)


def test_a_model_that_was_swapped_away_is_not_brought_back() -> None:
    """Its last turns began before its successor's time, and it was unloaded after that."""

    async def scene(world: World) -> None:
        await world.looks(2)
        world.known.of(world.serving)
        world.model.loaded = False
        await world.looks(10, offered=False)
        assert world.model.loads == 0

    played(scene)


def test_a_server_that_is_away_is_not_asked_to_load() -> None:
    """What it says when it is back decides."""

    async def scene(world: World) -> None:
        world.serving = world.serving._replace(generator=Away(lambda _: []))
        await world.looks(10)
        assert isinstance(away := world.serving.generator, Away)
        assert (away.loads, world.ready) == (0, False)

    played(scene)


class Away(ScriptedGenerator):
    """A model whose server is not there."""

    async def ready(self, timeout: float) -> Readiness:
        """It says so."""
        return Readiness(False, "", "connection refused", "away")
