"""A section of the report: how long turns took, what was measured apart from what was recorded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from infra.comparing import pictures
from infra.comparing.result import Comparison, Curve
from infra.comparing.wording import counted, value
from infra.reporting.markup import Content, Html, element, joined, table
from infra.reporting.page import note

TITLES: Final = {
    "decision": "Computing a turn, measured in the replay",
    "latency": "From message to reply, as recorded",
}
_PARTS: Final = {
    "decision": "the whole turn, measured",
    "intent": "intent, measured",
    "sentiment": "sentiment, measured",
    "entities": "entities, measured",
    "routing": "routing, measured",
    "reply": "reply, measured",
    "latency": "message to reply, recorded",
}
_LEVELS: Final = (0.5, 0.95, 0.99)


def times(c: Comparison) -> Html:
    """Curves of the two kinds of time, then the quantiles of each part; nothing where nothing was timed."""
    curves = [curve for curve in c.curves if _has(curve.a) or _has(curve.b)]
    if not curves:
        return Html("")
    cards = [_card(curve) for curve in curves if curve.about in TITLES]
    rows = [[_PARTS[curve.about], *_quantiles(curve), f"{curve.turns:,}"] for curve in curves]
    columns = ["", *(f"{side} p{level * 100:g}" for level in _LEVELS for side in "AB"), "turns"]
    said = "Measured times are computing alone, on this machine, in batches; recorded ones hold waiting and load of "
    said += "the day, and are A's and B's own only where each was live. Never read one against the other."
    return joined([element("div", *cards, class_="pair"), table(columns, rows, caption="Quantiles."), note(said)])


def _card(curve: Curve) -> Html:
    sides = [(name, side) for name, side in (("A", curve.a), ("B", curve.b)) if _has(side)]
    title = TITLES[curve.about]
    same = len(sides) == 2 and curve.a == curve.b
    drawn = [
        pictures.Curve(name, [(level, t) for level, t in zip(curve.levels, side, strict=True) if math.isfinite(t)])
        for name, side in (sides[:1] if same else sides)
    ]
    median = "; ".join(f"{name} {value(_at(curve.levels, side, 0.5), 'seconds')} at the median" for name, side in sides)
    picture: Content = note("No time is above zero.")
    if any(t > 0 for each in drawn for _, t in each.points):
        picture = pictures.latencies(drawn, f"{title}: share of turns by time; {median}")
    legend = "A and B are the same." if same else _legend([name for name, _ in sides])
    about = f"The share of turns that a time is enough for. {legend} {counted(curve.turns, 'turn')}."
    return element("div", element("h3", title), picture, note(about), class_="card")


def _legend(sides: Sequence[str]) -> str:
    if len(sides) == 2:
        return "Whole line: A. Dashed: B."
    return f"Only {sides[0]} has such times: the other was not measured in a replay."


def _quantiles(curve: Curve) -> list[Content]:
    return [value(_at(curve.levels, side, level), "seconds") for level in _LEVELS for side in (curve.a, curve.b)]


def _at(levels: Sequence[float], side: Sequence[float], wanted: float) -> float | None:
    """The time at the level; None where the curve does not have that very level, or no figure there."""
    for level, time in zip(levels, side, strict=True):
        if abs(level - wanted) < 1e-9:
            return time
    return None


def _has(side: Sequence[float]) -> bool:
    return any(math.isfinite(t) for t in side)
