"""The gate's rules: what a candidate must keep, in words or signs, one metric each.

    handoff_rate: no worse than 1 point        a change of at most one percentage point for the worse
    decision_p95: "<= +10 %"                   at most a tenth more than A; a sign makes it relative to A
    label_agreement: better by 1 point
    handled_automatically: at least 80 %       the candidate's own value, whatever A has

`docs/candidates.md` explains the forms; A is the run compared against, B the candidate's.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal, NamedTuple

from infra.comparing.metrics import METRICS, Metric

Kind = Literal["no_worse", "at_most", "at_least"]

FORMS: Final = "write no worse than 1 point, better by 1 point, at most 5 %, at least 80 %, <= +10 %, or the like"
_WORDS: Final[tuple[tuple[str, str], ...]] = (
    (r"(?:no|not)\s+worse(?:\s+than)?(?:\s+by)?", "no_worse"),
    (r"better\s+by(?:\s+at\s+least)?", "better"),
    (r"at\s+most|no\s+more\s+than|<=?|≤", "at_most"),
    (r"at\s+least|no\s+less\s+than|>=?|≥", "at_least"),
)
_UNITS: Final = {
    "": "",
    "%": "%",
    "percent": "%",
    "per cent": "%",
    "point": "point",
    "points": "point",
    "percentage point": "point",
    "percentage points": "point",
    "pp": "point",
    "ms": "ms",
    "s": "seconds",
    "second": "seconds",
    "seconds": "seconds",
    "token": "tokens",
    "tokens": "tokens",
    "star": "stars",
    "stars": "stars",
}
_AMOUNT: Final = re.compile(r"(?P<sign>[+-]?)\s*(?P<number>\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>[a-z% ]*)")


class RuleRefused(ValueError):
    """A rule that cannot be read; what is wrong with it, and what mends it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True)
class Rule:
    """What the candidate's (B's) value of a metric must keep, against the compared run's (A's).

    no_worse: B may be worse than A by at most `margin`, in the direction that METRICS calls worse; a negative margin
    asks that it be better by that much. at_most, at_least: B's own value, or where `relative` its change from A.
    margin: in the metric's unit (shares from 0 to 1: a point is 0.01, seconds); where `relative`, a share of A.
    """

    metric: str
    kind: Kind
    margin: float
    relative: bool = False

    def allowed(self, a: float) -> tuple[float, float]:
        """The differences B - A that keep the rule, from and to, where A's value is `a`; infinite where one is open."""
        margin = self.margin * abs(a) if self.relative else self.margin
        if self.kind == "no_worse":
            return (-math.inf, margin) if METRICS[self.metric].better == "lower" else (-margin, math.inf)
        bound = margin if self.relative else margin - a
        return (-math.inf, bound) if self.kind == "at_most" else (bound, math.inf)

    def __str__(self) -> str:
        """The rule in words, which `parse_rule` reads as the same rule."""
        return f"{self.metric}: {self.condition}"

    @property
    def condition(self) -> str:
        """The rule without its metric."""
        if self.kind == "no_worse":
            amount = _amount(abs(self.margin), self.relative, METRICS[self.metric], "point")
            return f"better by {amount}" if self.margin < 0 else f"no worse than {amount}"
        amount = _amount(self.margin, self.relative, METRICS[self.metric], "%")
        sign = "+" if self.relative and self.margin >= 0 else ""
        return f"{'at most' if self.kind == 'at_most' else 'at least'} {sign}{amount}"


class _Read(NamedTuple):
    """A condition as it is written. `value`: without unit, with its sign."""

    form: str
    signed: bool
    value: float
    unit: str


def parse_rule(text: str) -> Rule:
    """The rule of `METRIC: CONDITION`. Raises RuleRefused."""
    metric, colon, condition = text.partition(":")
    if not colon:
        raise RuleRefused(f"{text!r} is no rule", "write METRIC: CONDITION, as in handoff_rate: no worse than 1 point")
    return parse_condition(metric.strip(), condition)


def parse_rules(text: str) -> tuple[Rule, ...]:
    """The rules of a text, one a line; empty lines do not count. Raises RuleRefused."""
    return tuple(parse_rule(line) for line in text.splitlines() if line.strip())


def parse_condition(metric: str, text: str) -> Rule:
    """The rule that a condition makes for a metric. Raises RuleRefused: no such metric, or it does not fit it."""
    known = METRICS.get(metric)
    if known is None:
        raise RuleRefused(f"{metric!r} is no metric", close_metrics(metric))
    read = _read(text)
    if read.form in ("no_worse", "better"):
        return _compared(known, read)
    if read.signed and read.unit != "%" and known.unit != "score":  # a score's own value may be below zero
        return _changed(known, read)
    if read.unit == "%" and not read.signed and not _is_share(known):
        raise RuleRefused(
            f"{text.strip()!r} says a share, and {metric} is {_measured(known)}",
            f"write {'+' if read.form == 'at_most' else '-'}{read.value:g} % for a change from A, or a value",
        )
    if read.unit == "point":
        remedy = f"write {read.value:g} %, or no worse than {read.value:g} points"
        raise RuleRefused(f"{text.strip()!r} is no value", remedy)
    return Rule(
        metric,
        "at_most" if read.form == "at_most" else "at_least",
        _margin(known, read),
        read.signed and read.unit == "%",
    )


