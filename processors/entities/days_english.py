"""Days as they are said in English."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from processors.entities import calendar_days as days_of
from processors.entities.day_rules import ago, day_of_month, feast, iso, named, part_of_month, rule
from processors.entities.numerals import SMALL_WORD
from processors.entities.reading import words

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONG: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_M: Final = rf"(?:{'|'.join(_LONG)}|{'|'.join(_MONTHS)}|sept)(?![a-z])\.?"
_W: Final = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|tues?|thurs?|thu|fri)(?![a-z])"
_W_SHORT: Final = r"(?:mon|wed|sat|sun)(?![a-z])"
_D: Final = r"(?:3[01]|[12]\d|0?[1-9])(?![\d:])"
_RELATIVE: Final = {"last": -1, "past": -1, "previous": -1, "this": 0, "next": 1, "coming": 1}


def _date(match: re.Match[str], today: date) -> str:
    month, day = _month(match["month"]), int(match["day"])
    if match["year"]:
        return iso(days_of.exact(int(match["year"]), month, day))
    return iso(days_of.nearest(today, month, day))


def _month_alone(match: re.Match[str], today: date) -> str:
    month = _month(match["month"])
    if match["year"]:
        return f"{int(match['year']):04}-{month:02}"
    if match["which"] in ("last", "next"):
        sign = _RELATIVE[match["which"]]
        year = today.year + (sign if (today.month - month) * sign >= 0 else 0)
        return f"{year:04}-{month:02}"
    return days_of.nearest_month(today, month)


def _month(name: str) -> int:
    return _MONTHS.index(name[:3]) + 1


def _weekday(match: re.Match[str], today: date) -> str:
    number, which = _WEEKDAYS.index(match["day"][:3]), match["which"]
    if which in ("last", "past", "previous"):
        return iso(days_of.weekday_before(today, number))
    if which in ("next", "this"):
        return iso(days_of.weekday(today, number, _RELATIVE[which]))
    if which == "coming":
        return iso(days_of.moved(today, (number - today.weekday() - 1) % 7 + 1))
    return iso(days_of.nearest_weekday(today, number))


def _week_day(match: re.Match[str], today: date) -> str:
    return iso(days_of.weekday(today, _WEEKDAYS.index(match["day"][:3]), _RELATIVE[match["which"]]))


def _stretch(match: re.Match[str], today: date) -> str:
    """last week, next month, this year, the weekend."""
    step, unit = _RELATIVE.get(match["which"] or "this", 0), match["unit"]
    if unit == "weekend":
        return iso(days_of.weekday(today, 5, step))
    if unit == "week":
        return days_of.week(today, step)
    return days_of.month(today, step) if unit == "month" else f"{today.year + step:04}"


def _end(match: re.Match[str], today: date) -> str:
    part = {"end": "底", "start": "初", "beginning": "初", "middle": "中"}[match["part"]]
    first = days_of.months_on(today.replace(day=1), _RELATIVE.get(match["which"], 0))
    return "" if first is None else part_of_month(part, first)


_FEASTS: Final = (
    rule(
        r"\b(?P<name>new year'?s (?:eve|day)|valentine'?s day|halloween|christmas(?: eve| day)?|xmas"
        r"|boxing day"
        r"|independence day|fourth of july|singles'? day|thanksgiving|black friday|cyber monday)\b",
        feast,
    ),
)
_NAMED: Final = (
    rule(
        r"\b(?:(?:the )?day (?:before yesterday|after tomorrow)|yesterday|today|tonight|tomorrow|tmrw|tmr|last night"
        r"|this (?:morning|afternoon|evening))\b(?!'s world)",
        named,
    ),
)
_MONTH_DAYS: Final = (
    rule(
        rf"\b(?P<month>{_M})\s?(?:the )?(?P<day>{_D})(?:\s?(?:st|nd|rd|th))?(?![a-z\d])(?:,?\s?(?P<year>(?:19"
        rf"|20)\d\d)(?!\d))?",
        _date,
    ),
    rule(
        rf"(?<![\d.])(?P<day>{_D})(?:\s?(?:st|nd|rd|th))?[ -]?(?:of )?(?P<month>{_M})(?:,?[ -]?(?P<year>(?:19"
        rf"|20)\d\d)(?!\d))?",
        _date,
    ),
    rule(
        rf"\b(?:in|since|by|until|till|during|of|from|(?P<which>last|next))\s(?P<span>)(?P<month>{_M})(?!\s?\d{{1,2}}"
        rf"(?!\d))(?:,?\s?(?P<year>(?:19|20)\d\d)(?!\d))?",
        _month_alone,
    ),
)
_WEEKS: Final = (
    rule(rf"\b(?:(?P<which>last|past|previous|this|next|coming)\s)?(?P<day>{_W})", _weekday),
    rule(
        rf"\b(?:on|by|until|till|since|from|(?P<span>(?P<which>last|past|previous|this|next|coming)))\s"
        rf"(?P<day>{_W_SHORT})",
        _weekday,
    ),
)
_STRETCHES: Final = (
    rule(rf"\b(?P<which>last|this|next) week,? (?:on )?(?P<day>{_W})", _week_day),
    rule(rf"\b(?P<day>{_W}),? (?:of )?(?P<which>last|this|next) week\b", _week_day),
    rule(r"\b(?:(?P<which>last|past|this|next|coming)\s|the\s)(?P<unit>weekend)\b", _stretch),
    rule(r"\b(?P<which>last|this|next)\s(?P<unit>week|month|year)\b(?!'?s? (?:end|old))", _stretch),
    rule(r"\b(?P<part>end|start|beginning|middle) of (?P<which>the|this|next|last) month\b", _end),
)
_AGO: Final = (
    rule(
        rf"(?<![\d.])\b(?P<count>\d{{1,4}}|{SMALL_WORD})\s(?P<unit>days?|weeks?|fortnights?|months?|years?)\s"
        rf"(?P<way>ago|before(?! [a-z])|earlier|back|from now|later)\b",
        ago,
    ),
    rule(
        rf"\b(?P<way>in)\s(?P<count>\d{{1,4}}|{SMALL_WORD})\s(?:business |working )?(?P<unit>days?|weeks?|fortnights?"
        rf"|months?|years?)\b(?! (?:of|or)\b)",
        ago,
    ),
)
_OF_MONTH: Final = (
    rule(
        r"\b(?:on|by|since|from|until|till|before|after) (?P<span>the )(?P<day>3[01]|[12]\d|[1-9])(?:st|nd|rd|th)\b"
        r"(?! (?:of|time|floor|order|item|day|street|one))",
        day_of_month,
    ),
)
RULES: Final = (
    (
        words(
            "new valentine valentines halloween christmas xmas boxing independence july singles thanksgiving black "
            "cyber"
        ),
        _FEASTS,
    ),
    (words("yesterday today tonight tomorrow tmrw tmr night morning afternoon evening"), _NAMED),
    (words(f"{' '.join(_LONG)} {' '.join(_MONTHS)} sept"), _MONTH_DAYS),
    (
        words("monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun"),
        _WEEKS,
    ),
    (words("weekend week month year"), _STRETCHES),
    (words("day days week weeks fortnight fortnights month months year years"), _AGO),
    (words("st nd rd th"), _OF_MONTH),
)
"""Rules, and the words without one of which they have no chance."""
WORDS: Final = frozenset().union(*(wanted for wanted, _ in RULES))
"""All these words."""
