"""The page of a benchmark, one HTML file: the headline, the figures in a table, then lines over rate or time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from infra.reporting import svg
from infra.reporting.markup import Content, Html, element, joined, table
from infra.reporting.page import note, page, tile, tiles

if TYPE_CHECKING:
    from infra.benches.machine import Machine

COLOURS: Final = 6
_LEFT, _TOP, _WIDTH, _HEIGHT = 62, 10, 420, 200
Points = Sequence[tuple[float, float]]


def report(
    title: str,
    headline: str,
    figures: Mapping[str, tuple[str, str]],
    machine: Machine,
    limit: str,
    *content: Content,
) -> str:
    """The whole file. figures: the large ones: name to its value and what stands below it. content: tables and charts,
    each with a heading of its own where it needs one (`section`).
    """
    body: list[Content] = [
        element("header", element("h1", title)),
        element("div", headline, element("small", limit), class_="verdict"),
        tiles(tile(name, value, below) for name, (value, below) in figures.items()),
        *content,
        note(machine.sentence),
    ]
    return page(title, body)


def section(heading: str, *content: Content) -> Html:
    """Content under a heading."""
    return joined([element("h2", heading), *content])


def rows(columns: Sequence[str], found: Iterable[Sequence[Content]], caption: str = "") -> Html:
    """A table whose first column names the row."""
    return table(columns, found, caption=caption)


def chart(series: Mapping[str, Points], x: str, y: str) -> Html:
    """Lines over one axis, each series (x, y) in the order of x; from 0 upwards, straight scales. x, y: what the axes
    are, with their unit. Points that are no finite numbers are left out.
    """
    lines = {name: [p for p in points if all(map(math.isfinite, p))] for name, points in series.items()}
    every = [p for points in lines.values() for p in points]
    if not every:
        return note(f"{y} by {x}: nothing was measured")
    lowest, highest = min(p[0] for p in every), max(p[0] for p in every)
    across = _steps(0.0 if 0 < lowest <= highest / 2 else lowest, highest)
    up = _steps(0.0, max(p[1] for p in every))
    place = _Places(across[0], across[-1], up[-1])
    parts = [*_grid(place, across, up, x, y)]
    for number, points in enumerate(lines.values()):
        drawn = [place.at(*p) for p in points]
        colour = f"c{number % COLOURS}"
        parts.append(svg.line(drawn, f"curve {colour}"))
        if len(drawn) <= 40:
            parts += [svg.tag("circle", f"dot {colour}", cx=px, cy=py, r=2.6) for px, py in drawn]
    picture = svg.svg(_LEFT + _WIDTH + 24, _TOP + _HEIGHT + 44, f"{y} by {x}", parts)
    return element("div", picture, _legend(list(lines)), class_="card")


class _Places:
    """Where values stand in the picture."""

    def __init__(self, least: float, most: float, top: float) -> None:
        self._least, self._reach, self._top = least, (most - least) or 1.0, top or 1.0

    def at(self, x: float, y: float) -> tuple[float, float]:
        return _LEFT + _WIDTH * (x - self._least) / self._reach, _TOP + _HEIGHT * (1 - max(0.0, y) / self._top)


def _grid(place: _Places, across: Sequence[float], up: Sequence[float], x: str, y: str) -> Iterable[Html]:
    for value in up:
        left, height = place.at(across[0], value)
        yield svg.tag("line", "grid", x1=left, x2=left + _WIDTH, y1=height, y2=height)
        yield svg.text(left - 6, height + 4, f"{value:,g}", "end")
    for value in across:
        at, bottom = place.at(value, 0.0)
        yield svg.tag("line", "grid", x1=at, x2=at, y1=_TOP, y2=_TOP + _HEIGHT)
        yield svg.text(at, bottom + 16, f"{value:,g}", "middle")
    yield svg.text(_LEFT + _WIDTH / 2, _TOP + _HEIGHT + 36, x, "middle")
    yield svg.text(_LEFT + 6, _TOP + 12, y, "start")


def _legend(names: Sequence[str]) -> Html:
    swatches = (joined([element("span", class_=f"swatch s{n % COLOURS}"), f"{name}  "]) for n, name in enumerate(names))
    return element("p", *swatches, class_="note") if len(names) > 1 else Html("")


def _steps(least: float, most: float, about: int = 5) -> list[float]:
    """Round values from at or below the least to at or above the most, about so many."""
    reach = (most - least) or abs(most) or 1.0
    power = 10.0 ** math.floor(math.log10(reach / about))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= reach / about * 0.999)
    first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
    return [round(step * n, 10) for n in range(first, max(last, first + 1) + 1)]
