"""Days, as they are said in Chinese and English and in figures, resolved against the message's day (UTC)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from processors.entities import calendar_days as days_of
from processors.entities import days_english, days_han
from processors.entities.day_rules import Rule, iso, rule
from processors.entities.kinds import Found
from processors.entities.reading import Reading


def days(reading: Reading) -> Iterator[Found]:
    """Values: 2026-05-03; a month as 2026-05, a week as 2026-W19, a year as 2025."""
    today = days_of.day_of(reading.at)
    for rules in _rules(reading):
        for pattern, read in rules:
            for match in pattern.finditer(reading.plain):
                if value := read(match, today):
                    start = match.start("span") if "span" in pattern.groupindex else match.start()
                    yield Found(match.start("day") if start < 0 else start, match.end(), "date", value)


def _rules(reading: Reading) -> Iterator[Sequence[Rule]]:
    """Those that have a chance."""
    if reading.digits and not _SEPARATORS.isdisjoint(reading.letters):
        yield _FIGURES
    if not reading.plain.isascii():
        yield from (rules for gate, rules in days_han.RULES if gate(reading))
    if not days_english.WORDS.isdisjoint(reading.words):
        yield from (rules for wanted, rules in days_english.RULES if not wanted.isdisjoint(reading.words))


def _numbers(match: re.Match[str]) -> list[int]:
    return [int(n) for n in re.findall(r"\d{1,4}", match.group())]


def _full(match: re.Match[str], _: date) -> str:
    """Year first. What has the form but is no day stays as written."""
    year, month, day = _numbers(match)
    return iso(days_of.exact(year, month, day)) or match.group()


def _year_last(match: re.Match[str], _: date) -> str:
    first, second, year = _numbers(match)
    year += 2000 if year < 100 else 0
    month, day = (second, first) if first > 12 else (first, second)
    return iso(days_of.exact(year, month, day))


def _slashed(match: re.Match[str], today: date) -> str:
    first, second = (int(n) for n in match["numbers"].split("/"))
    month, day = (second, first) if first > 12 else (first, second)
    return iso(days_of.nearest(today, month, day)) if 1 <= month <= 12 else ""


_FIGURES: Final = (
    rule(r"(?<![\d.-])(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}(?![\d-]|\.\d)", _full),
    rule(r"(?<![\d./-])\d{1,2}([-/.])\d{1,2}\1(?:(?:19|20)\d\d|[12]\d)(?![\d/-]|\.\d)", _year_last),
    rule(
        r"(?:\b(?:on|by|since|from|until|till|before|after|dated?|due|for|at|between|and)\s|[-~到至于在从期是:]\s?"
        r"|^\s?)"
        r"(?P<span>)(?P<numbers>(?<![\d/])(?!24/7|1/2\b|50/50)\d{1,2}/\d{1,2})(?![\d/%])",
        _slashed,
    ),
)
_SEPARATORS: Final = frozenset("/-.")
