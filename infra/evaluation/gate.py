"""Rules that a bundle must keep, one a line; `#` begins a comment.

    accuracy >= 0.93
    out_of_scope_recall >= other - 1%
    ece <= 0.03 or ece <= other
    latency.32 <= other * 1.5
    clinc150: accuracy >= 96.5%
    each: accuracy >= other - 2%

`other` is the bundle that it is compared with. A rule is about all rows, about the group before the colon, or about
`each` group. Figures: accuracy, answered, macro_f1, ece, log_loss, out_of_scope_recall, in_scope_kept, recall_at_95,
auroc; latency (µs of the processor a message, at batch 32) and latency.1, .8, .32, .128; robustness.NAME, the drop, as
robustness.typos.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.evaluation.errors import EvaluationError
from infra.evaluation.figures import Evaluation, GroupFigures
from infra.evaluation.intervals import Estimate

DEFAULT: Final = (
    "accuracy >= other - 0.5%",
    "out_of_scope_recall >= other - 1%",
    "ece <= 0.03 or ece <= other",
    "latency <= other * 1.5",
)
"""Kept where nothing else is asked for and there is another bundle. A figure that the data lacks is passed over."""
FIGURES: Final = (
    "accuracy", "answered", "macro_f1", "ece", "log_loss", "out_of_scope_recall", "in_scope_kept", "recall_at_95",
    "auroc",
)  # fmt: skip
LATENCY: Final = ("latency", "latency.1", "latency.8", "latency.32", "latency.128")
_COMPARE: Final = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_NUMBER: Final = r"(\d+(?:\.\d+)?)\s*(%|us|µs)?"
_BOUND: Final = rf"(?:(other)\s*(?:([-+*])\s*{_NUMBER})?|{_NUMBER})"
_CONDITION: Final = re.compile(rf"([a-z_]\w*(?:\.\w+)?)\s*(>=|<=|>|<)\s*{_BOUND}")
_SLACK: Final = 1e-9
"""What two figures may differ by and be equal: 0.92 - 0.005 is not 0.915 in binary."""
Figures = Mapping[str, float]


@dataclass(frozen=True)
class Condition:
    """figure op bound; the bound is a number, or the other's figure changed by `sign` and `amount`."""

    figure: str
    op: str
    other: bool
    sign: str
    amount: float

    def bound(self, other: float) -> float:
        """What the figure is held against, where the other's is `other`."""
        if not self.other:
            return self.amount
        if self.sign == "*":
            return other * self.amount
        return other - self.amount if self.sign == "-" else other + self.amount


@dataclass(frozen=True)
class Rule:
    """`text` as it was written; any of the conditions suffices. scope: "" for all rows, `each`, or a group's name."""

    text: str
    scope: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Finding:
    """Whether a rule is kept; None: it is about a figure that the data does not give. `why`: with the figures."""

    rule: str
    kept: bool | None
    why: str


@dataclass(frozen=True)
class Gate:
    """What became of all rules."""

    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return all(finding.kept is not False for finding in self.findings)


