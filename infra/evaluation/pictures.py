"""Pictures of figures as inline SVG, in the colours of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from infra.evaluation.figures import Calibration, Latency
from infra.evaluation.intervals import Estimate
from infra.reporting import svg
from infra.reporting.markup import Html

_ONE, _TWO = ("one", "two")
_ENOUGH = 10
"""Rows of a bin from which on the line goes through it."""


def reliability(this: Calibration, other: Calibration | None) -> Html:
    """How often an answer was right, by how sure it was; bars behind are the share of rows, dashes the ideal."""
    left, top, size = 44, 12, 300
    parts = [_grid(left, top, size)]
    total = sum(b.rows for b in this.bins)
    for b in this.bins:
        height = size * b.rows / total
        x, width = left + b.low * size, (b.high - b.low) * size - 1
        parts.append(svg.tag("rect", x=x, y=top + size - height, width=width, height=height, class_="rows"))
    for calibration, name in ((other, _TWO), (this, _ONE)):
        if calibration is not None:
            points = [(left + b.confidence * size, top + size - b.accuracy * size) for b in calibration.bins]
            sure = [point for point, b in zip(points, calibration.bins, strict=True) if b.rows >= _ENOUGH]
            parts.append(svg.line(sure, f"line-{name}"))
            parts += [
                svg.tag("circle", cx=x, cy=y, r=2 + 3 * math.sqrt(b.rows / total), class_=name)
                for (x, y), b in zip(points, calibration.bins, strict=True)
            ]
    parts.append(svg.text(left + size / 2, top + size + 34, "confidence", "middle"))
    return svg.svg(left + size + 16, top + size + 42, "Reliability diagram", parts)


def latencies(this: Latency, other: Latency | None) -> Html:
    """Microseconds of the processor a message, by batch size and length, on a logarithmic scale."""
    rows = [(f"batch {s.batch}", s.cpu_us) for s in this.by_batch]
    rows += [(f"{band} characters", s.cpu_us) for band, s in this.bands]
    others = [s.cpu_us for s in (*other.by_batch, *(s for _, s in other.bands))] if other else []
    most = max([us for _, us in rows] + others)
    least = min([us for _, us in rows] + others) / 2
    left, width, step = 116, 250, 40 if others else 30
    parts = []

    def length(us: float) -> float:
        return width * math.log(us / least) / math.log(most / least)

    for i, (name, us) in enumerate(rows):
        y = 10 + i * step
        parts.append(svg.text(left - 8, y + (18 if others else 13), name, "end"))
        bars = [(us, _ONE, 0)] + ([(others[i], _TWO, 15)] if others else [])
        for value, kind, down in bars:
            parts.append(svg.tag("rect", x=left, y=y + down, width=length(value), height=13, rx=2, class_=kind))
            parts.append(svg.text(left + length(value) + 6, y + down + 11, f"{value:,.0f} µs", "start"))
    return svg.svg(left + width + 70, 10 + len(rows) * step, "Latency", parts)


def intervals(rows: Sequence[tuple[str, Estimate]]) -> Html:
    """A point and its interval for each name, from the lowest end up to 100 %."""
    least = min(estimate.low for _, estimate in rows)
    begin = max(0.0, math.floor((least - 0.02) * 10) / 10)
    left, width, step = 150, 250, 24
    parts = []

    def place(share: float) -> float:
        return left + width * (share - begin) / (1 - begin)

    bottom = 8 + len(rows) * step
    for tick in range(5):
        share = begin + (1 - begin) * tick / 4
        parts.append(svg.tag("line", x1=place(share), x2=place(share), y1=4, y2=bottom, class_="grid"))
        parts.append(svg.text(place(share), bottom + 16, f"{share * 100:.0f} %", "middle"))
    for i, (name, e) in enumerate(rows):
        y = 18 + i * step
        parts.append(svg.text(left - 10, y + 4, name if len(name) < 24 else name[:22] + "…", "end"))
        parts.append(svg.line([(place(e.low), y), (place(e.high), y)], "line-one"))
        parts.append(svg.tag("circle", cx=place(e.value), cy=y, r=4.5, class_=_ONE))
    return svg.svg(left + width + 26, bottom + 24, "Accuracy with intervals", parts)


def _grid(left: int, top: int, size: int) -> Html:
    parts = []
    for tick in range(0, 11, 2):
        at = tick / 10 * size
        parts.append(svg.tag("line", x1=left, x2=left + size, y1=top + size - at, y2=top + size - at, class_="grid"))
        parts.append(svg.text(left - 6, top + size - at + 4, f"{tick * 10} %", "end"))
        parts.append(svg.text(left + at, top + size + 16, f"{tick * 10} %", "middle"))
    parts.append(svg.tag("line", x1=left, y1=top + size, x2=left + size, y2=top, class_="ideal"))
    return Html("".join(parts))
