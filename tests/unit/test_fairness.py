"""The queue before a pool: who is next, who is shed, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import count

import pytest

from streams.generation.admission import Admission, Caps
from streams.generation.admission import Lane as LaneName
from streams.generation.fairness import Bounds, FairQueue, Shed, Taken
from streams.generation.lane import Turn
from streams.generation.speed import Turnover

CAPS = Caps(everything=10_000, tenant=10_000, turns=100, replay=2_000)
BOUNDS = Bounds(everything=100_000, tenant=50_000, wait=1000.0, quantum=500)
IDS = count()


def _queue(caps: Caps = CAPS, bounds: Bounds = BOUNDS) -> FairQueue:
    return FairQueue(bounds, Admission(caps), Turnover(cost=500, most=500, seconds=0.01))


def _turn(
    tenant: str = "shop", cost: int = 100, rank: int = 0, lane: LaneName = "live", session: str = "", by: float = 900.0
) -> Turn:
    name = f"turn-{next(IDS)}"
    return Turn(name, tenant, session or name, cost, cost, by, rank, lane)


def _offer(queue: FairQueue, *turns: Turn, now: float = 0.0) -> list[Shed]:
    return [shed for turn in turns for shed in queue.offer(turn, now)]


def _take(queue: FairQueue, now: float = 0.0) -> Taken:
    taken, shed = queue.take(now)
    assert taken is not None
    assert shed == []
    return taken


def _one_by_one(queue: FairQueue, turns: int) -> list[Turn]:
    served = []
    for _ in range(turns):
        with (taken := _take(queue)).reservation:
            served.append(taken.turn)
    return served


def test_tenants_are_served_by_tokens_and_weight() -> None:
    """Of three with long queues, one with turns of double the cost and one of double the weight, each has its due."""
    queue = _queue(bounds=replace(BOUNDS, weights={"heavy": 2.0}))
    for _ in range(60):
        _offer(queue, _turn("one", 100), _turn("long", 200), _turn("heavy", 100))
    tokens = Counter[str]()
    for turn in _one_by_one(queue, 80):
        tokens[turn.tenant] += turn.cost
    assert tokens["heavy"] / 2 == pytest.approx(tokens["one"], abs=600)
    assert tokens["long"] == pytest.approx(tokens["one"], abs=600)


def test_who_sends_little_goes_before_who_sends_much() -> None:
    """A turn of a tenant with nothing waiting is next, however many another has waiting."""
    queue = _queue()
    _offer(queue, *(_turn("much") for _ in range(100)))
    _one_by_one(queue, 20)
    _offer(queue, little := _turn("little"))
    assert _take(queue).turn == little


def test_many_who_send_little_do_not_keep_out_who_sends_much() -> None:
    """The ring is served at least once in a few quanta."""
    queue = _queue()
    _offer(queue, *(_turn("much") for _ in range(50)))
    _one_by_one(queue, 6)
    for i in range(60):
        _offer(queue, _turn(f"little-{i}"))
    assert "much" in {turn.tenant for turn in _one_by_one(queue, 45)}


def test_what_was_really_used_is_charged() -> None:
    """A tenant whose turns use more than expected is served fewer of them."""
    queue = _queue()
    for _ in range(100):
        _offer(queue, _turn("more"), _turn("as-said"))
    tokens = Counter[str]()
    for _ in range(80):
        taken = _take(queue)
        used = 300 if taken.turn.tenant == "more" else 100
        tokens[taken.turn.tenant] += used
        taken.reservation.settle(used)
    assert tokens["more"] == pytest.approx(tokens["as-said"], abs=1200)


def test_turns_of_a_session_come_one_after_the_other() -> None:
    """The next is not begun before the one before it is over; other sessions are not held up."""
    queue = _queue()
    first, second, other = _turn(session="a"), _turn(session="a"), _turn(session="b")
    _offer(queue, first, second, other)
    running = _take(queue)
    assert running.turn == first
    assert _take(queue).turn == other
    assert queue.take(0.0) == (None, [])
    running.reservation.settle(100)
    assert _take(queue).turn == second


def test_a_session_keeps_its_class() -> None:
    """A turn that is ranked higher than the one before it does not overtake it."""
    queue = _queue()
    low, high = _turn(session="a", rank=2), _turn(session="a", rank=0)
    _offer(queue, low, high)
    assert _one_by_one(queue, 2) == [low, high]


def test_a_higher_class_is_served_first() -> None:
    """Within a tenant; between tenants a class means nothing."""
    queue = _queue()
    low, high, other = _turn(rank=2), _turn(rank=0), _turn("bank", rank=3)
    _offer(queue, low, high, other)
    assert _one_by_one(queue, 3) == [high, low, other]


def test_live_comes_before_replay() -> None:
    """A replay's turn is taken when no live one waits."""
    queue = _queue()
    replayed, live = _turn(lane="replay"), _turn("bank")
    _offer(queue, replayed, live)
    assert _one_by_one(queue, 2) == [live, replayed]


