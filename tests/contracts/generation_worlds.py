"""Where a generating model is: in this process, or on a Triton server behind gRPC. Both run the same scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

from processors.prompting.types import Prompt
from streams.generation.client import TritonConnection
from streams.generation.ports import Budget, Delta, Finish, Generator, Stream
from streams.testing.generation import Script, ScriptedGenerator, Seen, Step
from streams.testing.triton_streaming import StreamingTriton

LONG = Budget(60.0, 60.0, 60.0)
"""More than any test takes, so that nothing depends on how fast the machine is."""
SHORT = 0.05
"""Seconds for what never comes."""


class World(NamedTuple):
    """A model, and what happens on its side."""

    generator: Generator
    seen: Seen


Opened = Callable[[Script], AbstractAsyncContextManager[World]]


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[World]:
    """The fake of the test kit."""
    generator = ScriptedGenerator(script)
    yield World(generator, generator.seen)


@asynccontextmanager
async def served(script: Script) -> AsyncIterator[World]:
    """A server with all that the contract offers."""
    async with StreamingTriton({"llm": script}) as server, TritonConnection(server.url) as triton:
        yield World(triton.generator("llm"), server.seen)


WORLDS: dict[str, Opened] = {"scripted": scripted, "grpc": served}


def prompt(text: str = "hello", max_tokens: int = 256, stop: tuple[str, ...] = ()) -> Prompt:
    """A prompt with this text."""
    return Prompt(text, "t", "t@1#0", 1, (), stop, max_tokens)


def always(steps: Iterable[Step]) -> Script:
    """The same for each prompt."""
    steps = tuple(steps)
    return lambda _: steps


async def drained(stream: Stream) -> tuple[list[Delta], Finish]:
    """All of a stream; fails if it does not end with its only Finish."""
    async with stream:
        items = [item async for item in stream]
    *deltas, finish = items
    assert isinstance(finish, Finish)
    assert all(isinstance(delta, Delta) for delta in deltas)
    return [delta for delta in deltas if isinstance(delta, Delta)], finish


async def answered(generator: Generator, budget: Budget = LONG, text: str = "hello") -> tuple[str, Finish]:
    """The whole text and how it ended."""
    deltas, finish = await drained(generator.generate(prompt(text), budget))
    return "".join(delta.text for delta in deltas), finish
