"""What the client does when the server's process is stopped or killed by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from streams.generation.client import TritonConnection
from streams.generation.ports import Budget, Finish
from streams.testing import triton_streaming
from tests.contracts.generation_worlds import LONG, SHORT, answered, prompt


@pytest.fixture
def process() -> Iterator[tuple[int, str]]:
    """A server in a process of its own: its id and its address."""
    command = [sys.executable, "-m", triton_streaming.__name__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield running.pid, running.stdout.readline().strip()
        running.kill()


@pytest.mark.faults
async def test_a_stopped_server_costs_no_more_than_the_budget(process: tuple[int, str]) -> None:
    """In the middle of a reply, and for whoever asks then; once it goes on, it answers."""
    pid, url = process
    async with TritonConnection(url) as triton:
        generator = triton.generator("llm")
        async with generator.generate(prompt("long", 1_000_000), Budget(60.0, SHORT * 4, 60.0)) as stream:
            await anext(stream)
            os.kill(pid, signal.SIGSTOP)
            items = [item async for item in stream]
            assert isinstance(items[-1], Finish)
            assert (items[-1].reason, items[-1].fault) == ("deadline", "between")
        assert (await answered(generator, Budget(SHORT, 60.0, 60.0)))[1].fault == "first"
        assert not (await generator.ready(SHORT)).ready
        os.kill(pid, signal.SIGCONT)
        assert (await answered(generator, LONG))[0] == "hello"


@pytest.mark.faults
async def test_a_killed_server_is_away(process: tuple[int, str]) -> None:
    """Whatever the budget: the connection tells."""
    pid, url = process
    async with TritonConnection(url) as triton:
        generator = triton.generator("llm")
        async with generator.generate(prompt("long", 1_000_000), LONG) as stream:
            await anext(stream)
            os.kill(pid, signal.SIGKILL)
            items = [item async for item in stream]
            assert isinstance(items[-1], Finish)
            assert (items[-1].reason, items[-1].fault) == ("error", "away")
            assert items[-1].tokens > 0
        assert (await answered(generator))[1].fault == "away"
