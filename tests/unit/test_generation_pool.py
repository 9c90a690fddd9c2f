"""The pool of turns being generated: order within a session, offsets that are unfinished, and what is called off."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.generation.admission import Admission, Caps
from streams.generation.fairness import Bounds, FairQueue
from streams.generation.lane import Turn
from streams.generation.pool import Ended, Generating, Job
from streams.generation.speed import Turnover


class Model:
    """Work that ends when the test says so. `item` is the turn's id; the result is as long as it."""

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.now = 0.0
        self.most = 0
        self._at_once = 0

    async def __call__(self, item: str) -> str:
        self.begun.append(item)
        self._at_once += 1
        self.most = max(self.most, self._at_once)
        try:
            await self.gates[item].wait()
        except asyncio.CancelledError:
            self.cancelled.append(item)
            raise
        finally:
            self._at_once -= 1
        if item.startswith("bug"):
            raise ZeroDivisionError(item)
        return item.upper()


def pool_of(model: Model, turns: int = 4, wait: float = 60.0, room: int = 1_000_000) -> Generating[str, str]:
    """A pool where so many run at once and a turn waits for so long."""
    bounds = Bounds(everything=room, tenant=room, wait=wait)
    queue = FairQueue(
        bounds, Admission(Caps(1_000_000, 1_000_000, turns, 1_000_000)), Turnover(cost=1, most=1, seconds=0.001)
    )
    pool = Generating(queue, model, len, lambda: model.now)
    pool.open(0, 0)
    return pool


def job(offset: int, session: str, turn_id: str = "", partition: int = 0) -> Job[str]:
    """A job of the turn of that id; the offset's, where none is given."""
    turn_id = turn_id or f"t{offset}"
    return Job(partition, offset, Turn(turn_id, "tenant", session, 10, 10, 1e9), turn_id)


async def settled() -> None:
    """Until everything that can go on has."""
    for _ in range(20):
        await asyncio.sleep(0)


def told(ended: list[Ended[str, str]]) -> list[str]:
    """The turns of what ended, with why there is no result."""
    return [e.job.item + (f" {e.why_not}" if e.why_not else "") for e in ended]


async def test_sessions_run_side_by_side_and_turns_one_after_another() -> None:
    """What is ready first is told first, and a session's second turn begins when its first is over."""
    model = Model()
    pool = pool_of(model)
    for offset, session in enumerate(["a", "a", "b"]):
        assert pool.add(job(offset, session))
    await settled()
    assert model.begun == ["t0", "t2"]
    model.gates["t2"].set()
    assert await pool.ended() == [Ended(job(2, "b"), "T2", None)]
    model.gates["t1"].set()
    await settled()
    assert pool.poll() == []
    model.gates["t0"].set()
    await settled()
    assert told(await pool.ended()) == ["t0", "t1"]
    assert pool.running == 0


async def test_only_so_many_run_at_once() -> None:
    """The queue's caps hold; the rest waits, and all have their turn."""
    model = Model()
    pool = pool_of(model, turns=3)
    for offset in range(20):
        pool.add(job(offset, f"s{offset}"))
    await settled()
    assert (pool.running, len(model.begun)) == (3, 3)
    for offset in range(20):
        model.gates[f"t{offset}"].set()
    ended = list[Ended[str, str]]()
    while len(ended) < 20:
        ended += await pool.ended()
    assert model.most == 3
    assert {e.result for e in ended} == {f"T{n}" for n in range(20)}


async def test_the_oldest_unfinished_holds_the_offset() -> None:
    """Ended is not enough: its reply must be delivered; what needs no generating holds nothing."""
    model = Model()
    pool = pool_of(model)
    assert pool.safe(0) == 0
    pool.add(job(0, "a"))
    pool.skip(0, 1)
    pool.add(job(2, "b"))
    for name in ("t0", "t2"):
        model.gates[name].set()
    await settled()
    first, second = await pool.ended()
    assert (pool.safe(0), pool.unsettled) == (0, 2)
    pool.settle(second.job)
    assert pool.safe(0) == 0
    pool.settle(first.job)
    assert (pool.safe(0), pool.unsettled) == (3, 0)
    pool.settle(first.job)
    assert pool.safe(0) == 3


async def test_a_repeat_is_passed_over() -> None:
    """Until its turn is settled; the offset is held by the first."""
    model = Model()
    pool = pool_of(model)
    assert pool.add(job(0, "a", "t"))
    assert not pool.add(job(1, "a", "t"))
    model.gates["t"].set()
    (ended,) = await pool.ended()
    assert not pool.add(job(2, "a", "t"))
    assert pool.safe(0) == 0
    pool.settle(ended.job)
    assert pool.safe(0) == 3
    assert model.begun == ["t"]


