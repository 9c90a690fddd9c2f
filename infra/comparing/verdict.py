"""From figures to a verdict. What is claimed is claimed from the interval's bounds, never from the figure alone.

A rule is kept where even the bad bound of its interval is within the margin, broken where even the good bound is
beyond it, and unclear between. Better or equal takes all rules kept, so that each needs its own 95 % only; worse takes
any rule broken, so that the rules share 5 % there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal, NamedTuple, Protocol

import numpy as np

from infra.comparing.correction import ALPHA
from infra.comparing.metrics import METRICS, Metric, Unit
from infra.comparing.resampling import FEW, Draws, Floats
from infra.comparing.result import Effect, Rule, RuleFinding, State, Verdict

_TOLERANCE: Final = 1e-12
_USUAL: Final[dict[Unit, tuple[float, bool]]] = {
    "share": (0.02, False),
    "score": (0.05, False),
    "stars": (0.1, False),
    "seconds": (0.1, True),
    "tokens": (0.1, True),
}


class Cell(Protocol):
    """A metric of a comparison, paired or of two arms."""

    @property
    def metric(self) -> Metric: ...
    @property
    def scenario(self) -> str | None: ...

    def redraw(self) -> tuple[Floats, Floats]:
        """Both sides' figures in resamples of sessions, for a cell that has none yet."""
        ...

    def unseen(self) -> float:
        """What the bad bound of a difference is at least, since so few sessions differ that more may be unseen."""
        ...


class UsualRule(NamedTuple):
    """What a metric must keep where no gate says otherwise."""

    metric: str
    kind: Literal["no_worse", "at_most", "at_least"]
    margin: float
    relative: bool


class Interval(NamedTuple):
    """How much worse B is, in a rule's terms, with one-sided bounds: `low` for broken, `high` for kept."""

    harm: float
    low: float
    high: float


def usual_gate(effects: Iterable[Effect], of_customers: bool = False) -> list[UsualRule]:
    """The rules without a gate: nothing that has a better direction is worse by more than a little.

    Two points of a share, 0.05 of a score, 0.1 stars, a tenth of times and tokens. of_customers: whether what customers
    alone can change is among them.
    """
    metrics = [METRICS[e.metric] for e in effects if e.scenario is None]
    known = [m for m in metrics if m.better != "neither" and (of_customers or not m.about_customer)]
    return [UsualRule(m.name, "no_worse", *_USUAL[m.unit]) for m in known]


def findings_of(
    rules: Sequence[Rule], cells: Sequence[Cell], effects: Sequence[Effect], drawn: Draws, same: bool = False
) -> tuple[RuleFinding, ...]:
    """How each rule fared over all turns. `same`: B is A again and no decision differs, so no chance is left.

    cells, effects, drawn: of the same comparison, as `effects_of` has them.
    """
    overall = {cell.metric.name: n for n, cell in enumerate(cells) if cell.scenario is None}
    found = []
    for rule in rules:
        n = overall.get(rule.metric)
        if n is None:
            found.append(RuleFinding(rule, None, "unclear", "there are no figures for it in these runs"))
        else:
            found.append(_finding(rule, cells[n], effects[n], drawn.get(n), len(rules), same))
    return tuple(found)


def _finding(
    rule: Rule, cell: Cell, effect: Effect, drawn: tuple[Floats, Floats] | None, rules: int, same: bool
) -> RuleFinding:
    margin = margin_of(rule)
    interval = _interval(rule, cell, effect, drawn, rules, same)
    level = 1 - 2 * ALPHA / rules
    own = effect
    if drawn is not None:
        low, high = (float(v) for v in np.quantile(drawn[1] - drawn[0], [(1 - level) / 2, (1 + level) / 2]))
        own = replace(effect, low=min(low, effect.difference), high=max(high, effect.difference), level=level)
    state, why = judge(interval, margin, effect.sessions, same)
    return RuleFinding(rule, own, state, why, margin, _known(interval.low), _known(interval.high))


def judge(interval: Interval, margin: float, sessions: int, same: bool = False) -> tuple[State, str]:
    """The state of a rule with this interval of harm and this margin, and why."""
    if same and interval.harm <= margin + _TOLERANCE:
        return "kept", "nothing differs"
    if sessions < FEW:
        return "unclear", f"{sessions} sessions are too few: {FEW} are the least"
    if not math.isfinite(interval.harm):
        return "unclear", "A's figure is zero, so that a change relative to it is not defined"
    if interval.high <= margin + _TOLERANCE:
        return "kept", "even the bad end of the interval is within the margin"
    if interval.low > margin + _TOLERANCE:
        return "broken", "even the good end of the interval is beyond the margin"
    return "unclear", "the margin lies within the interval: more sessions would tell"


def harm(rule: Rule, a: Floats, b: Floats) -> Floats:
    """How far B goes in the direction that the rule forbids; the rule is kept where it is at most `margin_of(rule)`."""
    relative = np.where(b > a, np.inf, np.where(b < a, -np.inf, 0.0))  # of nothing, any change is without measure
    np.divide(b - a, np.abs(a), out=relative, where=a != 0)
    if rule.kind == "no_worse":
        sign = -1.0 if METRICS[rule.metric].better == "higher" else 1.0
        return sign * (relative if rule.relative else b - a)
    return (relative if rule.relative else b) * (1.0 if rule.kind == "at_most" else -1.0)


def margin_of(rule: Rule) -> float:
    """What `harm` may be at most."""
    return -rule.margin if rule.kind == "at_least" else rule.margin


def _interval(
    rule: Rule, cell: Cell, effect: Effect, drawn: tuple[Floats, Floats] | None, rules: int, same: bool
) -> Interval:
    point = float(harm(rule, np.array([effect.a]), np.array([effect.b]))[0])
    low = high = point
    if drawn is None and not rule.relative and rule.kind != "no_worse":
        drawn = cell.redraw()
    if drawn is not None:
        harms = harm(rule, *drawn)
        low, high = float(np.quantile(harms, ALPHA / rules)), float(np.quantile(harms, 1 - ALPHA))
    if (rule.relative or rule.kind == "no_worse") and not same:
        high = max(high, cell.unseen() / (effect.a if rule.relative and effect.a else 1.0))
    return Interval(point, min(low, point), max(high, point))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def worsened(effects: Iterable[Effect], of_customers: bool) -> list[Effect]:
    """Effects that are worse than chance explains, after correction; the least likely first.

    of_customers: whether what customers alone can change counts: in an experiment, not in a replay.
    """
    found = [
        e
        for e in effects
        if METRICS[e.metric].tested and e.p_corrected <= ALPHA and _is_bad(e)
        and (of_customers or not METRICS[e.metric].about_customer)
    ]  # fmt: skip
    return sorted(found, key=lambda e: (e.p_corrected, e.scenario is not None, -abs(e.difference)))


def _is_bad(effect: Effect) -> bool:
    better = METRICS[effect.metric].better
    # Where the figure stands still and the test does not (a quantile between steps), there is nothing to call worse.
    return effect.difference > 0 if better == "lower" else effect.difference < 0 if better == "higher" else False


def verdict_of(findings: Sequence[RuleFinding], worse: Sequence[Effect]) -> Verdict:
    """worse where a rule is broken or something in `worse` was found, better or equal where every rule is kept.

    With a gate, `worse` is empty: what the gate does not name does not count.
    """
    if worse or any(f.state == "broken" for f in findings):
        return "worse"
    if findings and all(f.state == "kept" for f in findings):
        return "better_or_equal"
    return "not_enough_evidence"