def test_replays_have_their_share_if_one_is_set() -> None:
    """A tenth of the tokens, even while live turns wait without end."""
    queue = _queue(bounds=replace(BOUNDS, replay_share=0.1))
    _offer(queue, *(_turn() for _ in range(200)), *(_turn(lane="replay") for _ in range(50)))
    served = Counter(turn.lane for turn in _one_by_one(queue, 150))
    assert served["replay"] == pytest.approx(15, abs=5)


def test_replays_have_caps_of_their_own() -> None:
    """A replay fills its part of the pool and no more; the tenant's live turns have all they had."""
    queue = _queue(caps=replace(CAPS, tenant=2_000, everything=4_000))
    _offer(queue, *(_turn("shop", 1000, lane="replay") for _ in range(5)))
    held = [_take(queue), _take(queue)]
    assert queue.take(0.0) == (None, [])
    _offer(queue, live := _turn("shop", 2000))
    assert _take(queue).turn == live
    assert len(held) == 2


def test_a_tenant_at_its_cap_holds_up_nobody() -> None:
    """Others pass it, and it goes on as soon as it has room."""
    queue = _queue(caps=replace(CAPS, tenant=250))
    _offer(queue, *(_turn("shop") for _ in range(3)), other := _turn("bank"))
    running = [_take(queue), _take(queue)]
    assert _take(queue).turn == other
    assert queue.take(0.0) == (None, [])
    running[0].reservation.settle(100)
    assert _take(queue).turn.tenant == "shop"


def test_a_tenant_at_its_cap_is_tried_again_when_another_turn_of_it_is_next() -> None:
    """The one that did not fit may leave, or a smaller one of a higher class may come."""
    queue = _queue(caps=replace(CAPS, tenant=250))
    _offer(queue, _turn(cost=200, rank=1), large := _turn(cost=200, rank=1), small := _turn(cost=50, rank=1))
    running = _take(queue)
    assert queue.take(0.0) == (None, [])
    _offer(queue, higher := _turn(cost=20))
    assert _take(queue).turn == higher
    assert queue.take(0.0) == (None, [])
    queue.withdraw(large.turn_id)
    assert _take(queue).turn == small
    assert running.turn.cost == 200


def test_a_replay_does_not_pass_a_live_turn_that_waits_for_room() -> None:
    """Small turns of a replay would keep a large live one out for ever."""
    queue = _queue(caps=replace(CAPS, everything=1000, tenant=1000, replay=500))
    _offer(queue, _turn("one", 600), large := _turn("two", 900), _turn("two", 10, lane="replay"))
    running = _take(queue)
    assert queue.take(0.0) == (None, [])
    running.reservation.settle(600)
    assert _take(queue).turn == large


def test_a_clock_that_was_set_back_loses_nobody() -> None:
    """What is late by the clock as it goes on is shed then."""
    queue = _queue()
    queue.expire(100.0)
    _offer(queue, turn := _turn(by=50.0), now=40.0)
    assert queue.expire(45.0) == []
    assert [s.turn.turn_id for s in queue.expire(120.0)] == [turn.turn_id]


def test_a_large_turn_is_not_overtaken_for_ever() -> None:
    """When the next turn does not fit into the pool, smaller ones wait until it does."""
    queue = _queue(caps=replace(CAPS, everything=1000, tenant=1000))
    _offer(queue, _turn("one", 600), large := _turn("two", 900), _turn("three", 10))
    running = _take(queue)
    assert queue.take(0.0) == (None, [])
    running.reservation.settle(600)
    assert _take(queue).turn == large


def test_a_turn_that_can_never_be_let_in_is_refused_at_once() -> None:
    """By its tenant's cap, or by what replays may have."""
    queue = _queue(caps=replace(CAPS, of={"shop": 500}))
    assert [s.reason for s in _offer(queue, _turn(cost=501), _turn("bank", 2001, lane="replay"))] == ["too_long"] * 2


def test_a_turn_that_comes_too_late_is_refused() -> None:
    """It could not begin in time even now."""
    assert [s.reason for s in _offer(_queue(), _turn(by=5.0), now=5.0)] == ["too_late"]


