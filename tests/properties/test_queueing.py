"""The queueing model: what must hold of any installation, whatever its costs."""

from __future__ import annotations

from dataclasses import fields, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.benches.queueing import NEVER, Batching, Cores, Costs, Load, Model, Waits

RATES = st.floats(1, 20_000)
PARTITIONS = st.integers(1, 1000)
COSTS = st.builds(
    Costs,
    st.floats(0, 0.05),
    st.floats(1e-6, 1e-3),
    st.floats(0, 1e-3),
    st.floats(0, 1e-4),
    st.floats(0, 1e-5),
)
CORES = st.builds(Cores, st.integers(1, 64), st.floats(0.5, 1))
MODELS = st.builds(
    Model,
    st.fixed_dictionaries({"worker": COSTS, "kafka": COSTS, "analytics": COSTS}),
    CORES,
    st.builds(Batching, st.floats(10, 500), st.integers(100, 5000)),
    st.just({"worker": 1.0, "analytics": 1.0}),
    st.builds(Waits, st.floats(1, 100), st.floats(1, 200), st.floats(0.01, 50)),
)
SEARCH = settings(deadline=None, max_examples=60)
LOADS = st.builds(Load, RATES, PARTITIONS, st.integers(1, 16), st.booleans())


@SEARCH
@given(MODELS, LOADS, st.floats(1.0, 10.0))
def test_more_turns_never_need_less(model: Model, load: Load, times: float) -> None:
    """A higher rate uses no less of any part and makes no turn quicker."""
    more = replace(load, rate=load.rate * times)
    low, high = model.use(load), model.use(more)
    assert high.busy >= low.busy * (1 - 1e-9)
    assert all(high.cores[part] >= low.cores[part] * (1 - 1e-9) for part in low.cores)
    assert model.latency(more).p99_ms >= model.latency(load).p99_ms * (1 - 1e-9)


@SEARCH
@given(MODELS, LOADS, st.integers(0, 4), st.floats(1.0, 5.0))
def test_a_dearer_part_never_carries_more(model: Model, load: Load, which: int, times: float) -> None:
    """Where a cost of a part is higher, the highest rate is no higher."""
    costs = model.parts["worker"]
    name = [each.name for each in fields(costs)][which]
    dearer = replace(costs, **{name: getattr(costs, name) * times})
    changed = replace(model, parts={**model.parts, "worker": dearer})
    assert changed.highest(load, 500).rate <= model.highest(load, 500).rate * (1 + 1e-5)


@SEARCH
@given(MODELS, LOADS, st.integers(1, 8))
def test_more_cores_are_never_worse(model: Model, load: Load, more: int) -> None:
    """With cores added, no turn takes longer and the highest rate is no lower."""
    # A machine of one core has no pair of threads, so cores are added to two or more.
    two = replace(model, cores=replace(model.cores, count=model.cores.count + 1))
    grown = replace(two, cores=replace(two.cores, count=two.cores.count + more))
    assert grown.highest(load, 500).rate >= two.highest(load, 500).rate * (1 - 1e-5)
    assert grown.latency(load).p99_ms <= two.latency(load).p99_ms * (1 + 1e-9)


@SEARCH
@given(MODELS, LOADS)
def test_the_highest_rate_is_where_its_limit_begins(model: Model, load: Load) -> None:
    """Just below the highest rate every limit is kept; just above it the named one is not."""
    found = model.highest(load, 500)
    assert found.rate == min(found.by_limit.values())
    if 0 < found.rate < NEVER:
        below, above = (replace(load, rate=found.rate * share) for share in (0.999, 1.001))
        assert model.use(below).busy < 1
        assert model.latency(below).p99_ms < 500
        used = model.use(above)
        passed = {
            "cores": used.busy >= 1,
            "p99": model.latency(above).p99_ms >= 500,
            **{part: full >= 1 for part, full in used.processes.items()},
        }
        assert passed[found.limit]


@SEARCH
@given(CORES, st.floats(0, 1))
def test_what_is_busy_and_what_gets_done_agree(cores: Cores, busy: float) -> None:
    """Work done at a share of busy time is the work for which that share is busy."""
    work = cores.count * busy * cores.speed(busy)
    assert abs(cores.busy(work) - busy) < 1e-6 or work >= cores.capacity


@SEARCH
@given(PARTITIONS, st.integers(1, 64), RATES)
def test_the_fullest_worker_has_its_share_or_more(partitions: int, workers: int, rate: float) -> None:
    """Partitions are whole, so one worker has at least an even share, and never more than all."""
    load = Load(rate, partitions, workers)
    fullest = load.of_the_fullest_worker()
    assert rate / load.active * (1 - 1e-9) <= fullest.rate <= rate * (1 + 1e-9)
    assert fullest.partitions * load.active >= partitions
