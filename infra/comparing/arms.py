"""Two arms of an experiment: other sessions on each side, so nothing is paired. Sessions are the units here too.

The estimate of a rate of turns is a ratio of sums over sessions. Written as a mean over sessions (each session's
deviation from the ratio, over the mean number of turns), it takes Welch's test as it is, turns of a session and all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from infra.comparing.correction import corrected
from infra.comparing.mde import detectable
from infra.comparing.metrics import METRICS, Metric
from infra.comparing.resampling import RESAMPLES, Floats, quantiles, steps, unseen, weights
from infra.comparing.result import ARMS, Comparison, Effect, Identity, Rule, RunInfo
from infra.comparing.sentence import sentence_of
from infra.comparing.table import Numbers, Turns
from infra.comparing.values import Given, turn_values
from infra.comparing.verdict import findings_of, usual_gate, verdict_of, worsened

MEAN_TEST: Final = "Welch, of sessions"
QUANTILE_TEST: Final = "Welch, of sessions' share beyond the common quantile"
_LEVEL: Final = 0.95


@dataclass(frozen=True)
class Side:
    """One arm's values of a metric. session: each value's, from 0 to `of`, which is all that the arm has."""

    values: Floats
    session: NDArray[np.int64]
    of: int

    @classmethod
    def from_turns(cls, values: Numbers, turns: Turns) -> Side:
        known = np.isfinite(values)
        return cls(values[known], turns.codes[known], turns.sessions)

    @cached_property
    def counts(self) -> Floats:
        """By session, how many values it has."""
        return np.bincount(self.session, minlength=self.of).astype(float)

    @property
    def sessions(self) -> int:
        return int(np.count_nonzero(self.counts))

    def sums(self, values: Floats) -> Floats:
        return np.bincount(self.session, values, self.of).astype(float)

    def figure(self, metric: Metric) -> float:
        return float(self.values.mean() if metric.quantile is None else np.quantile(self.values, metric.quantile))

    def as_means(self, values: Floats) -> Floats:
        """A number a session whose mean is the mean of `values`, and whose spread is that of this mean by sessions."""
        sums, counts = self.sums(values), self.counts
        ratio = sums.sum() / counts.sum()
        result: Floats = ratio + (sums - ratio * counts) / counts.mean()
        return result


def draws(sides: Sequence[tuple[Metric, Side]], seed: int, resamples: int) -> list[Floats]:
    """Each figure of one arm in `resamples` resamples of its sessions, the same resamples for all of them."""
    if not sides:
        return []
    sums = np.column_stack([side.sums(side.values) for _, side in sides])
    counts = np.column_stack([side.counts for _, side in sides])
    curved = {
        n: steps(side.values, side.session, side.of, metric.quantile)
        for n, (metric, side) in enumerate(sides)
        if metric.quantile is not None
    }
    found: list[list[Floats]] = [[] for _ in sides]
    for block in weights(sides[0][1].of, resamples, seed):
        exact = block.astype(float)
        means = (exact @ sums) / np.maximum(exact @ counts, 1e-9)
        for n, parts in enumerate(found):
            parts.append(quantiles(block, curved[n]) if n in curved else means[:, n])
    return [np.concatenate(parts) for parts in found]


@dataclass(frozen=True)
class ArmsCell:
    """A metric of two arms. drawn: both arms' figures in resamples, each arm's by itself."""

    metric: Metric
    a: Side
    b: Side
    drawn: tuple[Floats, Floats]
    scenario: None = None

    def redraw(self) -> tuple[Floats, Floats]:
        return self.drawn

    def unseen(self) -> float:
        """See `infra.comparing.verdict.Cell`: of the arm of which less is known."""
        if self.metric.kind != "rate":
            return 0.0
        sides = (self.a, self.b)
        return max(unseen(min(_sessions_with(side, 1.0), _sessions_with(side, 0.0)), side.sessions) for side in sides)

    def effect(self, tests: int) -> Effect:
        """The difference, tested, not corrected. tests: over how many it will be."""
        a, b = self.a.figure(self.metric), self.b.figure(self.metric)
        of_a, of_b = self.a.values, self.b.values
        if self.metric.quantile is not None:
            common = np.quantile(np.concatenate((of_a, of_b)), self.metric.quantile)
            of_a, of_b = (of_a > common).astype(float), (of_b > common).astype(float)
        means = self.a.as_means(of_a), self.b.as_means(of_b)
        spread = self.drawn[1] - self.drawn[0]
        moves = bool(np.ptp(means[0]) or np.ptp(means[1]))
        # Without any spread within the arms there is nothing for Welch; what is left is to exchange sessions.
        apart = 1.0 if a == b else min(1.0, 2 / comb(self.a.of + self.b.of, self.a.of))
        p = float(stats.ttest_ind(means[1], means[0], equal_var=False).pvalue) if moves else apart
        low, high = (float(v) for v in np.quantile(spread, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]))
        sessions = self.a.sessions + self.b.sessions
        return Effect(
            self.metric.name, None, a, b, b - a, min(low, b - a), max(high, b - a), p, p, len(of_a) + len(of_b),
            sessions, detectable(float(spread.std()), sessions, tests) if moves else None,
            MEAN_TEST if self.metric.quantile is None else QUANTILE_TEST, _LEVEL,
        )  # fmt: skip


def _sessions_with(side: Side, value: float) -> int:
    return int(np.count_nonzero(np.bincount(side.session[side.values == value], minlength=1)))


def compare_arms(
    a: Turns,
    b: Turns,
    gate: Sequence[Rule] = (),
    *,
    a_info: RunInfo | None = None,
    b_info: RunInfo | None = None,
    metrics: Sequence[str] = (),
    given: tuple[Given, Given] = (Given(), Given()),
    seed: int = 7,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compares the turns of arm B with those of the control A. No session may be in both.

    gate: what B must keep; without one, as `compare` has it, but that what only customers can change counts too.
    Scenarios are not compared by themselves: which turns are of one is up to the arm. What must be known before any
    of this is believed (the split, contamination, the horizon) is for the caller to see to.
    """
    sides = turn_values(a, given[0]), turn_values(b, given[1])
    cells = _cells(a, b, sides, metrics, gate, seed, resamples)
    effects, family = corrected([cell.effect(len(cells)) for cell in cells])
    rules = gate or usual_gate(effects, of_customers=True)
    findings = findings_of(rules, cells, effects, {n: cell.drawn for n, cell in enumerate(cells)})
    worse = [] if gate else worsened(effects, of_customers=True)
    verdict = verdict_of(findings, worse)
    sessions = a.sessions + b.sessions
    return Comparison(
        a=a_info or RunInfo("live", "control", "complete", None, len(a), a.sessions),
        b=b_info or RunInfo("live", "candidate", "complete", None, len(b), b.sessions),
        mode=ARMS,
        paired_turns=0,
        paired_sessions=0,
        identity=Identity(float("nan"), 0, 0, {}, len(a), len(b), 0.0),
        provenance=(None, None),
        survival=None,
        effects=tuple(effects),
        family=family,
        confusions=(),
        curves=(),
        agreements=(),
        findings=findings,
        verdict=verdict,
        sentence=sentence_of(verdict, findings, worse, sessions, bool(gate), same=False),
        differences=(),
        different=(),
        warnings=(),
        gaps=(),
        speed=(None, None),
        seed=seed,
    )


