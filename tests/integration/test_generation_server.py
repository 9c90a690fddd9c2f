"""The client with a real Triton server: what the test kit's server says of it is so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tritonclient.grpc.aio import InferenceServerClient

from infra.local.stack import LocalStack
from infra.local.triton import REPOSITORY
from processors.prompting.types import Prompt
from streams.generation.client import TritonConnection
from streams.generation.known import AllKnown
from streams.generation.models import Serving
from streams.generation.ports import Budget, Delta, Finish, Generator
from streams.testing.triton_knobs import turn

pytestmark = pytest.mark.triton
SMALL = REPOSITORY / "small"
LONG = Budget(60.0, 60.0, 60.0)
TEXT = (
    "<passages>\n1> Refunds\n1> Refunds take five working days.\n</passages>\n"
    "<message>\n> how long does a refund take\n</message>\n"
)
ANSWER = "Refunds take five working days. [1]"


@pytest.fixture
async def url(triton_server: LocalStack) -> AsyncIterator[str]:
    """The server's address; the knobs of its model are turned back afterwards."""
    address = (triton_server.addresses.triton or "").removeprefix("grpc://")
    yield address
    turn(address, SMALL, {})


@pytest.fixture
async def model(url: str) -> AsyncIterator[Generator]:
    """Its model, by the client."""
    async with TritonConnection(url) as connection:
        yield connection.generator("small")


def asked(text: str = TEXT, max_tokens: int = 256) -> Prompt:
    """A prompt with this text."""
    return Prompt(text, "t", "t@1#0", 1, (), (), max_tokens)


async def reply(model: Generator, prompt: Prompt, budget: Budget = LONG) -> tuple[str, Finish]:
    """The whole text, and how it ended."""
    text = ""
    async with model.generate(prompt, budget) as stream:
        async for item in stream:
            if isinstance(item, Finish):
                return text, item
            text += item.text
    raise AssertionError("a stream without a finish")


async def test_a_reply_comes_in_pieces(model: Generator) -> None:
    """With its tokens, its reason to end, and who made it."""
    text, finish = await reply(model, asked())
    assert (text, finish.reason, finish.fault) == (ANSWER, "stop", "")
    assert finish.tokens > 1
    assert finish.fingerprint == model.fingerprint == (await model.ready(60.0)).fingerprint
    assert finish.fingerprint.startswith("small@1#")
    assert (await reply(model, asked(max_tokens=2)))[1].reason == "length"


async def test_a_cancel_frees_the_models_place(url: str, model: Generator) -> None:
    """It has one place, and the reply that was called off would have held it for minutes."""
    turn(url, SMALL, {"slots": "1", "token_ms": "100"})
    long = TEXT.replace("five working days", "days " * 5000)
    async with model.generate(asked(long, 5000), LONG) as stream:
        assert isinstance(await anext(stream), Delta)
        stream.cancel()
    _, finish = await reply(model, asked(max_tokens=1))
    assert finish.reason == "length"


@pytest.mark.parametrize(
    ("knobs", "budget", "fault"),
    [
        ({"error_share": "1"}, LONG, "failed"),
        ({"wrong_shape_share": "1"}, LONG, "malformed"),
        ({"first_token_ms": "60000"}, Budget(0.1, 60.0, 60.0), "first"),
        ({"token_ms": "60000"}, Budget(60.0, 60.0, 0.2), "total"),
    ],
)
async def test_a_fault_is_a_value(
    url: str, model: Generator, knobs: dict[str, str], budget: Budget, fault: str
) -> None:
    """None of it is text for a customer."""
    turn(url, SMALL, knobs)
    assert (await model.ready(60.0)).ready
    text, finish = await reply(model, asked(), budget)
    assert (text, finish.fault) == ("", fault)
    assert finish.fingerprint == model.fingerprint


async def test_an_unloaded_model_is_unready(url: str, model: Generator) -> None:
    """Until it is loaded again; one that was never there is unready too."""
    assert (await reply(model, asked()))[0] == ANSWER
    async with InferenceServerClient(url) as control:
        await control.unload_model("small")
    assert (await reply(model, asked()))[1].fault == "unready"
    assert not (await model.ready(60.0)).ready
    turn(url, SMALL, {})
    assert (await reply(model, asked()))[0] == ANSWER
    async with TritonConnection(url) as connection:
        assert (await reply(connection.generator("nobody"), asked()))[1].fault == "unready"


async def test_an_unloaded_model_that_stands_for_a_rung_is_loaded_again(url: str, model: Generator) -> None:
    """Nobody else asks for it; what the server has no files of stays away, and it says why."""
    async with InferenceServerClient(url) as control:
        await control.unload_model("small")
    known = AllKnown(asyncio.get_running_loop().time)
    async with asyncio.timeout(60), TritonConnection(url) as connection:
        while not (await model.ready(60.0)).ready:
            await known.look([Serving(model, "small_model")])
            await asyncio.sleep(0.1)
        assert "nobody" in (await connection.generator("nobody").load(60.0)).detail
    await known.stop()
    assert (await reply(model, asked()))[0] == ANSWER


async def test_other_knobs_are_another_fingerprint(url: str, model: Generator) -> None:
    """The configuration is part of what made a reply."""
    before = (await model.ready(60.0)).fingerprint
    turn(url, SMALL, {"token_ms": "1"})
    assert (await model.ready(60.0)).fingerprint != before
