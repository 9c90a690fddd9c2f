"""Pairs of turns are compared by session, and what is not a difference is not taken for one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from infra.comparing.compare import evaluate
from infra.comparing.correction import corrected
from infra.comparing.metrics import METRICS
from infra.comparing.paired import cells_of, effects_of
from infra.comparing.population import played, simulated
from infra.comparing.result import Effect
from infra.comparing.table import Numbers, Pairs, Turns
from infra.comparing.values import Given, paired_values


def turns_of(session: list[int], **columns: Numbers) -> Turns:
    """Turns of numbered sessions, all routed to one scenario."""
    count = len(session)
    numbers = {"routed": np.ones(count), **columns}
    words = {"scenario": np.full(count, "payment", dtype=object)}
    ids = np.arange(count, dtype=np.uint64)
    return Turns(ids, np.array(session, dtype=np.uint64), ids.astype(np.int64), numbers, words)


def effect_of(pairs: Pairs, metric: str, given: Given | None = None) -> Effect:
    """The effect of one metric over all turns, corrected by nothing but itself."""
    values = {metric: paired_values(pairs, given or Given())[metric]}
    return effects_of(cells_of(values, pairs, by_scenario=False), seed=1)[0][0]


def test_turns_that_change_together_count_as_one() -> None:
    """Six sessions of twenty turns that change whole: chance to us, and certainty to McNemar, who takes turns apart."""
    session = [n // 20 for n in range(40 * 20)]
    handed = np.zeros(800)
    changed = handed.copy()
    changed[: 6 * 20] = 1.0
    changed[6 * 20 : 8 * 20] = -1.0
    before, after = np.where(changed < 0, 1.0, 0.0), np.where(changed > 0, 1.0, 0.0)
    found = effect_of(Pairs(turns_of(session, handoff=before), turns_of(session, handoff=after), 0, 0), "handoff_rate")
    assert found.informative == 8
    assert found.p > 0.2
    assert mcnemar([[0, 120], [40, 0]]).pvalue < 1e-6


def test_the_interval_is_scipys_bootstrap_of_sessions() -> None:
    """Of a rate of turns, drawn by session."""
    rng = np.random.default_rng(2)
    world = simulated(400, rng)
    a, b = played(world, rng), played(world, rng, "handoff")
    found = effect_of(Pairs(a, b, 0, 0), "handoff_rate")
    sums = [np.bincount(a.codes, side.number("handoff")) for side in (a, b)]
    theirs = stats.bootstrap(
        (*sums, np.bincount(a.codes)),
        lambda x, y, n, axis: (y.sum(axis) - x.sum(axis)) / n.sum(axis),
        paired=True,
        method="percentile",
        rng=rng,
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.1 * (theirs.high - theirs.low))


def test_exchanging_the_runs_exchanges_nothing_but_signs() -> None:
    """Also by scenario: a turn belongs to one if either run routed it there."""
    rng = np.random.default_rng(3)
    world = simulated(600, rng)
    a, b = played(world, rng), played(world, rng, "misrouted")
    there = evaluate(Pairs(a, b, 0, 0), world.given, (), 1, resamples=50, flips=999)
    back = evaluate(Pairs(b, a, 0, 0), world.given, (), 1, resamples=50, flips=999)
    scenarios = {e.scenario for e in there.effects}
    assert len(scenarios) > 3
    for one, other in zip(there.effects, back.effects, strict=True):
        if METRICS[one.metric].tested:
            assert one.difference == pytest.approx(-other.difference, abs=1e-12)
            assert one.p == pytest.approx(other.p)
            assert one.turns == other.turns


def test_a_side_that_is_the_same_has_no_interval_and_no_p() -> None:
    """Where no session differs, the difference is nothing and certain, and no test of the family."""
    rng = np.random.default_rng(4)
    world = simulated(100, rng)
    found = evaluate(Pairs(world.turns, world.turns, 0, 0), world.given, (), 1, same=True)
    assert found.family == 0
    assert found.verdict == "better_or_equal"
    assert all((e.difference, e.low, e.high, e.p_corrected) == (0, 0, 0, 1) for e in found.effects)


def test_a_slower_run_is_found_by_its_quantiles() -> None:
    """Thirty percent more at the median and at the 95th percentile, with an interval that has it."""
    rng = np.random.default_rng(5)
    world = simulated(500, rng)
    pairs = Pairs(played(world, rng), played(world, rng, "slower"), 0, 0)
    for metric in ("decision_p50", "decision_p95"):
        found = effect_of(pairs, metric)
        assert found.low < 0.3 * found.a < found.high
        assert found.p < 0.001


def test_the_correction_is_holms_over_what_was_asked() -> None:
    """Effects that are not tested, or in which no session differs, take nothing from the others."""
    one = Effect("handoff_rate", None, 0, 0, 0, 0, 0, 0.01, 0.01, 9, 9, None, "t", informative=5)
    effects = [one, replace(one, p=0.02), replace(one, p=0.6, metric="ask_back_rate")]
    apart = [replace(one, metric="scenario_change_rate", p=1.0), replace(one, p=1.0, informative=0)]
    found, family = corrected([*effects, *apart])
    assert family == 3
    assert [e.p_corrected for e in found[:3]] == pytest.approx(list(multipletests([0.01, 0.02, 0.6], method="holm")[1]))
    assert [e.p_corrected for e in found[3:]] == [0.01, 0.01]


def test_the_same_seed_gives_the_same_comparison() -> None:
    """Byte for byte, so that a report can be made again."""
    rng = np.random.default_rng(6)
    world = simulated(200, rng)
    pairs = Pairs(played(world, rng), played(world, rng), 0, 0)
    first, second = (evaluate(pairs, world.given, (), 9, resamples=100, flips=200) for _ in range(2))
    assert first == second
