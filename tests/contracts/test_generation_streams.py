"""What every generating model holds while all goes well: the scripted one, and one on a Triton server."""

from __future__ import annotations

import asyncio

import pytest

from streams.generation.ports import Delta, Finish
from streams.generation.running import LONGEST
from streams.testing.generation import Misshape, Say, Silence, Wait
from tests.contracts.generation_worlds import LONG, WORLDS, Opened, always, answered, drained, prompt


@pytest.fixture(params=WORLDS)
def opened(request: pytest.FixtureRequest) -> Opened:
    """Each world in turn."""
    return WORLDS[request.param]


async def test_deltas_come_in_order_then_one_finish(opened: Opened) -> None:
    """The text is the sum of the deltas; tokens are counted; the finish says who made it and what it took."""
    words = [f"{n}," for n in range(200)]
    async with opened(always(Say(word, 2) for word in words)) as world:
        deltas, finish = await drained(world.generator.generate(prompt(max_tokens=500), LONG))
        assert [d.text for d in deltas] == words
        assert [d.tokens for d in deltas] == [2] * 200
        assert (finish.reason, finish.fault, finish.detail, finish.tokens) == ("stop", "", "", 400)
        assert finish.first_seconds is not None
        assert 0 <= finish.first_seconds <= finish.seconds
        assert finish.fingerprint == world.generator.fingerprint != ""


async def test_a_delta_comes_before_the_next_is_made(opened: Opened) -> None:
    """The second waits until the test has the first."""
    gate = asyncio.Event()
    script = always([Say("one"), Wait(gate), Say("two")])
    async with opened(script) as world, world.generator.generate(prompt(), LONG) as stream:
        assert await anext(stream) == Delta("one", 1)
        gate.set()
        assert await anext(stream) == Delta("two", 1)
        assert isinstance(await anext(stream), Finish)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_the_model_says_why_it_ended(opened: Opened) -> None:
    """Its limit of tokens, or an end of its own."""
    async with opened(lambda text: [Say("a"), Say("b", 1, "length" if text == "long" else "stop")]) as world:
        assert (await answered(world.generator, text="long"))[1].reason == "length"
        assert (await answered(world.generator, text="short"))[1].reason == "stop"


async def test_a_model_that_ignores_its_limit_is_cut_off(opened: Opened) -> None:
    """It is told, and the reply is that of a model which ended there."""
    async with opened(always([Say("x", 10), Say("y", 10), Silence()])) as world:
        deltas, finish = await drained(world.generator.generate(prompt(max_tokens=15), LONG))
        assert "".join(d.text for d in deltas) == "xy"
        assert finish.reason == "length"
        await world.seen.until(lambda seen: seen.cancelled["hello"] == 1)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
async def test_characters_may_be_split_over_responses(opened: Opened, size: int) -> None:
    """No delta has half a character, and no token is lost from the count."""
    text = "您的订单😀已发出 — naïve 👩‍👩‍👧 ok"
    raw = text.encode()
    parts = [raw[at : at + size] for at in range(0, len(raw), size)]
    async with opened(always(Say(part) for part in parts)) as world:
        deltas, finish = await drained(world.generator.generate(prompt(), LONG))
        assert "".join(d.text for d in deltas) == text
        assert all(d.text for d in deltas)
        assert sum(d.tokens for d in deltas) == finish.tokens == len(parts)


async def test_bytes_that_are_no_text_are_marked(opened: Opened) -> None:
    """A broken character is replaced, at the very end too; the reply goes on."""
    async with opened(always([Say(b"a\xff"), Say(b"b"), Say(b"\xe6\x82")])) as world:
        assert (await answered(world.generator))[0] == "a�b�"


async def test_any_text_can_be_asked(opened: Opened) -> None:
    """Half a character, a NUL, any script, and long."""
    async with opened(always([Say("ok")])) as world:
        for text in ("", "😡\x00\ud800", "好" * 100_000, "a\nb\t\u2028"):
            assert (await answered(world.generator, text=text))[0] == "ok"


async def test_a_big_response_is_taken(opened: Opened) -> None:
    """More than gRPC takes by default would be 4 MiB; the bound of a reply is lower than that of a message."""
    big = "字" * (LONGEST - 1)
    async with opened(lambda text: [Say(big), Say("x" if text == "hello" else "xxxx" * LONGEST)]) as world:
        text, finish = await answered(world.generator)
        assert (len(text), finish.reason) == (LONGEST, "stop")
        _, finish = await answered(world.generator, text="more")
        assert (finish.reason, finish.fault) == ("error", "malformed")
        assert str(LONGEST) in finish.detail


async def test_a_reply_may_be_empty(opened: Opened) -> None:
    """A model that ends at once has ended, without a first text."""
    async with opened(always([])) as world:
        text, finish = await answered(world.generator)
        assert (text, finish.reason, finish.tokens, finish.first_seconds) == ("", "stop", 0, None)


async def test_a_hundred_run_at_once(opened: Opened) -> None:
    """None waits for another, and each gets its own deltas."""
    gate = asyncio.Event()
    async with opened(lambda text: [Say(text), Wait(gate), Say("!" + text)]) as world:
        asking = [asyncio.create_task(answered(world.generator, text=f"t{n}")) for n in range(100)]
        await world.seen.until(lambda seen: seen.under_way == 100)
        gate.set()
        replies = await asyncio.gather(*asking)
        assert [text for text, _ in replies] == [f"t{n}!t{n}" for n in range(100)]
        assert {finish.reason for _, finish in replies} == {"stop"}


async def test_a_neighbours_fault_is_its_own(opened: Opened) -> None:
    """Of those that run at once only the one that is wrong fails."""
    gate = asyncio.Event()

    async with opened(
        lambda text: [Say("a"), Wait(gate), Misshape("two texts") if text == "bad" else Say("b")]
    ) as world:
        texts = ["good", "bad", "fine"]
        asking = [asyncio.create_task(answered(world.generator, text=text)) for text in texts]
        await world.seen.until(lambda seen: seen.under_way == 3)
        gate.set()
        assert [finish.fault for _, finish in await asyncio.gather(*asking)] == ["", "malformed", ""]
