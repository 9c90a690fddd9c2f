"""How figures are said: values in their unit, differences with their interval, and which way a change goes."""

from __future__ import annotations

import math
from typing import Final, Literal

from infra.candidates.gate import Rule as GateRule
from infra.comparing.metrics import METRICS, Metric, Unit
from infra.comparing.result import Effect, Rule, RuleFinding

Way = Literal["better", "worse", "changed", "none", "same", "unknown"]
"""What an effect shows: `changed` is neither good nor bad, `none` no difference shown, `same` that there is none."""

NONE: Final = "–"
MARKS: Final[dict[Way, str]] = {"better": "▲", "worse": "▼", "changed": "◆", "none": "○", "same": "=", "unknown": "?"}
WORDS: Final[dict[Way, str]] = {
    "better": "better",
    "worse": "worse",
    "changed": "changed",
    "none": "no difference shown",
    "same": "the same",
    "unknown": "not known",
}
_PHRASES: Final = {
    "handled_automatically": "conversations handled without a human",
    "handoff_rate": "turns handed to a human",
    "scenario_change_rate": "turns routed to another scenario",
    "intent_change_rate": "turns understood differently",
    "out_of_scope_rate": "turns understood as out of scope",
    "ask_back_rate": "turns in which the customer is asked again",
    "sentiment_mean": "sentiment of customers",
    "sentiment_trajectory": "change of sentiment over a conversation",
    "deadline_miss_rate": "turns answered too late",
    "latency_p50": "median latency, as recorded",
    "latency_p95": "95th percentile of latency, as recorded",
    "decision_p50": "median time of computing a turn",
    "decision_p95": "95th percentile of the time of computing a turn",
    "model_seconds": "time of the models, a turn",
    "tokens": "tokens, a turn",
    "first_text_p50": "median time to a model's first text",
    "first_text_p95": "95th percentile of the time to a model's first text",
    "generated_p50": "median time of generating",
    "generated_p95": "95th percentile of the time of generating",
    "generated_tokens": "tokens of prompt and reply, a generated turn",
    "guarded_rate": "generated texts that the guard rails refused",
    "reply_likeness": "likeness of generated replies to those of A, by characters",
    "repeat_contact_rate": "conversations whose customer comes back for the same",
    "feedback_mean": "feedback of customers",
    "label_agreement": "turns understood as people labelled them",
    "reply_similarity": "likeness of replies to the human agent's, by characters",
    "reply_similarity_embedded": "likeness of replies to the human agent's, by meaning",
    "judged": "blind judgements won",
}


def phrase(metric: str) -> str:
    """What a metric is, in words that need no list of metrics beside them."""
    if metric.startswith("rung_share."):
        return f"turns answered by {metric.partition('.')[2].replace('_', ' ')}"
    return _PHRASES.get(metric, metric.replace("_", " "))


def known(metric: str) -> Metric:
    """The metric; a name that METRICS does not have is taken for a plain score, so that nothing is hidden."""
    found = METRICS.get(metric)
    return found if found is not None else Metric(metric, metric.replace("_", " "), "score", "neither", "mean")


def finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def value(number: float | None, unit: Unit) -> str:
    """12.3 %, 48 ms, 0.123."""
    if number is None or not math.isfinite(number):
        return NONE
    if unit == "share":
        return f"{number * 100:.1f} %"
    return seconds(number) if unit == "seconds" else _plain(number, unit)


def change(number: float | None, unit: Unit) -> str:
    """A difference with its sign: shares in points."""
    if number is None or not math.isfinite(number):
        return NONE
    if unit == "share":
        return f"{_signed(number * 100, 2)} {'point' if abs(round(number * 100, 2)) == 1 else 'points'}"
    if unit == "seconds":
        size = seconds(abs(number))
        return size if not number else f"{'+' if number > 0 else '−'}{size}"
    return _signed(number, 1 if unit == "tokens" else 3)


