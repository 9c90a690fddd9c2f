"""What every generating model does when something is wrong: time runs out, somebody leaves, the model fails."""

from __future__ import annotations

import asyncio

import pytest

from streams.generation.ports import Budget, Delta, Finish
from streams.testing.generation import Cut, Die, Fail, Misshape, Say, Silence, Step, Wait
from tests.contracts.generation_worlds import LONG, SHORT, WORLDS, Opened, always, answered, drained, prompt


@pytest.fixture(params=WORLDS)
def opened(request: pytest.FixtureRequest) -> Opened:
    """Each world in turn."""
    return WORLDS[request.param]


async def test_the_first_text_is_waited_for_so_long(opened: Opened) -> None:
    """A model that never says anything is left, and told."""
    async with opened(always([Silence()])) as world:
        assert (await world.generator.ready(60.0)).ready
        text, finish = await answered(world.generator, Budget(SHORT, 60.0, 60.0))
        assert (text, finish.reason, finish.fault, finish.first_seconds) == ("", "deadline", "first", None)
        assert finish.seconds >= SHORT
        assert "0.05" in finish.detail


async def test_responses_without_text_are_not_the_first_text(opened: Opened) -> None:
    """A model that only says nothing is as silent as one that is stopped."""
    async with opened(always([Say(""), Say(""), Silence()])) as world:
        assert (await world.generator.ready(60.0)).ready
        assert (await answered(world.generator, Budget(SHORT, 60.0, 60.0)))[1].fault == "first"


async def test_the_next_text_is_waited_for_so_long(opened: Opened) -> None:
    """What there was until then is kept, with the tokens it took."""
    async with opened(always([Say("a", 3), Silence()])) as world:
        text, finish = await answered(world.generator, Budget(60.0, SHORT, 60.0))
        assert (text, finish.reason, finish.fault, finish.tokens) == ("a", "deadline", "between", 3)
        assert finish.first_seconds is not None
        assert finish.fingerprint == world.generator.fingerprint


async def test_the_whole_reply_is_waited_for_so_long(opened: Opened) -> None:
    """The total bounds the other two."""
    async with opened(always([Silence()])) as world:
        assert (await answered(world.generator, Budget(60.0, 60.0, SHORT)))[1].fault == "total"
        assert (await answered(world.generator, Budget(60.0, 60.0, 0.0)))[1].fault == "total"
        assert (await answered(world.generator, Budget(60.0, 60.0, -1.0)))[1].reason == "deadline"


async def test_a_deadline_reaches_the_model(opened: Opened) -> None:
    """It does not go on for nobody."""
    async with opened(always([Say("a"), Silence()])) as world:
        await answered(world.generator, Budget(60.0, SHORT, 60.0))
        await world.seen.until(lambda seen: seen.cancelled["hello"] == 1 and seen.under_way == 0)


async def test_a_cancel_reaches_the_model(opened: Opened) -> None:
    """What was said before it is still delivered; the finish says it was called off."""
    async with opened(always([Say("a"), Silence()])) as world:
        async with world.generator.generate(prompt(), LONG) as stream:
            assert await anext(stream) == Delta("a", 1)
            stream.cancel()
            stream.cancel()
            finish = await anext(stream)
            assert isinstance(finish, Finish)
            assert (finish.reason, finish.fault, finish.tokens) == ("cancelled", "", 1)
        stream.cancel()
        await world.seen.until(lambda seen: seen.cancelled["hello"] == 1 and seen.under_way == 0)


async def test_a_cancel_may_come_before_anything(opened: Opened) -> None:
    """Before the request has left, even."""
    async with opened(always([Say("a")])) as world:
        stream = world.generator.generate(prompt(), LONG)
        stream.cancel()
        deltas, finish = await drained(stream)
        assert (deltas, finish.reason) == ([], "cancelled")
        assert world.seen.under_way == 0


async def test_who_leaves_calls_it_off(opened: Opened) -> None:
    """Leaving the block is enough, by an exception or a cancelled task too."""
    async with opened(always([Say("a"), Silence()])) as world:

        async def customer(text: str) -> None:
            async with world.generator.generate(prompt(text), LONG) as stream:
                async for _ in stream:
                    pass

        async def gone() -> None:
            async with world.generator.generate(prompt("gone"), LONG) as stream:
                await anext(stream)
                raise ConnectionResetError

        task = asyncio.create_task(customer("cancelled"))
        await world.seen.until(lambda seen: seen.under_way == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(ConnectionResetError):
            await gone()
        await world.seen.until(lambda seen: seen.cancelled == {"cancelled": 1, "gone": 1})


async def test_what_nobody_reads_ends_by_its_budget(opened: Opened) -> None:
    """A stream that was forgotten holds no model for ever."""
    async with opened(always([Say("a"), Silence()])) as world:
        assert (await world.generator.ready(60.0)).ready
        forgotten = world.generator.generate(prompt(), Budget(60.0, SHORT, 60.0))
        await world.seen.until(lambda seen: seen.cancelled["hello"] == 1)
        assert [type(item) async for item in forgotten] == [Delta, Finish]


async def test_a_slow_reader_costs_the_model_nothing(opened: Opened) -> None:
    """The times are the model's: the reader comes when all is over, and still nothing had run out."""
    async with opened(always([Say("a"), Say("b")])) as world, world.generator.generate(prompt(), LONG) as stream:
        await world.seen.until(lambda seen: seen.asked == ["hello"] and seen.under_way == 0)
        assert [type(item) async for item in stream] == [Delta, Delta, Finish]


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (Fail("CUDA out of memory"), "failed"),
        (Die(), "away"),
        (Cut(), "failed"),
        (Misshape("two texts"), "malformed"),
        (Misshape("a number"), "malformed"),
        (Misshape("no text"), "malformed"),
        (Misshape("garbage"), "malformed"),
    ],
)
async def test_a_fault_is_a_value(opened: Opened, step: Step, fault: str) -> None:
    """At the beginning or after some text, which is kept; the error's own text ("N/A") is never a customer's."""
    gate = asyncio.Event()
    async with opened(lambda text: [step] if text == "at once" else [Say("a"), Wait(gate), step]) as world:
        text, finish = await answered(world.generator, text="at once")
        assert (text, finish.reason, finish.fault, finish.first_seconds) == ("", "error", fault, None)
        assert finish.detail
        async with world.generator.generate(prompt(), LONG) as stream:
            assert await anext(stream) == Delta("a", 1)
            gate.set()
            finish_ = await anext(stream)
            assert isinstance(finish_, Finish)
            assert (finish_.reason, finish_.fault, finish_.tokens) == ("error", fault, 1)
            assert finish_.fingerprint.startswith(world.generator.name + "@")


async def test_a_fault_is_over_when_the_next_turn_comes(opened: Opened) -> None:
    """Nothing of it stays in the client."""
    steps: list[list[Step]] = [[Die()], [Fail("no")], [Misshape("garbage")], [Cut()], [Say("ok")]]
    async with opened(lambda text: steps[int(text)]) as world:
        finishes = [(await answered(world.generator, text=str(n)))[1] for n in range(5)]
        assert [f.reason for f in finishes] == ["error"] * 4 + ["stop"]
        assert world.generator.fingerprint == finishes[-1].fingerprint
