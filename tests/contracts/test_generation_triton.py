"""What a generating model on a Triton server holds besides: what is asked, who answers, and a server that goes away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from streams.generation.client import TritonConnection
from streams.generation.ports import Budget, Delta, Finish
from streams.testing.generation import Fail, Say, Silence
from streams.testing.triton_streaming import StreamingTriton
from tests.contracts.generation_worlds import LONG, SHORT, always, answered, drained, prompt


@pytest.fixture
async def server() -> AsyncIterator[StreamingTriton]:
    """A server with one model, which says what it was asked."""
    async with StreamingTriton({"llm": lambda text: [Say(text)]}) as running:
        yield running


@pytest.fixture
async def triton(server: StreamingTriton) -> AsyncIterator[TritonConnection]:
    """A connection to it."""
    async with TritonConnection(server.url) as connection:
        yield connection


async def test_the_prompts_limits_are_asked_for(server: StreamingTriton, triton: TritonConnection) -> None:
    """The limit of tokens and the stops are the prompt's, and go before what the model is set to."""
    generator = triton.generator("llm", {"temperature": 0.2, "max_tokens": 9})
    await drained(generator.generate(prompt(max_tokens=7, stop=("\n顾客:",)), LONG))
    await drained(generator.generate(prompt(max_tokens=8), LONG))
    assert server.sampling == [
        {"temperature": 0.2, "max_tokens": 7, "stop": ["\n顾客:"]},
        {"temperature": 0.2, "max_tokens": 8},
    ]


async def test_a_model_without_extras_is_asked_for_none() -> None:
    """Then a response with text counts as one token, and the limit tells why it ended."""
    async with (
        StreamingTriton({"llm": always([Say("a", 9), Say("b", 9)])}, extras=False) as server,
        TritonConnection(server.url) as triton,
    ):
        generator = triton.generator("llm")
        _, finish = await drained(generator.generate(prompt(max_tokens=2), LONG))
        assert (finish.reason, finish.tokens) == ("length", 2)
        _, finish = await drained(generator.generate(prompt(max_tokens=3), LONG))
        assert (finish.reason, finish.tokens) == ("stop", 2)


async def test_a_fingerprint_says_what_is_served(server: StreamingTriton, triton: TritonConnection) -> None:
    """Name, version, and a hash that stays; other sampling is another one."""
    generator = triton.generator("llm")
    assert generator.fingerprint == ""
    readiness = await generator.ready(60.0)
    assert readiness == (True, generator.fingerprint, "", "")
    assert generator.fingerprint.startswith("llm@1#")
    assert (await triton.generator("llm").ready(60.0)).fingerprint == generator.fingerprint
    assert (await triton.generator("llm", {"seed": 1}).ready(60.0)).fingerprint != generator.fingerprint


async def test_a_swapped_model_is_noticed_by_its_answer(server: StreamingTriton, triton: TritonConnection) -> None:
    """Nobody asked whether it is ready in between."""
    generator = triton.generator("llm")
    before = (await answered(generator))[1].fingerprint
    server.serve("llm", always([Say("new")]), version="2")
    text, finish = await answered(generator)
    assert (text, finish.fingerprint) == ("new", generator.fingerprint)
    assert finish.fingerprint.startswith("llm@2#")
    assert finish.fingerprint.partition("#")[2] != before.partition("#")[2]


