"""The rules of the gate: what they say, what keeps and what breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.evaluation.errors import EvaluationError
from infra.evaluation.figures import Calibration, Drop, Evaluation, GroupFigures, Latency, OutOfScope, Speed
from infra.evaluation.gate import DEFAULT, Gate, judge, read_rules
from infra.evaluation.intervals import Estimate


def at(value: float) -> Estimate:
    """An estimate without any doubt."""
    return Estimate(value, value, value)


def evaluation(
    accuracy: float = 0.9,
    ece: float = 0.02,
    recall: float | None = 0.8,
    us: float = 50.0,
    groups: tuple[float, ...] = (),
) -> Evaluation:
    """Figures as given; `groups`: the accuracy of groups g0, g1, ..."""
    outside = None if recall is None else OutOfScope(10, 90, at(recall), at(0.95), at(recall), 0.95, 0.5, 0.9)
    speeds = tuple(Speed(batch, us, us, us, 5) for batch in (1, 8, 32, 128))
    drop = Drop("typos", "", 10, at(0.9), at(0.8), at(0.1), None)
    found = tuple(
        GroupFigures(f"g{i}", "h", "label", 9, 9, at(a), None, at(a), at(a), None, None, None, {}, (), (), ())
        for i, a in enumerate(groups)
    )
    calibrated = Calibration(ece, 0.01, 0.3, ())
    latency = Latency("h", speeds, ())
    return Evaluation("x", at(accuracy), 100, 100, accuracy, at(0.8), calibrated, outside, found, latency, (drop,))


def gate(rules: tuple[str, ...], this: Evaluation, other: Evaluation | None = None) -> Gate:
    """What becomes of rules that a user gave."""
    return judge(read_rules(rules), this, other, strict=True)


@pytest.mark.parametrize(
    ("rule", "passed"),
    [
        ("accuracy >= 0.9", True),
        ("accuracy >= 90%", True),
        ("accuracy > 0.9", False),
        ("accuracy >= 90.1 %", False),
        ("ece <= 0.03", True),
        ("ece < 0.02", False),
        ("recall_at_95 >= 80%", True),
        ("in_scope_kept >= 0.96", False),
        ("latency <= 50us", True),
        ("latency.128 < 50", False),
        ("robustness.typos <= 10%", True),
        ("robustness.typos < 10%", False),
        ("accuracy >= 0.95 or ece <= 0.03", True),
        ("accuracy >= 0.95 or ece <= 0.01", False),
        ("accuracy >= other - 2%", True),
        ("accuracy >= other - 1%", False),
        ("accuracy >= other", False),
        ("latency <= other * 1.25", True),
        ("latency <= other * 1.2", False),
        ("ece <= other + 0.01", True),
    ],
)
def test_a_rule_is_kept_or_broken(rule: str, passed: bool) -> None:
    """Against an other of accuracy 0.92, ECE 0.01 and 40 µs; equal is enough where the rule says so."""
    assert gate((rule,), evaluation(), evaluation(0.92, 0.01, us=40.0)).passed is passed


@pytest.mark.parametrize(
    ("this", "passed"),
    [
        (evaluation(), True),
        (evaluation(accuracy=0.895, recall=0.79, us=75.0), True),
        (evaluation(accuracy=0.8949), False),
        (evaluation(recall=0.789), False),
        (evaluation(ece=0.031), False),
        (evaluation(us=75.1), False),
    ],
)
def test_the_default_gate_lets_nothing_grow_worse(this: Evaluation, passed: bool) -> None:
    """Half a point of accuracy, one of out-of-scope recall, ECE 0.03, half as slow again: just so much, no more."""
    assert judge(read_rules(DEFAULT), this, evaluation(), strict=False).passed is passed


def test_a_calibration_error_above_the_limit_must_not_grow() -> None:
    """ece <= 0.03 or ece <= other."""
    rules = read_rules(DEFAULT)
    assert judge(rules, evaluation(ece=0.05), evaluation(ece=0.05), strict=False).passed
    assert not judge(rules, evaluation(ece=0.06), evaluation(ece=0.05), strict=False).passed


def test_a_figure_that_the_data_lacks_is_passed_over_by_default_only() -> None:
    """A rule that somebody wrote down is broken where it cannot be checked."""
    by_default = judge(read_rules(DEFAULT), evaluation(recall=None), evaluation(recall=None), strict=False)
    assert by_default.passed
    assert [finding.kept for finding in by_default.findings] == [True, None, True, True]
    written = gate(("recall_at_95 >= 0.8",), evaluation(recall=None))
    assert not written.passed
    assert written.findings[0].why == "recall_at_95 was not measured"


def test_a_rule_may_be_about_one_group_or_each() -> None:
    """What is worse in one group does not hide in the whole."""
    this, other = evaluation(groups=(0.95, 0.80)), evaluation(groups=(0.90, 0.90))
    found = gate(("each: accuracy >= other - 2%", "g1: accuracy >= 0.75"), this, other)
    assert [(f.rule, f.kept) for f in found.findings] == [
        ("g0: accuracy >= other - 2%", True),
        ("g1: accuracy >= other - 2%", False),
        ("g1: accuracy >= 0.75", True),
    ]
    assert found.findings[1].why == "accuracy is 0.8000, needs >= 0.8800 (other: 0.9000)"


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    """One a line, with comments; beside rules given as they are."""
    path = tmp_path / "gate.rules"
    path.write_text("# ours\naccuracy >= 0.9   # enough\n\nece <= 0.03 or ece <= other\n", "utf-8")
    assert [rule.text for rule in read_rules([str(path), "latency <= 100"])] == [
        "accuracy >= 0.9",
        "ece <= 0.03 or ece <= other",
        "latency <= 100",
    ]


def test_a_wrong_rule_is_named_by_file_and_line(tmp_path: Path) -> None:
    """With what there is instead."""
    path = tmp_path / "gate.rules"
    path.write_text("accuracy >= 0.9\naccurracy >= 0.9\n", "utf-8")
    with pytest.raises(EvaluationError, match=r"gate\.rules:2: .* no such figure: accurracy; there are accuracy, "):
        read_rules([str(path)])
    with pytest.raises(EvaluationError, match=r"--gate: 'accuracy is good' is no rule; expected such as: accuracy >= "):
        read_rules(["accuracy is good"])
    with pytest.raises(EvaluationError, match=r"--gate absent\.rules: is no rule, and cannot be read as a file"):
        read_rules(["absent.rules"])


def test_a_rule_about_what_is_not_there_is_refused() -> None:
    """Another bundle, or a group."""
    with pytest.raises(EvaluationError, match="is about another bundle: name it with --against"):
        gate(("accuracy >= other",), evaluation())
    with pytest.raises(EvaluationError, match=r"the data has no group 'g7'; it has g0"):
        gate(("g7: accuracy >= 0.5",), evaluation(groups=(0.9,)))
