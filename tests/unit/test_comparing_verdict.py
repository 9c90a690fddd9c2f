"""A verdict claims what the intervals' bounds show, and nothing that they do not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from infra.candidates.gate import parse_rule, parse_rules
from infra.comparing.arms import compare_arms, uneven
from infra.comparing.compare import Statistics, evaluate
from infra.comparing.mde import design_effect, detectable, plans
from infra.comparing.population import halves, played, simulated
from infra.comparing.table import Pairs
from infra.comparing.values import Given
from infra.comparing.verdict import Interval, harm, judge, margin_of


def judged(gate: str, sessions: int, fault: str | None = None, seed: int = 1) -> Statistics:
    """Two candidates, the second with a fault, under a gate."""
    rng = np.random.default_rng(seed)
    world = simulated(sessions, rng)
    pairs = Pairs(played(world, rng), played(world, rng, fault), 0, 0)  # type: ignore[arg-type]
    return evaluate(pairs, world.given, parse_rules(gate), 1, resamples=500, flips=299)


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [(-0.01, 0.009, "kept"), (0.011, 0.02, "broken"), (-0.01, 0.02, "unclear"), (0.0, 0.01, "kept")],
)
def test_a_rule_goes_by_its_bounds(low: float, high: float, state: str) -> None:
    """The bad bound within the margin keeps it, the good bound beyond breaks it, between them nothing is known."""
    assert judge(Interval(0.0, low, high), 0.01, sessions=500)[0] == state


def test_a_handful_of_sessions_is_no_evidence() -> None:
    """However clear it looks; but where nothing was replaced and nothing differs, nothing is worse."""
    assert judge(Interval(0.5, 0.4, 0.6), 0.01, sessions=29)[0] == "unclear"
    assert judge(Interval(0.0, 0.0, 0.0), 0.01, sessions=29)[0] == "unclear"
    assert judge(Interval(0.0, 0.0, 0.0), 0.01, sessions=2, same=True)[0] == "kept"


@pytest.mark.parametrize(
    ("rule", "kept", "broken"),
    [
        ("handoff_rate: no worse than 1 point", 0.109, 0.111),
        ("label_agreement: no worse than 1 point", 0.091, 0.089),
        ("handoff_rate: better by 1 point", 0.089, 0.091),
        ("decision_p95: <= +10 %", 0.1099, 0.1101),
        ("handled_automatically: at least 8 %", 0.081, 0.079),
        ("handoff_rate: at most 12 %", 0.119, 0.121),
    ],
)
def test_harm_is_measured_as_the_rule_says(rule: str, kept: float, broken: float) -> None:
    """From a figure of 0.1, a B on either side of where each form of rule ends."""
    of = parse_rule(rule)
    found = harm(of, np.array([0.1, 0.1]), np.array([kept, broken]))
    assert found[0] <= margin_of(of) < found[1]
    low, high = of.allowed(0.1)
    assert low <= kept - 0.1 <= high


def test_more_than_nothing_is_infinitely_more() -> None:
    """A change relative to zero has no size: the rule stays unclear."""
    of = parse_rule("tokens: <= +10 %")
    assert harm(of, np.zeros(2), np.array([0.0, 1.0])).tolist() == [0.0, math.inf]
    assert judge(Interval(math.inf, math.inf, math.inf), 0.1, sessions=99)[0] == "unclear"


def test_a_gate_is_kept_broken_or_open() -> None:
    """The same candidate under three margins: kept beyond its loss, broken far below it, open about it."""
    for margin, verdict in (("4", "better_or_equal"), ("0.2", "worse"), ("2", "not_enough_evidence")):
        assert judged(f"handoff_rate: no worse than {margin} points", 400, "handoff").verdict == verdict


def test_what_the_gate_does_not_name_does_not_count() -> None:
    """A slower candidate passes a gate that only asks for handoff, and fails without a gate."""
    assert judged("handoff_rate: no worse than 2 points", 300, "slower").verdict == "better_or_equal"
    assert judged("", 300, "slower").verdict == "worse"


def test_a_rule_without_figures_is_not_kept() -> None:
    """A gate on feedback where nobody gave any leaves the verdict open, and says why."""
    found = judged("feedback_mean: no worse than 0.1", 100)
    assert found.verdict == "not_enough_evidence"
    assert "no figures" in found.findings[0].why


def test_sessions_that_never_differ_prove_only_so_much() -> None:
    """Fifty sessions without a difference leave room for more than a point; five hundred do not."""
    rng = np.random.default_rng(1)
    for sessions, verdict in ((50, "not_enough_evidence"), (500, "better_or_equal")):
        turns = simulated(sessions, rng).turns
        rules = parse_rules("handoff_rate: no worse than 1 point")
        assert evaluate(Pairs(turns, turns, 0, 0), Given(), rules, 1).verdict == verdict


def test_arms_are_told_apart_by_session() -> None:
    """Disjoint sessions: a slower arm is found, and the control has no fault that its copy lacks."""
    rng = np.random.default_rng(2)
    world = simulated(2_000, rng)
    control, other = (world.some(half) for half in halves(2_000, rng))
    a, b, slower = played(control, rng), played(other, rng), played(other, rng, "slower")
    same = compare_arms(a, b, resamples=200)
    assert same.verdict != "worse"
    found = compare_arms(a, slower, parse_rules("decision_p95: <= +10 %"), resamples=200)
    assert found.verdict == "worse"
    assert found.effects[0].sessions == 2_000


def test_a_split_that_is_not_as_dealt_is_seen() -> None:
    """Chi-square: 5,000 to 5,000 is even, 5,300 to 4,700 is not; 3 to 1 is even where it was planned so."""
    assert uneven([5_000, 5_000], [1, 1]) == 1.0
    assert uneven([5_300, 4_700], [50, 50]) < 1e-6
    assert uneven([300, 100], [75, 25]) == 1.0


def test_the_smallest_difference_to_be_found_shrinks_with_sessions() -> None:
    """Four times the sessions find half the difference; turns that are alike count for less than their number."""
    rng = np.random.default_rng(3)
    turns = simulated(1_000, rng).turns
    one, four = (plans(turns, sessions, ["handoff_rate"])[0] for sessions in (1_000, 4_000))
    assert one.design_effect > 1
    assert one.unpaired is not None
    assert four.unpaired is not None
    assert four.unpaired == pytest.approx(one.unpaired / 2, rel=0.02)
    assert detectable(0.01, 2) is None
    assert detectable(0.01, 5_000) == pytest.approx(0.028, abs=0.001)


def test_independent_turns_have_no_design_effect() -> None:
    """And sessions of four turns that are all the same have one of four."""
    values = np.random.default_rng(4).random(8_000)
    alone = design_effect(values.reshape(-1, 4).sum(axis=1), np.full(2_000, 4.0), float(values.var()))
    assert alone == pytest.approx(1, abs=0.15)
    assert design_effect(values * 4, np.full(8_000, 4.0), float(values.var())) == pytest.approx(4, rel=0.01)


def test_a_worse_rule_names_its_figure_in_the_sentence() -> None:
    """What the product manager reads first has the figure, the change and the limit."""
    found = judged("handoff_rate: no worse than 0.2 points", 400, "handoff")
    assert found.sentence.startswith("Worse on 400 conversations: turns handed to a human went from")
    assert "no worse than 0.2 points" in found.sentence
    assert replace(found.findings[0]).state == "broken"
