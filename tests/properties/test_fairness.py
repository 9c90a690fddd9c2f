"""Whatever comes to the queue in whatever order, its promises hold."""

from __future__ import annotations

from collections import defaultdict
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.generation.admission import Admission, Caps
from streams.generation.admission import Lane as LaneName
from streams.generation.fairness import Bounds, FairQueue, Shed, Taken
from streams.generation.lane import Turn
from streams.generation.speed import Turnover

QUANTUM, LARGEST, OVERRUN = 50, 120, 40
WEIGHTS = {"t0": 2.0, "t1": 0.5}
CAPS = Caps(everything=500, tenant=300, turns=6, replay=200, of={"t2": 160})
BOUNDS = Bounds(everything=1500, tenant=600, wait=20.0, quantum=QUANTUM, weights=WEIGHTS)
TENANTS = st.sampled_from([f"t{i}" for i in range(5)])
LANES: st.SearchStrategy[LaneName] = st.sampled_from(["live", "live", "replay"])
OFFER = st.tuples(
    st.just("offer"), TENANTS, st.integers(0, 3), st.integers(1, LARGEST), st.integers(0, 4), st.integers(1, 30), LANES
)
ACTS = st.lists(
    st.one_of(
        OFFER,
        OFFER,
        st.just(("take",)),
        st.just(("take",)),
        st.tuples(st.just("end"), st.integers(0, 5), st.integers(0, LARGEST)),
        st.tuples(st.just("lose"), st.integers(0, 5)),
        st.tuples(st.just("leave"), st.integers(0, 20)),
        st.tuples(st.just("pass"), st.floats(-1.0, 6.0)),
    ),
    max_size=120,
)


class _Audit:
    """Drives a queue and keeps its own account of every turn."""

    def __init__(self) -> None:
        self.admission = Admission(CAPS)
        self.queue = FairQueue(BOUNDS, self.admission, Turnover(cost=60, most=100, seconds=0.1))
        self.now = 0.0
        self.waiting: dict[str, Turn] = {}
        self.running: dict[str, Taken] = {}
        self.over: set[str] = set()
        self.offered: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        self.begun: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        self.ids = count()

    def act(self, what: tuple[object, ...]) -> None:
        getattr(self, f"_{what[0]}")(*what[1:])
        self.check()

    def _offer(self, tenant: str, session: int, cost: int, rank: int, room: int, lane: LaneName) -> None:
        name = f"turn-{next(self.ids)}"
        turn = Turn(name, tenant, f"s{session}", cost, cost + OVERRUN, self.now + room, rank, lane)
        self.waiting[name] = turn
        self.offered[lane, tenant, turn.session].append(name)
        self.shed(self.queue.offer(turn, self.now))

    def _take(self) -> Turn | None:
        taken, shed = self.queue.take(self.now)
        self.shed(shed)
        if taken is None:
            self.nothing_could_be_taken()
            return None
        turn = self.waiting.pop(taken.turn.turn_id)
        assert turn.start_by > self.now
        assert all(r.turn.session != turn.session for r in self.running.values() if _line(r.turn) == _line(turn))
        self.running[turn.turn_id] = taken
        self.begun[turn.lane, turn.tenant, turn.session].append(turn.turn_id)
        return turn

    def _end(self, which: int, used: int) -> None:
        if self.running:
            taken = self.running.pop(list(self.running)[which % len(self.running)])
            taken.reservation.settle(min(used, taken.turn.most))
            self.over.add(taken.turn.turn_id)

    def _lose(self, which: int) -> None:
        if self.running:
            name = list(self.running)[which % len(self.running)]
            del self.running[name]
            self.over.add(name)
            self.admission.collect()

    def _leave(self, which: int) -> None:
        if self.waiting:
            name = list(self.waiting)[which % len(self.waiting)]
            assert self.queue.withdraw(name) is not None
            del self.waiting[name]
            self.over.add(name)

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        self.shed(self.queue.expire(self.now))

    def shed(self, shed: list[Shed]) -> None:
        for turn, _ in shed:
            del self.waiting[turn.turn_id]
            self.over.add(turn.turn_id)

    def check(self) -> None:
        """Caps, bounds, credit, memory, and that no turn is lost or doubled."""
        held = [t.turn for t in self.running.values()]
        assert self.admission.tokens == sum(t.most for t in held) <= CAPS.everything
        assert self.admission.turns == len(held) <= CAPS.turns
        assert sum(t.most for t in held if t.lane == "replay") <= CAPS.replay
        for tenant in {t.tenant for t in held}:
            mine = sum(t.most for t in held if _line(t) == ("live", tenant))
            assert self.admission.of(tenant) == mine <= CAPS.of.get(tenant, CAPS.tenant)
        assert self.queue.waiting == len(self.waiting)
        for name, lane in self.queue._lanes.items():
            assert lane.tokens == sum(t.cost for t in self.waiting.values() if t.lane == name) <= BOUNDS.everything
            known = {t.tenant for t in [*held, *self.waiting.values()] if t.lane == name}
            credits = dict(lane.credits())
            assert credits.keys() == known
            for tenant, credit in credits.items():
                assert lane.of(tenant) <= BOUNDS.tenant
                assert -LARGEST - CAPS.turns * OVERRUN <= credit <= QUANTUM * WEIGHTS.get(tenant, 1.0)
        assert not (self.waiting.keys() | self.running.keys()) & self.over
        assert len(self.waiting) + len(self.running) + len(self.over) == sum(map(len, self.offered.values()))

    def nothing_could_be_taken(self) -> None:
        """Work is conserved: nothing waits, or its session runs, or some of what waits does not fit."""
        busy = {(*_line(r.turn), r.turn.session) for r in self.running.values()}
        free = [t for t in self.waiting.values() if (*_line(t), t.session) not in busy]
        assert not free or any(self.admission.full(t.tenant, t.lane, t.most) for t in free)
        assert self.running or not self.waiting


