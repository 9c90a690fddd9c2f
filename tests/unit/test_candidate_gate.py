"""The gate's rules: words and signs, what they allow, and what is said of those that cannot be read."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.candidates.gate import Rule, RuleRefused, parse_condition, parse_rule, parse_rules
from infra.comparing.metrics import METRICS


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("handoff_rate: no worse than 1 point", Rule("handoff_rate", "no_worse", 0.01)),
        ("handoff_rate: no worse than 2 %", Rule("handoff_rate", "no_worse", 0.02, True)),
        ("handoff_rate: No worse", Rule("handoff_rate", "no_worse", 0.0)),
        ("handoff_rate: <= +1 point", Rule("handoff_rate", "no_worse", 0.01)),
        ("label_agreement: >= \u22120.5 points", Rule("label_agreement", "no_worse", 0.005)),
        ("label_agreement: better by 1 point", Rule("label_agreement", "no_worse", -0.01)),
        ("label_agreement: better by at least 2 percent", Rule("label_agreement", "no_worse", -0.02, True)),
        ("label_agreement: >= 0.8", Rule("label_agreement", "at_least", 0.8)),
        ("label_agreement: at least 80 %", Rule("label_agreement", "at_least", 0.8)),
        ("handoff_rate: at most 5 %", Rule("handoff_rate", "at_most", 0.05)),
        ("decision_p95: <= +10 %", Rule("decision_p95", "at_most", 0.1, True)),
        ("decision_p95: \u2264 +10%", Rule("decision_p95", "at_most", 0.1, True)),
        ("decision_p95: no more than 200 ms", Rule("decision_p95", "at_most", 0.2)),
        ("tokens: no worse than 30 tokens", Rule("tokens", "no_worse", 30.0)),
        ("feedback_mean: no worse than 0.1 stars", Rule("feedback_mean", "no_worse", 0.1)),
    ],
)
def test_a_condition_is_read_in_words_and_in_signs(text: str, rule: Rule) -> None:
    """A point is a hundredth of a share; `%` compares with A after a sign, `no worse` and `better`."""
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("handof_rate: no worse", "did you mean handoff_rate"),
        ("p95 latency: <= +10 %", "did you mean latency_p95"),
        ("nothing like it: no worse", "use one of: handled_automatically, handoff_rate"),
        ("handoff_rate: fine", "is no condition; write no worse than 1 point"),
        ("handoff_rate: no worse than a bit", "names no amount"),
        ("handoff_rate: at most 5", "write 5 %, 5 points, or a number from 0 to 1"),
        ("handoff_rate: at most 5 points", "write 5 %, or no worse than 5 points"),
        ("handoff_rate: >= +1 point", "is not worse in this direction"),
        ("handoff_rate: no worse than +1 point", "takes no sign; write 1"),
        ("decision_p95: at most 5 %", "write +5 % for a change from A"),
        ("decision_p95: no worse than 5 points", "points are for shares"),
        ("tokens: no worse than 5 ms", "is in tokens, not in ms"),
        ("rung_share.template: no worse than 1 point", "neither better nor worse"),
        ("no colon", "write METRIC: CONDITION"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_with_what_mends_it(text: str, said: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(RuleRefused) as refused:
        parse_rule(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "a", "allowed"),
    [
        ("handoff_rate: no worse than 1 point", 0.2, (-inf, 0.01)),
        ("handoff_rate: no worse than 10 %", 0.2, (-inf, 0.02)),
        ("handled_automatically: no worse than 1 point", 0.9, (-0.01, inf)),
        ("handled_automatically: better by 2 points", 0.9, (0.02, inf)),
        ("handoff_rate: better by 2 points", 0.2, (-inf, -0.02)),
        ("handoff_rate: at most 25 %", 0.2, (-inf, 0.05)),
        ("label_agreement: at least 80 %", 0.9, (-0.1, inf)),
        ("decision_p95: <= +10 %", 0.5, (-inf, 0.05)),
        ("sentiment_mean: no worse than 5 %", -0.4, (-0.02, inf)),
    ],
)
def test_a_rule_allows_differences_in_the_metrics_own_direction(
    text: str, a: float, allowed: tuple[float, float]
) -> None:
    """Worse is up for handoffs and down for what is handled; a share of A is one of its size, whatever its sign."""
    assert parse_rule(text).allowed(a) == pytest.approx(allowed)


def test_several_rules_are_read_from_lines() -> None:
    """Empty lines do not count."""
    rules = parse_rules("handoff_rate: no worse than 1 point\n\n  tokens: <= +20 %\n")
    assert [rule.metric for rule in rules] == ["handoff_rate", "tokens"]


@given(
    st.sampled_from(sorted(METRICS)),
    st.sampled_from(["no_worse", "at_most", "at_least"]),
    st.integers(-1_000, 1_000).map(lambda n: n / 1_000),
    st.booleans(),
)
def test_a_rule_in_words_is_read_as_the_same_rule(metric: str, kind: str, margin: float, relative: bool) -> None:
    """What a report prints can be pasted into a candidate file."""
    if kind == "no_worse" and METRICS[metric].better == "neither":
        return
    if kind != "no_worse" and not relative and METRICS[metric].unit != "score":
        margin = abs(margin)
    rule = Rule(metric, kind, margin, relative)  # type: ignore[arg-type]
    again = parse_condition(metric, rule.condition)
    assert (again.metric, again.kind, again.relative) == (rule.metric, rule.kind, rule.relative)
    assert again.margin == pytest.approx(rule.margin)