def test_a_turn_that_would_wait_too_long_is_refused_at_once() -> None:
    """Behind its own tenant's turns it is the tenant's share; behind others' it is the queue."""
    queue = FairQueue(BOUNDS, Admission(replace(CAPS, turns=1)), Turnover(cost=100, most=100, seconds=1.0))
    _offer(queue, *(_turn("much") for _ in range(10)))
    _one_by_one(queue, 0)
    running = _take(queue)
    assert [s.reason for s in _offer(queue, _turn("much", by=8.0))] == ["tenant_share"]
    assert [s.reason for s in _offer(queue, _turn("little", by=1.0))] == ["queue"]
    assert _offer(queue, _turn("little", by=8.0)) == []
    running.reservation.settle(100)


def test_what_waited_too_long_is_shed_without_being_asked_for() -> None:
    """It is found while nothing else happens, and never taken; a wait has a bound of its own, too."""
    queue = _queue(bounds=replace(BOUNDS, wait=50.0))
    soon, bounded = _turn(by=5.0), _turn(by=500.0)
    _offer(queue, soon, bounded)
    assert queue.expire(4.9) == []
    assert [(s.turn.turn_id, s.reason) for s in queue.expire(5.0)] == [(soon.turn_id, "waited_too_long")]
    taken, shed = queue.take(50.0)
    assert taken is None
    assert [s.turn.turn_id for s in shed] == [bounded.turn_id]
    assert queue.waiting == 0


def test_a_full_tenant_sheds_its_lowest_class_first_newest_first() -> None:
    """A higher class makes room for itself; an equal or lower one is refused."""
    queue = _queue(bounds=replace(BOUNDS, tenant=300))
    old, new, middle = _turn(rank=2), _turn(rank=2), _turn(rank=1)
    _offer(queue, old, new, middle)
    assert [s.reason for s in _offer(queue, _turn(rank=2))] == ["tenant_queue_full"]
    assert [(s.turn.turn_id, s.reason) for s in _offer(queue, _turn(rank=1))] == [(new.turn_id, "made_room")]
    assert [s.turn.turn_id for s in _offer(queue, _turn(rank=0))] == [old.turn_id]
    assert [s.turn.rank for s in _offer(queue, _turn(rank=0))] == [1]
    assert queue.waiting_tokens() == 300


def test_one_who_sends_much_leaves_room_for_others() -> None:
    """A tenant fills half of the queue at most; then another still finds room."""
    queue = _queue(bounds=replace(BOUNDS, everything=2000, tenant=2000))
    reasons = Counter(s.reason for s in _offer(queue, *(_turn("much") for _ in range(50))))
    assert (queue.waiting_tokens(), reasons) == (1000, {"queue_full": 40})
    assert _offer(queue, _turn("little")) == []


def test_a_customer_who_leaves_takes_the_turn_out() -> None:
    """Its place is given on; leaving twice does nothing."""
    queue = _queue()
    first, second = _turn(session="a"), _turn(session="a")
    _offer(queue, first, second)
    assert queue.withdraw(first.turn_id) == first
    assert queue.withdraw(first.turn_id) is None
    assert _take(queue).turn == second


def test_a_turn_is_offered_once() -> None:
    """While it waits or runs, offering it again is an error of the caller's."""
    queue = _queue()
    turn = _turn()
    _offer(queue, turn)
    with pytest.raises(ValueError, match=turn.turn_id):
        queue.offer(turn, 0.0)
    taken = _take(queue)
    with pytest.raises(ValueError, match=turn.turn_id):
        queue.offer(turn, 0.0)
    taken.reservation.close()
    assert queue.offer(turn, 0.0) == []


def test_a_tenant_within_its_share_is_not_pressed() -> None:
    """However full the pool is of another's turns."""
    queue = _queue(caps=replace(CAPS, everything=1000, tenant=1000))
    _offer(queue, *(_turn("much") for _ in range(50)))
    running = [_take(queue) for _ in range(10)]
    assert queue.pressure(_turn("little")) == 0.0
    assert queue.pressure(_turn("much")) == pytest.approx(5.0)
    assert len(running) == 10


@pytest.mark.parametrize(
    ("field", "value"),
    [("everything", 0), ("tenant", 0), ("wait", 0), ("quantum", 0), ("weights", {"a": 0.0}), ("replay_share", 1.0)],
)
def test_a_bound_out_of_range_is_refused(field: str, value: object) -> None:
    """The message names the field."""
    with pytest.raises(ValueError, match=field):
        Bounds(**{"everything": 1, "tenant": 1, "wait": 1.0, field: value})  # type: ignore[arg-type]