def _cells(
    a: Turns,
    b: Turns,
    sides: tuple[Mapping[str, Numbers], Mapping[str, Numbers]],
    metrics: Sequence[str],
    gate: Sequence[Rule],
    seed: int,
    resamples: int,
) -> list[ArmsCell]:
    asked = {*metrics, *(rule.metric for rule in gate)} if metrics else set(METRICS)
    found: list[tuple[Metric, Side, Side]] = []
    for name, metric in METRICS.items():
        if name in asked and name in sides[0] and name in sides[1]:
            both = Side.from_turns(sides[0][name], a), Side.from_turns(sides[1][name], b)
            if min(side.sessions for side in both) > 1:
                found.append((metric, *both))
    drawn_a = draws([(metric, side) for metric, side, _ in found], seed, resamples)
    drawn_b = draws([(metric, side) for metric, _, side in found], seed + 1, resamples)
    return [ArmsCell(*cell, both) for cell, both in zip(found, zip(drawn_a, drawn_b, strict=True), strict=True)]


def uneven(observed: Sequence[int], weights_: Sequence[float]) -> float:
    """The probability of a split of sessions at least so far from the weights, if they were drawn by them.

    A small one (below 0.001) says that sessions of an arm went missing, and that nothing else here can be believed.
    """
    total, weight = sum(observed), sum(weights_)
    if not total:
        return 1.0
    return float(stats.chisquare(observed, [total * w / weight for w in weights_]).pvalue)
