"""What every rule that reads a day is made of, in whatever language."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple

from processors.entities import calendar_days as days_of
from processors.entities.numerals import HAN_NUMERALS, small_number
from processors.entities.reading import Reading

HAN_COUNT: Final = f"[{HAN_NUMERALS}]{{1,3}}"
_TODAY: Final = {
    "大前天": -3, "前天": -2, "前日": -2, "昨天": -1, "昨日": -1, "昨晚": -1, "昨夜": -1, "今天": 0, "今日": 0,
    "今晚": 0,
    "今早": 0, "今夜": 0, "明天": 1, "明日": 1, "明早": 1, "明晚": 1, "后天": 2, "后日": 2, "大后天": 3,
    "the day before yesterday": -2, "day before yesterday": -2, "yesterday": -1, "last night": -1, "today": 0,
    "tonight": 0, "this morning": 0, "this afternoon": 0, "this evening": 0, "tomorrow": 1, "tmrw": 1, "tmr": 1,
    "the day after tomorrow": 2, "day after tomorrow": 2,
}  # fmt: skip
YEAR_WORDS: Final = {"前年": -2, "去年": -1, "今年": 0, "明年": 1, "后年": 2}
_UNIT_DAYS: Final = {"day": 1, "week": 7, "fortnight": 14, "天": 1, "日": 1, "周": 7, "星期": 7, "礼拜": 7}
_UNIT_MONTHS: Final = {"month": 1, "year": 12, "月": 1, "年": 12}


class Rule(NamedTuple):
    """A way to name a day, from its group `span` on where it has one. `read`: the value (ISO), or nothing."""

    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], date], str]


def rule(pattern: str, read: Callable[[re.Match[str], date], str]) -> Rule:
    """A rule; patterns see ASCII alone as letters, digits and spaces."""
    return Rule(re.compile(pattern, re.ASCII), read)


def any_letter(letters: str, also: str = "") -> Callable[[Reading], bool]:
    """Whether any of these characters is in the text, and any of the others."""
    wanted, more = frozenset(letters), frozenset(also or letters)
    return lambda reading: not wanted.isdisjoint(reading.letters) and not more.isdisjoint(reading.letters)


def iso(day: date | None) -> str:
    """2026-05-03, or nothing for no day."""
    return "" if day is None else day.isoformat()


def count_of(written: str | None) -> int | None:
    """A number that may not be there."""
    return None if written is None else small_number(written)


def year_said(written: str | None, today: date) -> int | None:
    """2026年, 26年 or 去年 as a number."""
    written = (written or "").strip().rstrip("的")
    if not written:
        return None
    if written in YEAR_WORDS:
        return today.year + YEAR_WORDS[written]
    year = count_of(written[:-1])
    return None if year is None else year + 2000 if year < 100 else year


def part_of_month(part: str, first: date) -> str:
    """初, 中 or 底 (or 末) of the month that begins so: its first day, the 15th, its last."""
    if part == "初":
        return first.isoformat()
    if part == "中":
        return first.replace(day=15).isoformat()
    return iso(days_of.moved(days_of.months_on(first, 1) or first, -1))


def named(match: re.Match[str], today: date) -> str:
    """明天, yesterday: a word that is a day."""
    return iso(days_of.moved(today, _TODAY[" ".join(match.group().split())]))


def feast(match: re.Match[str], today: date) -> str:
    """双十一, Christmas; the nearest, or that of the group `year`."""
    return iso(days_of.feast(match["name"], today, year_said(match.groupdict().get("year"), today)))


def ago(match: re.Match[str], today: date) -> str:
    """3 days ago, in two weeks, 三天后, 半年前."""
    written = match["count"]
    unit = match["unit"].rstrip("s")
    back = -1 if match["way"] in ("前", "以前", "之前", "ago", "before", "earlier", "back") else 1
    if written == "半":
        return iso(days_of.months_on(today, back * 6)) if unit == "年" else ""
    count = small_number(written)
    if count is None or count > 5_000:
        return ""
    if unit in _UNIT_MONTHS:
        return iso(days_of.months_on(today, back * count * _UNIT_MONTHS[unit]))
    return iso(days_of.moved(today, back * count * _UNIT_DAYS[unit]))


def day_of_month(match: re.Match[str], today: date) -> str:
    """5号, the 5th."""
    day = small_number(match["day"])
    return iso(days_of.nearest_day_of_month(today, day)) if day else ""