async def test_what_waits_too_long_ends_without_a_result() -> None:
    """With the queue's reason, in its session's order."""
    model = Model()
    pool = pool_of(model, turns=1, wait=5.0)
    pool.add(job(0, "a"))
    pool.add(job(1, "b"))
    pool.add(job(2, "a"))
    model.now = 6.0
    pool.tick()
    assert told(await pool.ended()) == ["t1 waited_too_long"]
    model.gates["t0"].set()
    assert told(await pool.ended()) == ["t0", "t2 waited_too_long"]


async def test_what_has_no_room_ends_at_once() -> None:
    """Nothing is dropped silently, and its offset is held until its reply is delivered."""
    model = Model()
    pool = pool_of(model, turns=1, room=15)
    for offset in range(3):
        pool.add(job(offset, f"s{offset}"))
    (ended,) = await pool.ended()
    assert (ended.job.item, ended.result) == ("t2", None)
    assert ended.why_not is not None
    pool.settle(ended.job)
    assert pool.safe(0) == 0


async def test_a_customer_who_leaves_is_not_waited_for() -> None:
    """Whether the turn runs or waits; unknown ones are ignored, and the place is free for another."""
    model = Model()
    pool = pool_of(model, turns=1)
    pool.add(job(0, "a"))
    pool.add(job(1, "b"))
    pool.add(job(2, "c"))
    await settled()
    pool.cancel("t1")
    assert told(await pool.ended()) == ["t1 cancelled"]
    pool.cancel("t0")
    pool.cancel("nobody")
    assert told(await pool.ended()) == ["t0 cancelled"]
    await settled()
    assert (model.begun, model.cancelled) == (["t0", "t2"], ["t0"])


async def test_a_turn_called_off_before_it_ran_frees_its_place() -> None:
    """The task never began, and nothing stays reserved for it."""
    model = Model()
    pool = pool_of(model, turns=1)
    pool.add(job(0, "a"))
    pool.cancel("t0")
    pool.add(job(1, "a"))
    await settled()
    assert told(pool.poll()) == ["t0 cancelled"]
    assert model.begun == ["t1"]


async def test_a_partition_that_is_taken_away_reports_nothing() -> None:
    """Its work is called off, others go on; given back, it begins where it is read from, with the same turns."""
    model = Model()
    pool = pool_of(model)
    pool.open(1, 50)
    model.gates["t9"].set()
    done = job(9, "x")
    for each in (done, job(10, "a"), job(11, "a"), job(50, "b", partition=1)):
        pool.add(each)
    await settled()
    await pool.close(0)
    assert (model.cancelled, pool.running, pool.unsettled) == (["t10"], 1, 1)
    pool.open(0, 9)
    assert pool.add(job(9, "x"))
    pool.settle(done)
    assert pool.safe(0) == 9
    assert told(await pool.ended()) == ["t9"]
    model.gates["t50"].set()
    assert told(await pool.ended()) == ["t50"]
    await pool.stop()
    assert pool.unsettled == 0


async def test_a_bug_is_raised() -> None:
    """It ends the worker; nothing after it is committed."""
    model = Model()
    pool = pool_of(model)
    pool.add(job(0, "a", "bug"))
    model.gates["bug"].set()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await pool.ended()
    assert pool.safe(0) == 0


STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "add", "open", "open", "take", "settle", "cancel", "wait"]), st.integers(0, 99)),
    max_size=60,
)


@given(STEPS, st.integers(1, 4))
def test_whatever_happens_order_and_offsets_hold(steps: list[tuple[str, int]], turns: int) -> None:
    """A session's turns end in their order, each once; no offset is passed before all below it are settled."""
    asyncio.run(_happens(steps, turns))


async def _happens(steps: list[tuple[str, int]], turns: int) -> None:
    model = Model()
    pool = pool_of(model, turns, wait=3.0)
    added, ended, unsettled = list[Job[str]](), list[Job[str]](), set[int]()

    def check() -> None:
        ended.extend(e.job for e in pool.poll())
        assert pool.safe(0) == min(unsettled, default=len(added))
        assert pool.running <= turns

    for what, which in steps:
        if what == "add":
            added.append(job(len(added), f"s{which % 5}"))
            unsettled.add(added[-1].offset)
            assert pool.add(added[-1])
        elif what == "wait":
            model.now += 1.0
            pool.tick()
        elif added and what == "open":
            model.gates[added[which % len(added)].item].set()
        elif added and what == "cancel":
            pool.cancel(added[which % len(added)].item)
        elif ended and what == "settle":
            one = ended[which % len(ended)]
            pool.settle(one)
            unsettled.discard(one.offset)
        await settled()
        check()
    for each in added:
        model.gates[each.item].set()
    while len(ended) < len(added):
        ended.extend(e.job for e in await pool.ended())
    assert sorted(j.offset for j in ended) == list(range(len(added)))
    for session in {j.turn.session for j in added}:
        offsets = [j.offset for j in ended if j.turn.session == session]
        assert offsets == sorted(offsets)
    for one in ended:
        pool.settle(one)
    assert (pool.safe(0), pool.unsettled, pool.running) == (len(added), 0, 0)