async def test_a_model_that_is_not_there_is_unready(server: StreamingTriton, triton: TritonConnection) -> None:
    """Unknown from the beginning, or unloaded since; loaded again, it answers."""
    assert (await triton.generator("other").ready(60.0)).ready is False
    _, finish = await answered(triton.generator("other"))
    assert (finish.reason, finish.fault, finish.fingerprint) == ("error", "unready", "")
    generator = triton.generator("llm")
    await answered(generator)
    server.withdraw("llm")
    known = generator.fingerprint
    assert [(await answered(generator))[1].fault for _ in range(2)] == ["unready", "unready"]
    assert generator.fingerprint == known
    assert "load it" in (await generator.ready(60.0)).detail
    server.serve("llm", always([Say("back")]))
    assert (await answered(generator))[0] == "back"


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("The decoder prompt (length 9000) is longer than the maximum model length of 4096.", "refused"),
        ("This model's maximum context length is 4096 tokens.", "refused"),
        ("unexpected inference input 'top' for model 'llm'", "refused"),
        ("Request for unknown model: 'llm' has no available versions", "unready"),
        ("Model is unavailable due to unhealthy vLLM engine", "unready"),
        ("Error generating stream: CUDA out of memory", "failed"),
        ("什么", "failed"),
    ],
)
async def test_an_error_in_a_stream_is_told_by_its_words(message: str, fault: str) -> None:
    """So the breaker can tell a prompt that is wrong from a model that fails; what is unknown is the model's."""
    async with (
        StreamingTriton({"llm": always([Fail(message)])}) as server,
        TritonConnection(server.url) as triton,
    ):
        _, finish = await answered(triton.generator("llm"))
        assert (finish.reason, finish.fault) == ("error", fault)
        assert message in finish.detail


async def test_a_server_that_is_not_there_is_away() -> None:
    """At once, whatever the budget."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with TritonConnection(f"127.0.0.1:{unused.getsockname()[1]}") as triton:
            _, finish = await answered(triton.generator("llm"))
            assert (finish.reason, finish.fault, finish.fingerprint) == ("error", "away", "")
            readiness = await triton.generator("llm").ready(60.0)
            assert (readiness.ready, readiness.fingerprint) == (False, "")


async def test_a_server_that_never_answers_is_left() -> None:
    """It takes the connection, as one that was stopped before does, and says nothing: nobody waits but for so long."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with TritonConnection(f"127.0.0.1:{silent.getsockname()[1]}") as triton:
            generator = triton.generator("llm")
            _, finish = await answered(generator, Budget(SHORT, 60.0, 60.0))
            assert (finish.reason, finish.fault) == ("deadline", "first")
            readiness = await generator.ready(SHORT)
            assert not readiness.ready
            assert "0.05" in readiness.detail


async def test_a_server_that_comes_back_answers_again() -> None:
    """Over the same connection; what runs when it goes is away; other weights are another fingerprint."""
    async with (
        StreamingTriton({"llm": lambda text: [Say("a"), Silence()] if text == "held" else [Say("b")]}) as server,
        TritonConnection(server.url) as triton,
    ):
        generator = triton.generator("llm")
        async with generator.generate(prompt("held"), LONG) as stream:
            assert await anext(stream) == Delta("a", 1)
            await server.kill()
            finish = await anext(stream)
            assert isinstance(finish, Finish)
            assert (finish.reason, finish.fault, finish.tokens) == ("error", "away", 1)
        assert (await answered(generator))[1].fault == "away"
        server.parameters["sha256"] = "other weights"
        await server.start()
        before = finish.fingerprint
        finish = (await answered(generator))[1]
        while finish.fault == "away":  # until the pause between two attempts to connect is over
            finish = (await answered(generator))[1]
        assert finish.reason == "stop"
        assert finish.fingerprint == generator.fingerprint != before


async def test_a_closed_connection_ends_its_streams(server: StreamingTriton) -> None:
    """Those under way, and those begun afterwards."""
    server.serve("held", always([Say("a"), Silence()]))
    triton = TritonConnection(server.url)
    generator = triton.generator("held")
    async with generator.generate(prompt(), LONG) as stream:
        assert await anext(stream) == Delta("a", 1)
        await triton.close()
        finish = await anext(stream)
        assert isinstance(finish, Finish)
        assert (finish.reason, finish.fault) == ("error", "away")
    assert (await answered(generator))[1].fault == "away"


async def test_models_share_a_connection(server: StreamingTriton, triton: TritonConnection) -> None:
    """A hundred turns of two models at once, over one."""
    server.serve("second", lambda text: [Say("second " + text)])
    models = [triton.generator("llm"), triton.generator("second")]
    replies = await asyncio.gather(*(answered(models[n % 2], text=str(n)) for n in range(100)))
    assert [text for text, _ in replies] == [f"second {n}" if n % 2 else str(n) for n in range(100)]
