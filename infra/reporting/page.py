"""The page of a report: one HTML file that needs nothing else, light and dark, readable on a phone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Final

from infra.reporting.markup import Content, Html, element, html, joined

TEMPLATE: Final = Path(__file__).with_name("page.html")


def page(title: str, body: Iterable[Content]) -> str:
    """The whole file."""
    return Template(TEMPLATE.read_text("utf-8")).substitute(title=html(title), body=joined(body))


def tile(name: str, value: str, more: str) -> Html:
    """One figure, large, with what it is above and its interval or what it rests on below."""
    return element("div", element("span", name), element("b", value), element("span", more or "\u00a0"), class_="tile")


def tiles(found: Iterable[Html]) -> Html:
    return element("div", *found, class_="tiles")


def warning(said: str) -> Html:
    return element("div", said, class_="warning")


def note(*said: Content) -> Html:
    return element("p", *said, class_="note")


def folded(summary: Content, *content: Content) -> Html:
    """Opens at a click."""
    return element("details", element("summary", summary), *content)