def interval(low: float | None, high: float | None, unit: Unit) -> str:
    """`−2.10 to −0.40`, without the unit where the difference beside it has it."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if unit == "share":
        return f"{_signed(low * 100, 2)} to {_signed(high * 100, 2)}"
    return f"{change(low, unit)} to {change(high, unit)}"


def relative(effect: Effect) -> str:
    """The difference as a share of A, where A has a size to be a share of: for times and tokens."""
    if known(effect.metric).unit not in ("seconds", "tokens") or not finite(effect.difference) or not effect.a:
        return ""
    return f"{_signed(effect.difference / abs(effect.a) * 100, 1)} %"


def way(effect: Effect) -> Way:
    """Which way an effect goes, if it is more than chance after correction; what is not tested has changed, or not."""
    metric = known(effect.metric)
    if not finite(effect.difference):
        return "unknown"
    if not (effect.difference or effect.low or effect.high):
        return "same"
    if not (effect.significant if metric.tested else True):
        return "none"
    if not effect.difference:
        return "none"
    if metric.better == "neither":
        return "changed"
    return "better" if (effect.difference > 0) == (metric.better == "higher") else "worse"


def rule(of: Rule) -> str:
    """A rule of a gate, as a candidate file would have it."""
    return str(GateRule(of.metric, of.kind, of.margin, of.relative))


def happens(effect: Effect) -> bool:
    """Whether there is anything to show: not where neither side ever does it."""
    return bool(effect.a or effect.b or effect.low or effect.high)


def rate(count: int, seconds_: float, one: str) -> str:
    """`820 conversations a second`; of few with a decimal."""
    of = count / seconds_
    return f"{of:,.0f} {one}s a second" if of >= 9.95 else f"{of:.1f} {one}s a second"


def limit(finding: RuleFinding) -> float | None:
    """The difference from A at which a rule of the gate ends; None where it has no figure."""
    of, effect = finding.rule, finding.effect
    if effect is None or not finite(effect.a):
        return None
    size = of.margin * abs(effect.a) if of.relative else of.margin
    if of.kind == "no_worse":
        return size if known(of.metric).better == "lower" else -size
    return size if of.relative else of.margin - effect.a


def seconds(number: float) -> str:
    """In the unit in which it is read most easily."""
    if not number:
        return "0 s"
    for least, factor, unit in ((1.0, 1.0, "s"), (1e-3, 1e3, "ms")):
        if abs(number) >= least:
            return f"{_three(number * factor)} {unit}"
    return f"{_three(number * 1e6)} µs"


def counted(count: int, one: str, more: str = "") -> str:
    """`1 turn`, `2 turns`."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def share(number: float, digits: int = 1) -> str:
    """A share that is said to be whole, or nothing, only if it is."""
    if not math.isfinite(number):
        return NONE
    text = f"{number * 100:.{digits}f}"
    if number < 1 and float(text) == 100:
        return f"almost 100 % ({math.floor(number * 1e6) / 1e4:.4f} %)"
    if number > 0 and float(text) == 0:
        return f"< {10**-digits:g} %"
    return f"{text.removesuffix('.' + '0' * digits)} %" if number in (0, 1) else f"{text} %"


def probability(p: float | None) -> str:
    if p is None or not math.isfinite(p):
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def listed(parts: list[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def _plain(number: float, unit: Unit) -> str:
    text = f"{number:,.1f}" if unit == "tokens" else f"{number:.3f}" if unit == "score" else f"{number:.2f}"
    return text.replace("-", "−")


def _signed(number: float, digits: int) -> str:
    """With a true minus, and never a minus before nothing."""
    text = f"{abs(number):.{digits}f}"
    return text if float(text) == 0 else f"{'+' if number > 0 else '−'}{text}"


def _three(number: float) -> str:
    """Three figures."""
    size = abs(number)
    return f"{number:,.0f}" if size >= 99.95 else f"{number:.1f}" if size >= 9.995 else f"{number:.2f}"
