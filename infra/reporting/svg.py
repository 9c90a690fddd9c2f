"""The strokes that pictures are made of: inline SVG in the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from infra.reporting.markup import Html, element


def svg(
    width: float, height: float, label: str, parts: Sequence[Html], class_: str = "", stretched: bool = False
) -> Html:
    """The picture; `label` is what it is to whoever cannot see it. `stretched`: as wide as there is room, no taller."""
    named = f' class="{escape(class_)}"' if class_ else ""
    body = "".join(parts)
    named += ' preserveAspectRatio="none"' if stretched else ""
    return Html(f'<svg{named} viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">{body}</svg>')


def tag(name: str, class_: str, **numbers: float) -> Html:
    """An element without content; its numbers to a hundredth."""
    written = " ".join(f'{key}="{value:.2f}"' for key, value in numbers.items())
    return Html(f'<{name} class="{escape(class_)}" {written}/>')


def line(points: Sequence[tuple[float, float]], class_: str) -> Html:
    written = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return Html(f'<polyline class="{escape(class_)}" points="{written}"/>')


def polygon(points: Sequence[tuple[float, float]], class_: str) -> Html:
    written = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return Html(f'<polygon class="{escape(class_)}" points="{written}"/>')


def text(x: float, y: float, written: str, anchor: str, class_: str = "") -> Html:
    """`anchor`: start, middle or end."""
    return element("text", written, x=f"{x:.2f}", y=f"{y:.2f}", text_anchor=anchor, class_=class_)