def close_metrics(word: str) -> str:
    """The remedy for a metric that there is not: the names that come near it, or all of them."""
    plain = {_plain(name): name for name in METRICS}
    near = [plain[found] for found in get_close_matches(_plain(word), plain, 3, 0.6)]
    asked = set(_plain(word).split())
    near += [name for of, name in plain.items() if asked & set(of.split()) and name not in near]
    if near:
        return f"did you mean {' or '.join(near[:3])}?"
    return f"use one of: {', '.join(METRICS)}"


def _plain(name: str) -> str:
    """A name's words in alphabetical order: `p95 latency` is near `latency_p95`."""
    return " ".join(sorted(re.findall(r"[a-z0-9]+", name.lower())))


def _read(text: str) -> _Read:
    plain = " ".join(text.replace("−", "-").lower().split())
    for pattern, form in _WORDS:
        found = re.match(pattern, plain)
        if found is None:
            continue
        rest = plain[found.end() :].strip()
        if form == "no_worse" and rest in ("", "than a", "a"):
            return _Read(form, False, 0.0, "")
        amount = _AMOUNT.fullmatch(rest)
        if amount is None or (unit := _UNITS.get(amount["unit"].strip())) is None:
            raise RuleRefused(f"{text.strip()!r} names no amount", FORMS)
        value = float(amount["number"])
        return _Read(form, bool(amount["sign"]), -value if amount["sign"] == "-" else value, unit)
    raise RuleRefused(f"{text.strip()!r} is no condition", FORMS)


def _compared(metric: Metric, read: _Read) -> Rule:
    """no worse than, better by: both sides are known, so `%` is a share of A."""
    if metric.better == "neither":
        raise RuleRefused(
            f"{metric.name} is neither better nor worse when it is higher", "write at most or at least, with its value"
        )
    if read.signed:
        raise RuleRefused("an amount for the worse or the better takes no sign", f"write {abs(read.value):g}")
    margin = _margin(metric, read)
    return Rule(metric.name, "no_worse", -margin if read.form == "better" else margin, read.unit == "%")


def _changed(metric: Metric, read: _Read) -> Rule:
    """A sign with an amount in the metric's unit: how far B may be from A, which is `no worse than` said in signs."""
    worse = {"lower": "at_most", "higher": "at_least"}.get(metric.better)
    if read.form != worse:
        problem = f"{metric.name} is not worse in this direction" if worse else f"{metric.name} has no worse direction"
        raise RuleRefused(problem, "write the change with %, such as <= +10 %, or the value without a sign")
    margin = _margin(metric, read)
    return Rule(metric.name, "no_worse", margin if worse == "at_most" else -margin)


def _margin(metric: Metric, read: _Read) -> float:
    """The amount in the metric's unit, or as a share where it is in percent."""
    if read.unit == "%":
        return read.value / 100
    if read.unit == "point":
        if not _is_share(metric):
            problem = f"points are for shares, and {metric.name} is {_measured(metric)}"
            raise RuleRefused(problem, "write an amount in its unit, or in %")
        return read.value / 100
    if read.unit:
        if metric.unit != ("seconds" if read.unit == "ms" else read.unit):
            problem = f"{metric.name} is {_measured(metric)}, not in {read.unit}"
            raise RuleRefused(problem, "write an amount in its unit")
        return read.value / 1_000 if read.unit == "ms" else read.value
    if _is_share(metric) and abs(read.value) > 1:
        raise RuleRefused(
            f"{read.value:g} is no share", f"write {read.value:g} %, {read.value:g} points, or a number from 0 to 1"
        )
    return read.value


def _is_share(metric: Metric) -> bool:
    return metric.unit == "share"


def _measured(metric: Metric) -> str:
    return {"share": "a share", "score": "a score, -1 to 1", "stars": "in stars, 1 to 5"}.get(
        metric.unit, f"in {metric.unit}"
    )


def _amount(value: float, relative: bool, metric: Metric, share: str) -> str:
    """An amount as people write it. `share`: what a share is counted in, points or %."""
    if relative:
        return f"{_plainly(value * 100)} %"
    if _is_share(metric):
        number = _plainly(value * 100)
        return f"{number} {share}" + ("s" if share == "point" and number != "1" else "")
    return (
        f"{_plainly(value)} {metric.unit}".strip() if metric.unit in ("seconds", "tokens", "stars") else _plainly(value)
    )


def _plainly(value: float) -> str:
    """Never in powers of ten, which the grammar does not read."""
    return f"{value:.9f}".rstrip("0").rstrip(".")
