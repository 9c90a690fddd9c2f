"""The trials of the statistics: each comes out the same again, and the figures say whether a bar was missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from infra.comparing.compare import Statistics, evaluate
from infra.comparing.population import FAULTS, Fault, played, simulated
from infra.comparing.power import Outcome, Trial, figures, outcome_of, trials_of, tried
from infra.comparing.table import Pairs
from infra.comparing.verdict import worsened


def test_a_trial_comes_out_the_same_again() -> None:
    """So that a figure can be made again anywhere; a planted fault is found in its own metric."""
    trial = Trial(7, 0, "paired", "slower", 300)
    found = tried(trial)
    assert found == tried(trial)
    assert (found.verdict, found.named) == ("worse", True)


def test_halves_go_through_the_comparison_of_arms() -> None:
    """Disjoint halves without a fault: nothing is worse."""
    assert tried(Trial(7, 1, "halves", None, 400)).verdict != "worse"


def test_every_way_is_tried() -> None:
    """A/A in both ways as often as asked, each fault in both."""
    trials = trials_of(200, 5_000, 7)
    assert sum(t.fault is None and t.way == "paired" for t in trials) == 200
    assert sum(t.fault is None and t.way == "halves" for t in trials) == 200
    assert {(t.way, t.fault) for t in trials if t.fault} == {(w, f) for w in ("paired", "halves") for f in FAULTS}
    assert len(set(trials)) == len(trials)


def test_a_missed_bar_is_said() -> None:
    """Three false alarms of twenty are too many; one is not. A fault must be found in nineteen of twenty."""
    alarms = [
        Outcome(Trial(7, n, "paired", None, 9), "worse" if n < 3 else "better_or_equal", False, True) for n in range(20)
    ]
    found = [Outcome(Trial(7, n, "paired", "slower", 9), "worse", n != 0, True) for n in range(20)]
    kept = {figure.about.split(":")[-1].strip() + str(figure.count): figure.kept for figure in figures(alarms + found)}
    assert kept == {"verdict worse3": False, "any effect significant20": False, "found19": True}
    assert figures(alarms[2:])[0].kept is False
    assert figures(alarms[3:])[0].kept is True


def test_a_broken_statistic_misses_the_bars() -> None:
    """Without its correction chance is called an effect; one that finds nothing overlooks what was planted."""
    sound, broken = [], []
    for number in range(6):
        alike = Trial(7, number, "paired", None, 200)
        found = _evaluated(alike)
        sound.append(outcome_of(alike, found.effects, found.verdict))
        effects = [replace(e, p_corrected=e.p) for e in found.effects]
        broken.append(outcome_of(alike, effects, "worse" if worsened(effects, False) else found.verdict))
    slower = Trial(7, 0, "paired", "slower", 200)
    found = _evaluated(slower)
    sound.append(outcome_of(slower, found.effects, found.verdict))
    broken.append(outcome_of(slower, [replace(e, p_corrected=1.0) for e in found.effects], found.verdict))
    assert all(figure.kept for figure in figures(sound))
    assert not any(figure.kept for figure in figures(broken))


def _evaluated(trial: Trial) -> Statistics:
    rng = np.random.default_rng([trial.seed, trial.number])
    world = simulated(trial.sessions, rng)
    fault: Fault | None = trial.fault
    pairs = Pairs(played(world, rng), played(world, rng, fault), 0, 0)
    return evaluate(pairs, world.given, (), trial.seed, resamples=99)
