"""A burst, a crowd and a slow pool in simulated time: who is served, and when."""

from __future__ import annotations

from dataclasses import replace

from streams.generation.simulation import simulate
from streams.generation.simulation_figures import BURST, CROWD, SLOW, USUAL, figures, jain, recovery, runs, service

SEEDS = range(2)


def test_a_run_is_repeatable() -> None:
    """The same setting and seed give the same turns, to the last digit."""
    short = replace(BURST, seconds=40.0, begins=10.0, ends=30.0)
    assert simulate(short, 7) == simulate(short, 7)


def test_a_burst_of_one_leaves_the_others_in_peace() -> None:
    """Ten times the turns of one tenant for a minute: the others' p99 stays within a fifth, and they are generated."""
    usual, burst = figures(runs(USUAL, SEEDS)), figures(runs(BURST, SEEDS))
    assert burst.p99 <= 1.2 * usual.p99
    assert burst.generated >= 0.99
    assert burst.in_time >= 0.999
    line = figures(runs(replace(BURST, shared=False), SEEDS))
    assert line.p99 > 1.2 * usual.p99


def test_a_crowd_is_served_by_weight() -> None:
    """When everybody has more than the pool can do, tokens by weight are equal: Jain's index is 0.95 or more."""
    weights = {flow.tenant: flow.weight for flow in CROWD.flows}
    served = service(runs(CROWD, [0]), weights)
    assert jain(list(served.values())) >= 0.95


def test_a_slow_pool_makes_no_turn_late() -> None:
    """Ten times slower for a minute: the rest steps down, in time."""
    found = figures(runs(SLOW, SEEDS))
    assert found.in_time >= 0.999


def test_a_pool_that_is_well_again_is_used_again() -> None:
    """Within 30 seconds of the slow minute it makes what it made before, though it was asked for nothing meanwhile."""
    within = recovery([0])
    assert within is not None
    assert within <= 30.0


def test_jains_index() -> None:
    """One for equals; the share of those served, if only some are."""
    assert jain([3.0, 3.0, 3.0]) == 1.0
    assert jain([1.0, 0.0, 0.0, 0.0]) == 0.25
    assert jain([0.0, 0.0]) == 0.0
