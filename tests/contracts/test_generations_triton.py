"""The engine with models on a Triton server: its thread connects, follows the control log, and lets go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from processors.ladder import USUAL, Speed
from schemas.events import Record
from streams.control import ControlFold
from streams.generation.admission import Caps
from streams.generation.client import TritonConnection
from streams.generation.engine import Engine
from streams.generation.fairness import Bounds
from streams.generation.known import AllKnown
from streams.generation.models import ControlledModels, Serving, Setting
from streams.generation.tasks import Made
from streams.testing import a_model as activated
from streams.testing.generation import Silence
from streams.testing.triton_streaming import StreamingTriton
from tests.handed_over import GOOD, MORE, a_route, a_task, knows, saying

PATIENCE = 20.0


@contextmanager
def engine_of(url: str, control: ControlFold) -> Iterator[Engine]:
    """An engine whose rung small_model is the server's model `blue`, unless another is activated."""
    settings = {"small_model": Setting("blue", Speed(0.05, 0.001))}
    models = ControlledModels(control, settings, lambda: TritonConnection(url), lambda: 10)
    bounds, caps = Bounds(100_000, 100_000, 30.0), Caps(100_000, 100_000, 8, 100_000)
    engine = Engine(models, bounds, caps, USUAL, lambda partial: None, lambda: 0)
    try:
        yield engine
    finally:
        engine.close()


async def ended(engine: Engine, turns: int) -> dict[str, Made]:
    """Polls until so many turns have ended."""
    found: dict[str, Made] = {}
    async with asyncio.timeout(PATIENCE):
        while len(found) < turns:
            found |= dict(engine.poll())
            await asyncio.sleep(0.005)
    return found


async def test_turns_are_made_by_the_server_and_a_swap_holds_for_the_next() -> None:
    """Each reply names the model that made it."""
    control = ControlFold()
    scripts = {"blue": lambda _: saying(GOOD, MORE), "green": lambda _: saying(GOOD)}
    async with StreamingTriton(scripts) as server:
        with engine_of(server.url, control) as engine:
            engine.submit(a_task(a_route("t1", "s1"), rungs=("small_model",)))
            engine.submit(a_task(a_route("t2", "s2"), rungs=("small_model",)))
            first = await ended(engine, 2)
            control.take(Record("chat.control", 0, 0, 0, activated(name="green", task="small_model", effective_at=5)))
            engine.submit(a_task(a_route("t3", "s1", at=2), rungs=("small_model",)))
            later = await ended(engine, 1)
    made = [m.generated.model.partition("@")[0] for m in (*first.values(), *later.values()) if m.generated]
    assert made == ["blue", "blue", "green"]


async def test_without_a_server_the_fast_rungs_answer() -> None:
    """And the record says that it was away."""
    with engine_of("127.0.0.1:1", ControlFold()) as engine:
        engine.submit(a_task(rungs=("small_model", "knowledge"), fast=knows))
        made = (await ended(engine, 1))["t1"]
    assert made.rung == "knowledge"
    assert [p.reason for p in made.passed] in (["model_away"], ["not_ready"])


async def test_closing_calls_off_what_the_server_makes() -> None:
    """Within a second, and the server is told."""
    async with StreamingTriton({"blue": lambda _: [Silence()]}) as server:
        with engine_of(server.url, ControlFold()) as engine:
            engine.submit(a_task(rungs=("small_model",), deadline=100.0))
            await server.seen.until(lambda seen: seen.under_way == 1)
            closing = threading.Thread(target=engine.close)
            closing.start()
            await server.seen.until(lambda seen: seen.under_way == 0)
            await asyncio.to_thread(closing.join)


async def test_a_model_that_the_server_lost_is_asked_for_and_comes_back() -> None:
    """As after a restart, with which the server knows nothing of what was swapped in."""
    async with StreamingTriton({"blue": lambda _: saying(GOOD)}) as server, TritonConnection(server.url) as triton:
        serving = Serving(triton.generator("blue"), "small_model")
        known = AllKnown(asyncio.get_running_loop().time)
        await known.look([serving])
        server.withdraw("blue")
        for _ in range(3):
            await known.look([serving])
        async with asyncio.timeout(PATIENCE):
            while (await serving.generator.ready(PATIENCE)).fault:
                await asyncio.sleep(0.005)
        await known.stop()
        assert server.loads == ["blue"]


async def test_a_server_that_refuses_to_load_says_why() -> None:
    """As one that lets nobody load does; a model that it has not got is as little to be had."""
    async with StreamingTriton({"blue": lambda _: saying(GOOD)}) as server, TritonConnection(server.url) as triton:
        blue, nobody = triton.generator("blue"), triton.generator("nobody")
        assert (await blue.load(PATIENCE)).ready
        assert (await nobody.ready(PATIENCE)).fault == "unready"
        assert "failed to load 'nobody'" in (await nobody.load(PATIENCE)).detail
        server.withdraw("blue")
        server.refuses = "explicit model load / unload is not allowed if polling is enabled"
        found = await blue.load(PATIENCE)
        assert (found.ready, "not allowed" in found.detail) == (False, True)
        await server.kill()
        assert (await blue.load(PATIENCE)).fault == "away"


async def test_the_engine_brings_back_what_is_activated() -> None:
    """While its turns step down: the first of them finds it missing, and a later one is made by it."""
    control = ControlFold()
    control.take(Record("chat.control", 0, 0, 0, activated(name="green", task="small_model", effective_at=5)))
    scripts = {"blue": lambda _: saying(GOOD), "green": lambda _: saying(GOOD)}
    async with StreamingTriton(scripts) as server:
        server.withdraw("green")
        with engine_of(server.url, control) as engine:
            rungs = []
            for i in range(200):
                engine.submit(a_task(a_route(f"t{i}", at=i), rungs=("small_model", "knowledge"), fast=knows))
                rungs.append((await ended(engine, 1))[f"t{i}"].rung)
                if rungs[-1] == "small_model":
                    break
                await asyncio.sleep(0.1)
    assert (rungs[0], rungs[-1], server.loads) == ("knowledge", "small_model", ["green"])
