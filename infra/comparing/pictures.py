"""The pictures of a comparison: effects with their intervals, and how long turns took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from infra.comparing.wording import MARKS, Way, seconds
from infra.reporting import svg
from infra.reporting.markup import Html

_WIDTH: Final = 260
_HEIGHT: Final = 26
_EDGE: Final = 10
_HALF: Final = (_WIDTH - 2 * _EDGE) / 2


@dataclass(frozen=True)
class Scale:
    """Of differences, the same to both sides of nothing. `most`: what stands at either end."""

    most: float

    @classmethod
    def of(cls, ends: Sequence[float]) -> Scale:
        """The least round number that holds all that is finite."""
        sizes = [abs(end) for end in ends if math.isfinite(end)]
        most = max(sizes, default=0.0)
        return cls(_round(most) if most else 0.01)

    def at(self, difference: float) -> float:
        """Where it stands in the picture; what is beyond the scale stands at its end."""
        share = max(-1.0, min(1.0, difference / self.most))
        return _EDGE + _HALF + _HALF * share


def effect(scale: Scale, difference: float, low: float, high: float, way: Way, label: str, limit: float | None) -> Html:
    """One effect: its interval as a bar, the effect as a mark whose shape says which way it goes, nothing as a line.

    limit: the difference that the gate still allows, dashed; None where the gate says nothing of it.
    """
    middle = _HEIGHT / 2
    parts = [svg.line([(scale.at(0), 0), (scale.at(0), _HEIGHT)], "zero")]
    if limit is not None and abs(limit) <= scale.most:
        parts.append(svg.line([(scale.at(limit), 0), (scale.at(limit), _HEIGHT)], "limit"))
    if math.isfinite(low) and math.isfinite(high):
        left, right = scale.at(low), scale.at(high)
        parts.append(svg.tag("rect", f"bar {way}", x=left, y=middle - 3, width=max(right - left, 1.0), height=6, rx=3))
    if math.isfinite(difference):
        parts.append(_mark(scale.at(difference), middle, way))
    return svg.svg(_WIDTH, _HEIGHT, label, parts, "effect")


def axis(scale: Scale, left: str, right: str) -> Html:
    """What the ends and the middle of the pictures above it mean."""
    parts = [
        svg.text(0, 14, left, "start"),
        svg.text(scale.at(0), 14, "0", "middle"),
        svg.text(_WIDTH, 14, right, "end"),
    ]
    return svg.svg(_WIDTH, 18, f"from {left} to {right}", parts, "effect")


def _mark(x: float, y: float, way: Way) -> Html:
    if way == "better":
        return svg.polygon([(x, y - 7), (x + 7, y + 6), (x - 7, y + 6)], "mark better")
    if way == "worse":
        return svg.polygon([(x, y + 7), (x + 7, y - 6), (x - 7, y - 6)], "mark worse")
    if way == "changed":
        return svg.polygon([(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)], "mark changed")
    return svg.tag("circle", f"mark {way}", cx=x, cy=y, r=5)


@dataclass(frozen=True)
class Curve:
    """How long turns took. points: (share of turns, seconds that they stay within), rising."""

    name: str
    points: Sequence[tuple[float, float]]


def latencies(curves: Sequence[Curve], label: str) -> Html:
    """The share of turns that a time is enough for; times on a logarithmic scale. The first line is whole, the second
    dashed."""
    left, top, width, height = 46, 10, 330, 190
    times = [t for curve in curves for _, t in curve.points if t > 0 and math.isfinite(t)]
    least, most = _decade(min(times)), max(max(times), min(times) * 1.01)
    reach = math.log(most / least)

    def place(share: float, time: float) -> tuple[float, float]:
        x = left + width * (math.log(max(time, least) / least) / reach if reach else 0.5)
        return min(x, left + width), top + height * (1 - share)

    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = place(share, least)[1]
        parts.append(svg.tag("line", x1=left, x2=left + width, y1=y, y2=y, class_="grid"))
        parts.append(svg.text(left - 6, y + 4, f"{share * 100:.0f} %", "end"))
    for time in _ticks(least, most):
        x = place(0, time)[0]
        parts.append(svg.tag("line", x1=x, x2=x, y1=top, y2=top + height, class_="grid"))
        parts.append(svg.text(x, top + height + 16, seconds(time), "middle"))
    for curve, kind in zip(curves, ("one", "two"), strict=False):
        points = [place(share, time) for share, time in curve.points if math.isfinite(time)]
        parts.append(svg.line(points, f"line-{kind}"))
    return svg.svg(left + width + 24, top + height + 24, label, parts, "bars")


def shares(parts: Sequence[tuple[str, float]], label: str) -> Html:
    """A whole, cut into shares, in the order of the list that stands below it."""
    drawn, x = [], 0.0
    for i, (_, share) in enumerate(parts):
        width = _WIDTH * max(0.0, min(1.0, share))
        drawn.append(svg.tag("rect", f"share s{i % 6}", x=x, y=2, width=width, height=18))
        x += width
    return svg.svg(_WIDTH, 22, label, drawn, "shares", stretched=True)


def mark(way: Way) -> str:
    return MARKS[way]


def _round(size: float) -> float:
    """The least of 1, 2, 2.5, 5, 10 times a power of ten that holds the size."""
    power = 10.0 ** math.floor(math.log10(size))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= size * 0.999999)


def _decade(time: float) -> float:
    """The 1, 2 or 5 times a power of ten that is not above it."""
    power = 10.0 ** math.floor(math.log10(time))
    return max(step * power for step in (1, 2, 5) if step * power <= time * 1.000001)


def _ticks(least: float, most: float) -> list[float]:
    """Round times between; of many, the powers of ten alone."""
    first = math.floor(math.log10(least))
    last = math.ceil(math.log10(most))
    steps = (1, 2, 5) if math.log10(most / least) <= 1.7 else (1,)
    found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return [time for time in found if least * 0.999 <= time <= most * 1.001]
