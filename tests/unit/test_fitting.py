"""Fitting the queueing model: an installation with known costs is found again from its own figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.benches.fitting import Point, errors, fit, middle, worst
from infra.benches.queueing import Batching, Cores, Costs, Load, Model, Waits

TRUE = Model(
    {
        "worker": Costs(0.05, 300e-6, 1e-3, 5e-6, 1e-6),
        "kafka": Costs(0.02, 80e-6, 4e-4, 2e-5, 0.0),
        "analytics": Costs(0.01, 60e-6, 0.0, 0.0, 0.0),
    },
    Cores(2, 0.6),
    Batching(100.0),
    {"worker": 1.0, "analytics": 1.0},
    Waits(30.0, 60.0, 4.0),
)


def measured(model: Model, load: Load) -> Point:
    """What would be measured of it, without noise."""
    used, said = model.use(load), model.latency(load)
    return Point(load, used.cores, said.p50_ms, said.p99_ms, used.busy)


def test_a_known_installation_is_found_again() -> None:
    """From four rates at two numbers of partitions, rates and partitions that were not measured are foretold."""
    points = [measured(TRUE, Load(rate, n)) for rate in (0, 100, 300, 600, 900) for n in (10, 100)]
    model = fit(points, TRUE.cores, TRUE.single)
    for load in (Load(1200, 10), Load(450, 30), Load(800, 300)):
        said, meant = model.use(load), TRUE.use(load)
        assert said.busy == pytest.approx(meant.busy, rel=0.05)
        assert model.latency(load).p99_ms == pytest.approx(TRUE.latency(load).p99_ms, rel=0.1)
    assert model.highest(Load(0, 10), 500).rate == pytest.approx(TRUE.highest(Load(0, 10), 500).rate, rel=0.05)


def test_what_is_there_once_does_not_grow_with_the_workers() -> None:
    """Three workers at rest use three times what one does; the broker is still one."""
    one, three = (TRUE.use(Load(0.0, 12, workers)) for workers in (1, 3))
    speeds = TRUE.cores.speed(one.busy) / TRUE.cores.speed(three.busy)
    assert three.cores["worker"] > 2.9 * one.cores["worker"] * speeds
    assert TRUE.parts["kafka"].work(Load(0.0, 12, 3), TRUE.batching, once=True) == TRUE.parts["kafka"].idle
    found = fit([measured(TRUE, Load(rate, 12, n)) for rate in (0, 100, 300) for n in (1, 3)], TRUE.cores, TRUE.single)
    assert found.parts["kafka"].idle == pytest.approx(TRUE.parts["kafka"].idle, rel=0.3)


def test_two_rates_foretell_a_third() -> None:
    """At rest, twice and four times the load are enough to foretell eight times."""
    points = [measured(TRUE, Load(rate)) for rate in (0, 250, 500)]
    model = fit(points, TRUE.cores, TRUE.single)
    eight = Load(1000)
    assert sum(model.use(eight).cores.values()) == pytest.approx(sum(TRUE.use(eight).cores.values()), rel=0.2)
    assert model.latency(eight).p99_ms == pytest.approx(TRUE.latency(eight).p99_ms, rel=0.2)


def test_the_points_themselves_are_met() -> None:
    """The error against the points it was fitted to is next to none where the form is right."""
    points = [measured(TRUE, Load(rate, n)) for rate in (100, 300, 600, 900) for n in (10, 100)]
    found = errors(fit(points, TRUE.cores, TRUE.single), points)
    assert worst(found, "cores") == pytest.approx(0, abs=0.02)
    assert middle(found, "p99_ms") == pytest.approx(0, abs=0.02)
    assert worst(found, "no such figure") is None


def test_drained_backlogs_are_held_against_the_highest_rate() -> None:
    """A backlog is drained as fast as the fullest limit lets it; so its rate is foretold as the highest."""
    drained = []
    for workers in (1, 2):
        load = Load(0, 12, workers, backlog=True)
        load = replace(load, rate=TRUE.highest(load).rate * 0.999)
        drained.append(replace(measured(TRUE, load), p50_ms=None, p99_ms=None))
    model = fit(drained, TRUE.cores, TRUE.single)
    assert worst(errors(model, drained), "rate") == pytest.approx(0, abs=0.1)
    with pytest.raises(ValueError, match="without latencies"):
        model.latency(Load(10))


def test_what_was_not_held_says_nothing_of_latency() -> None:
    """A point at which the queue grew without end is left out of the latencies, and its cost is kept."""
    points = [measured(TRUE, Load(rate)) for rate in (100, 300, 600)]
    late = Point(Load(1300), TRUE.use(Load(1300)).cores, 9_000.0, 20_000.0, 1.0, held=False)
    model, without = (fit([*points, *more], TRUE.cores, TRUE.single) for more in ((late,), ()))
    assert model.waits is not None
    assert without.waits is not None
    assert model.waits.p99_ms == pytest.approx(without.waits.p99_ms, rel=0.2)


def test_one_rate_tells_the_cost_of_a_turn_alone() -> None:
    """With a single point nothing is ascribed to being there, to batches or to partitions."""
    costs = fit([measured(TRUE, Load(500))], TRUE.cores, TRUE.single).parts["worker"]
    assert costs.per_turn > 0
    assert replace(costs, per_turn=0.0) == Costs()


def test_nothing_under_load_is_refused() -> None:
    """A machine at rest says nothing of what a turn costs."""
    with pytest.raises(ValueError, match="nothing to fit"):
        fit([Point(Load(0), {"worker": 0.1})], Cores(2), {})