def read_rules(given: Sequence[str]) -> tuple[Rule, ...]:
    """The rules that are given as text, or as the names of files that hold them.

    Raises:
        EvaluationError: one is no rule, by file and line, with what is expected.
    """
    rules: list[Rule] = []
    for text in given:
        path = Path(text)
        if _CONDITION.search(text) is None and (path.suffix or path.is_file()):
            try:
                lines = path.read_text("utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as err:
                raise EvaluationError(
                    f"--gate {text}: is no rule, and cannot be read as a file of rules: {err}"
                ) from err
            rules += [_rule(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if _code(line)]
        else:
            rules.append(_rule(text, "--gate"))
    return tuple(rules)


def _code(line: str) -> str:
    return line.partition("#")[0].strip()


def _rule(line: str, where: str) -> Rule:
    text = _code(line)
    scope, colon, rest = text.rpartition(":")
    conditions = tuple(_condition(part, where, text) for part in re.split(r"\s+or\s+", rest.strip()))
    if colon and not scope.strip():
        raise EvaluationError(f"{where}: {text!r}: nothing before the colon; name a group, or each")
    return Rule(text, scope.strip(), conditions)


def _condition(part: str, where: str, text: str) -> Condition:
    match = _CONDITION.fullmatch(part.strip())
    if match is None:
        raise EvaluationError(f"{where}: {text!r} is no rule; expected such as: accuracy >= 0.93, or ece <= other")
    figure, op, other, sign, change, change_unit, number, unit = match.groups()
    if figure not in FIGURES and figure not in LATENCY and not figure.startswith("robustness."):
        known = ", ".join((*FIGURES, *LATENCY, "robustness.NAME"))
        raise EvaluationError(f"{where}: {text!r}: no such figure: {figure}; there are {known}")
    value, of = (change, change_unit) if other else (number, unit)
    amount = float(value or 0) / (100 if of == "%" else 1)
    return Condition(figure, op, bool(other), sign or "+", amount)


def judge(rules: Sequence[Rule], this: Evaluation, other: Evaluation | None, strict: bool) -> Gate:
    """What becomes of the rules. strict: a figure that is not there breaks its rule, rather than being passed over.

    Raises:
        EvaluationError: a rule is about `other` and there is none, or about a group that the data does not have.
    """
    mine, theirs = _by_scope(this), _by_scope(other) if other is not None else {}
    findings: list[Finding] = []
    for rule in rules:
        if other is None and any(condition.other for condition in rule.conditions):
            raise EvaluationError(f"--gate {rule.text!r} is about another bundle: name it with --against")
        scopes = [name for name in mine if name] if rule.scope == "each" else [rule.scope]
        for scope in scopes:
            if scope not in mine:
                groups = ", ".join(name for name in mine if name)
                raise EvaluationError(f"--gate {rule.text!r}: the data has no group {scope!r}; it has {groups}")
            findings.append(_finding(rule, scope, mine[scope], theirs.get(scope, {}), strict))
    return Gate(tuple(findings))


def _finding(rule: Rule, scope: str, mine: Figures, theirs: Figures, strict: bool) -> Finding:
    text = rule.text if rule.scope != "each" else f"{scope}: {rule.text.partition(':')[2].strip()}"
    said: list[str] = []
    kept: bool | None = None
    for condition in rule.conditions:
        figure = mine.get(condition.figure)
        against = theirs.get(condition.figure) if condition.other else 0.0
        if figure is None or against is None:
            said.append(f"{condition.figure} was not measured")
            continue
        bound = condition.bound(against)
        slack = _SLACK if condition.op == "<=" else -_SLACK if condition.op == ">=" else 0.0
        holds = bool(_COMPARE[condition.op](figure, bound + slack))
        kept = holds or bool(kept)
        said.append(f"{condition.figure} is {_shown(figure)}, {_bound(condition, bound, against)}")
    return Finding(text, False if kept is None and strict else kept, "; ".join(said))


def _shown(figure: float) -> str:
    return f"{figure:.4f}" if abs(figure) < 10 else f"{figure:.1f}"


def _bound(condition: Condition, bound: float, against: float) -> str:
    other = f" (other: {_shown(against)})" if condition.other else ""
    return f"needs {condition.op} {_shown(bound)}{other}"


def _by_scope(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """Figures by name, for all rows under "" and for each group under its name."""
    found = {"": _figures(evaluation)}
    found[""].update({f"robustness.{drop.name}": drop.drop.value for drop in evaluation.robustness if drop.drop})
    if evaluation.latency is not None:
        by_batch = {f"latency.{speed.batch}": speed.cpu_us for speed in evaluation.latency.by_batch}
        found[""].update(by_batch, latency=by_batch["latency.32"])
    for group in evaluation.groups:
        found[group.name] = _figures(group)
    return found


def _figures(of: Evaluation | GroupFigures) -> dict[str, float]:
    found: dict[str, Estimate | float | None] = {
        "accuracy": of.accuracy, "answered": of.answered, "macro_f1": of.macro_f1
    }  # fmt: skip
    if of.calibration is not None:
        found.update(ece=of.calibration.ece, log_loss=of.calibration.log_loss)
    if (outside := of.out_of_scope) is not None:
        found.update(out_of_scope_recall=outside.recall, in_scope_kept=outside.kept)
        found.update(recall_at_95=outside.recall_at_95, auroc=outside.auroc)
    values = {name: value.value if isinstance(value, Estimate) else value for name, value in found.items()}
    return {name: value for name, value in values.items() if value is not None}