def _line(turn: Turn) -> tuple[str, str]:
    return turn.lane, turn.tenant


@settings(deadline=None, max_examples=300)
@given(ACTS)
def test_the_queue_keeps_its_promises(acts: list[tuple[object, ...]]) -> None:
    """Caps, bounds, credits and memory; work conserved; each turn once; sessions in order; nothing left at the end."""
    audit = _Audit()
    for what in acts:
        audit.act(what)
    while audit.waiting or audit.running:
        while audit._take() is not None:
            audit.check()
        audit.act(("end", 0, 10))
    for session, begun in audit.begun.items():
        assert begun == [name for name in audit.offered[session] if name in set(begun)]
    assert (audit.admission.tokens, audit.admission.turns, audit.admission._of) == (0, 0, {})
    assert audit.queue._expiry._at == {}
    for lane in audit.queue._lanes.values():
        assert (lane.tokens, lane._tenants, len(lane._ring), len(lane._before)) == (0, {}, 0, 0)
        assert lane._weight < 1e-9


COSTS = st.dictionaries(
    st.sampled_from([f"t{i}" for i in range(6)]),
    st.lists(st.integers(1, LARGEST), min_size=1, max_size=6),
    min_size=2,
)


@settings(deadline=None, max_examples=50)
@given(COSTS, st.integers(1, 5))
def test_backlogged_tenants_stay_within_a_round_of_each_other(costs: dict[str, list[int]], slots: int) -> None:
    """Of tenants that always have turns waiting, none is ever ahead of another, by weight, by more than some quanta."""
    lane_caps = Caps(everything=10**6, tenant=10**6, turns=slots, replay=1)
    bounds = Bounds(everything=10**6, tenant=10**6, wait=1e6, quantum=QUANTUM, weights=WEIGHTS)
    queue = FairQueue(bounds, Admission(lane_caps), Turnover(cost=60, most=60, seconds=1e-6))
    ids, running, served = count(), list[Taken](), defaultdict[str, float](float)
    for i in range(40):
        for tenant, each in costs.items():
            name = f"turn-{next(ids)}"
            queue.offer(Turn(name, tenant, name, c := each[i % len(each)], c, 1e6), 0.0)
    left = dict.fromkeys(costs, 40)
    while min(left.values()) > slots:
        taken, _ = queue.take(0.0)
        if taken is None:
            running.pop(0).reservation.close()
            continue
        running.append(taken)
        tenant = taken.turn.tenant
        left[tenant] -= 1
        served[tenant] += taken.turn.cost / WEIGHTS.get(tenant, 1.0)
        spread = max(served[t] for t in costs) - min(served[t] for t in costs)
        assert spread <= 2 * QUANTUM + 2 * LARGEST / min(WEIGHTS.values()) + 1e-9


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 8), st.lists(st.integers(1, LARGEST), min_size=1, max_size=8), st.booleans())
def test_no_tenant_is_starved(others: int, costs: list[int], drip: bool) -> None:
    """Between two turns of a tenant that has some waiting, the others get no more than some rounds' worth.

    Also when the others never queue up but come one by one, each time before the ring.
    """
    caps = Caps(everything=10**6, tenant=10**6, turns=1, replay=1)
    bounds = Bounds(everything=10**6, tenant=10**5, wait=1e6, quantum=QUANTUM)
    queue = FairQueue(bounds, Admission(caps), Turnover(cost=60, most=60, seconds=1e-6))
    ids = count()

    def offer(tenant: str, cost: int) -> None:
        name = f"turn-{next(ids)}"
        assert queue.offer(Turn(name, tenant, name, cost, cost, 1e6), 0.0) == []

    for _ in range(10):
        offer("mine", LARGEST)
        for i in range(0 if drip else others):
            offer(f"other-{i}", costs[i % len(costs)])
    between, longest, mine = 0, 0, 0
    for i in range(100):
        if drip:
            for j in range(others):
                offer(f"drip-{i}-{j}", costs[j % len(costs)])
        taken, _ = queue.take(0.0)
        if taken is None or mine == 10:
            break
        between = 0 if taken.turn.tenant == "mine" else between + taken.turn.cost
        mine += taken.turn.tenant == "mine"
        longest = max(longest, between)
        taken.reservation.close()
    rounds = LARGEST // QUANTUM + 2
    assert mine >= 1
    assert longest <= rounds * max(others * (QUANTUM + LARGEST), 8 * QUANTUM + LARGEST)
