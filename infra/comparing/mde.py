"""How small a difference can be found: of a comparison that was made, and of one that is being planned.

Sessions are the units, so that a plan needs to know how alike the turns of a session are: the design effect, measured
in the turns that are there. With it, turns count as that many fewer independent ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from statsmodels.stats.power import NormalIndPower, TTestPower

from infra.comparing.metrics import METRICS
from infra.comparing.resampling import Floats
from infra.comparing.table import Numbers, Turns
from infra.comparing.values import Given, turn_values

ALPHA: Final = 0.05
POWER: Final = 0.8
CHANGED: Final = (0.01, 0.05, 0.1)
"""Shares of sessions that a candidate may come to change, for plans of paired comparisons."""
_LIKE_NORMAL: Final = 1_000
"""From so many sessions on, more of them change nothing but the standard error."""


def detectable(standard_error: float, sessions: int, tests: int = 1, power: float = POWER) -> float | None:
    """The smallest true difference that is found with probability `power`, at 5 % shared by so many tests.

    `standard_error`: of the difference, as estimated by resampling sessions. None of fewer than three sessions.
    """
    if sessions < 3:
        return None
    return standard_error * _factor(min(sessions, _LIKE_NORMAL), ALPHA / max(1, tests), power)


@cache
def _factor(sessions: int, alpha: float, power: float) -> float:
    """How many standard errors a difference must have."""
    size = TTestPower().solve_power(effect_size=None, nobs=sessions, alpha=alpha, power=power)
    return float(np.ravel(size)[0] * np.sqrt(sessions))


class Plan(NamedTuple):
    """What `sessions` sessions can show in a metric. All differences in the metric's unit, None where not known.

    now: the figure today. design_effect: variance of its estimate over that of independent turns. unpaired: the
    smallest difference between two arms of so many sessions together. paired: of a replay of so many, by the share of
    sessions that the candidate changes, one turn of each; for rates.
    """

    metric: str
    now: float
    design_effect: float
    sessions: int
    unpaired: float | None
    paired: tuple[tuple[float, float | None], ...]


def plans(turns: Turns, sessions: int, metrics: Sequence[str] = (), tests: int | None = None) -> list[Plan]:
    """What a comparison of so many sessions like those of `turns` (the recorded ones) would show.

    metrics: those asked for, all that have a figure where none are named. tests: how many are corrected over; as many
    as metrics where not given.
    """
    values = turn_values(turns, Given())
    chosen = [name for name in metrics or METRICS if name in values and np.isfinite(values[name]).any()]
    tests = len(chosen) if tests is None else tests
    return [_plan(name, values[name], turns, sessions, max(1, tests)) for name in chosen]


def _plan(name: str, values: Numbers, turns: Turns, sessions: int, tests: int) -> Plan:
    metric = METRICS[name]
    known = np.isfinite(values)
    sums = np.bincount(turns.codes[known], values[known], turns.sessions)
    counts = np.bincount(turns.codes[known], minlength=turns.sessions).astype(float)
    mean, have = float(values[known].mean()), int((counts > 0).sum())
    if metric.quantile is not None or have < 3:
        now = mean if metric.quantile is None else float(np.quantile(values[known], metric.quantile))
        return Plan(name, now, 1.0, sessions, None, ())
    variance = float(values[known].var())
    effect = design_effect(sums.astype(float), counts, variance)
    turns_a_session = counts.sum() / turns.sessions
    paired = tuple((c, _paired(c, turns_a_session, sessions, tests)) for c in CHANGED) if metric.kind == "rate" else ()
    if not variance:
        return Plan(name, mean, effect, sessions, None, paired)
    independent = sessions / 2 * turns_a_session / effect
    size = NormalIndPower().solve_power(nobs1=max(3.0, independent), alpha=ALPHA / tests, power=POWER)
    return Plan(name, mean, effect, sessions, float(np.ravel(size)[0]) * variance**0.5, paired)


def design_effect(sums: Floats, counts: Floats, variance: float) -> float:
    """Variance of the mean of all values by sessions, over that if they were independent of one another.

    sums, counts: by session. variance: of the values. 1 where there is nothing to tell by.
    """
    total = counts.sum()
    if not variance or not total:
        return 1.0
    residual = sums - sums.sum() / total * counts
    return float(max(1e-3, np.square(residual).sum() / (total * variance)))


def _paired(changed: float, turns_a_session: float, sessions: int, tests: int) -> float | None:
    """By the spread of a difference of one turn, for better or worse, in `changed` of the sessions."""
    return detectable(float(np.sqrt(changed / sessions) / turns_a_session), sessions, tests)
