"""Times of day, on the day that the message names beside them, or its own; and moments counted in hours and minutes."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from processors.entities.calendar_days import day_of, time_of
from processors.entities.kinds import Found
from processors.entities.numerals import HAN_NUMERALS, HOUR_WORD, SMALL_WORD, small_number
from processors.entities.reading import Reading

_H: Final = f"[{HAN_NUMERALS}]{{1,3}}"
_HAN: Final = re.compile(
    rf"(?P<period>凌晨|清晨|早上|早晨|上午|中午|下午|午后|傍晚|晚上|夜里|半夜|[晚早])?\s?"
    rf"(?<![\d.:{HAN_NUMERALS}第之-])(?P<hour>[01]?\d|2[0-4]|{_H})(?P<mark>[点时](?!尚|候|间|代|评|赞|餐|单|击|数|心"
    rf"|名|差|区|速))钟?"
    rf"(?:(?P<half>半)|(?P<quarter>[一三])刻|整|(?P<minute>[0-5]?\d|{_H})分?)?(?!\d|[元块倍折])",
    re.ASCII,
)
_CLOCK: Final = re.compile(
    r"(?P<period>凌晨|早上|上午|中午|下午|傍晚|晚上|[晚早])?\s?(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):"
    r"(?P<minute>[0-5]\d)(?::[0-5]\d)?"
    r"(?![\d:])"
    r"(?:\s?(?P<half>[ap])\.?m\b|(?P<short>[ap])\b)?",
    re.ASCII,
)
_ENGLISH: Final = re.compile(
    rf"(?<![\d:.$£€])\b(?P<hour>1[0-2]|0?[1-9]|{HOUR_WORD}(?=\s?p))(?:[.](?P<minute>[0-5]\d))?\s?"
    rf"(?P<half>[ap])\.?\s?m\b\.?"
    rf"|\b(?P<part>half past|quarter past|quarter to)\s(?P<hour_after>\d{{1,2}}|{HOUR_WORD})\b"
    rf"|\b(?P<oclock>1[0-2]|[1-9]|{HOUR_WORD})\s?o'?clock\b(?:\s?(?:in the )?(?P<period>morning|afternoon|evening"
    rf"|at night))?",
    re.ASCII,
)
_NOON: Final = re.compile(r"\b(?:noon|midday|midnight)\b", re.ASCII)
_MOMENT: Final = re.compile(
    rf"(?<![\d.])\b(?P<count>\d{{1,4}}|half an|{SMALL_WORD})\s?(?P<unit>hours?|hrs?|minutes?|mins?)\s(?P<way>ago"
    rf"|earlier|from now|later)\b"
    rf"|\bin\s(?P<in_count>\d{{1,4}}|half an|{SMALL_WORD})\s?(?P<in_unit>hours?|hrs?|minutes?|mins?)\b",
    re.ASCII,
)
_HAN_MOMENT: Final = re.compile(
    rf"(?<![\d.个{HAN_NUMERALS}])(?P<count>\d{{1,4}}|{_H}|半)(?:个(?P<half>半)?)?(?P<unit>小时|钟头|分钟)(?P<way>以前|之前|前|以后"
    rf"|之后|后)",
    re.ASCII,
)
_LATER: Final = frozenset({"下午", "午后", "傍晚", "晚上", "晚", "afternoon", "evening", "at night"})
_NIGHT: Final = frozenset({"夜里", "半夜"})
_DARK: Final = frozenset(
    {"今晚", "昨晚", "明晚", "昨夜", "今夜", "tonight", "last night", "this evening", "this afternoon"}
)
_NEAR: Final = 20
"""How far from a day, in characters, a time may stand to be of that day."""
_MAX_HAN_HOUR: Final = 2
_ADJACENT: Final = 2
_LONGEST: Final = 40
"""Characters of the longest day."""
_WHOLE: Final = len("2026-05-03")
_EN_GATE: Final = frozenset({"pm", "am", "p", "a", "m", "o", "oclock", "past", "to"})
_MOMENT_GATE: Final = frozenset({"hour", "hours", "hr", "hrs", "minute", "minutes", "min", "mins"})


def _start(found: Found) -> int:
    return found.start


def times(reading: Reading, dates: Sequence[Found]) -> Iterator[Found]:
    """Values: 2026-05-03T15:30, in UTC. `dates`: the days found, in the order of the text."""
    letters, words, plain = reading.letters, reading.words, reading.plain
    if "点" in letters or "时" in letters:
        yield from _clocked(_HAN, reading, dates)
    if reading.digits and ":" in letters:
        yield from _clocked(_CLOCK, reading, dates)
    if not _EN_GATE.isdisjoint(words) or (reading.digits and "m" in letters):
        for match in _ENGLISH.finditer(plain):
            if (found := _english(match, reading, dates)) is not None:
                yield found
    if not {"noon", "midday", "midnight"}.isdisjoint(words):
        for match in _NOON.finditer(plain):
            late = 24 if match.group() == "midnight" else 12
            yield _found(match.start(), match.end(), late, 0, reading, dates)
    if not _MOMENT_GATE.isdisjoint(words):
        for match in _MOMENT.finditer(plain):
            way = match["way"] or "in"
            yield from _moment(
                match, match["count"] or match["in_count"], match["unit"] or match["in_unit"], way, reading.at
            )
    if ("前" in letters or "后" in letters) and ("时" in letters or "钟" in letters):
        for match in _HAN_MOMENT.finditer(plain):
            more = 0.5 if match["half"] else 0.0
            yield from _moment(match, match["count"], match["unit"], match["way"], reading.at, more)


def _clocked(pattern: re.Pattern[str], reading: Reading, dates: Sequence[Found]) -> Iterator[Found]:
    for match in pattern.finditer(reading.plain):
        groups = match.groupdict()
        hour, minute = small_number(groups["hour"]), _minute(groups)
        if hour is None or minute is None or hour > 24 or minute > 59 or not _is_time(groups):
            continue
        period = groups["period"] or ""
        start = match.start() + (len(match.group()) - len(match.group().lstrip(" ")))
        if len(period) == 1:  # 今晚8点: the 晚 belongs to the day
            start = match.start("hour")
        elif not period and (hour <= 12 and _day_is_dark(match.start("hour"), match.end(), reading, dates)):
            period = "晚"
        if pattern is _CLOCK and (half := groups["half"] or groups["short"]):
            hour = _half(hour, half)
        yield _found(start, match.end(), _in_period(hour, period), minute, reading, dates)


def _minute(groups: dict[str, str | None]) -> int | None:
    if groups.get("quarter"):
        return 15 if groups["quarter"] == "一" else 45
    if groups.get("half") == "半":
        return 30
    return small_number(groups["minute"]) if groups["minute"] else 0


def _is_time(groups: dict[str, str | None]) -> bool:
    """一点 may be a little, 两点 two remarks, 3时 nothing: a time where more says so."""
    period = groups["period"] or ""
    if groups.get("mark") is None or len(period) > 1 or groups["half"] or groups["quarter"]:
        return True
    if groups["minute"] or groups["mark"] == "时":
        return bool(groups["minute"])
    hour = groups["hour"] or ""
    return hour.isdecimal() or (hour not in ("一", "两") and len(hour) <= _MAX_HAN_HOUR)


def _english(match: re.Match[str], reading: Reading, dates: Sequence[Found]) -> Found | None:
    if match["part"]:
        hour = small_number(match["hour_after"])
        minute = {"half past": 30, "quarter past": 15, "quarter to": 45}[match["part"]]
        hour = hour if hour is None or match["part"] != "quarter to" else hour - 1
    elif match["oclock"]:
        hour, minute = small_number(match["oclock"]), 0
        if hour is not None and not match["period"] and _day_is_dark(match.start(), match.end(), reading, dates):
            hour = _in_period(hour, "at night")
    else:
        hour, minute = small_number(match["hour"]), int(match["minute"] or 0)
        hour = None if hour is None else _half(hour, match["half"])
    if hour is None or not 0 <= hour <= 24:
        return None
    return _found(match.start(), match.end(), _in_period(hour, match["period"] or ""), minute, reading, dates)


def _half(hour: int, half: str) -> int:
    if hour > 12:
        return hour
    return hour % 12 + (12 if half == "p" else 0)


def _in_period(hour: int, period: str) -> int:
    """The hour of 24, of an hour said with a part of the day."""
    if period in _LATER:
        return hour + 12 if hour <= 12 and not (hour == 12 and period in ("下午", "午后", "afternoon")) else hour
    if period == "中午":
        return hour + 12 if hour <= 3 else hour
    if period in _NIGHT:
        return hour + 12 if 6 <= hour <= 12 else hour
    return 0 if period == "凌晨" and hour == 12 else hour


def _day_is_dark(start: int, end: int, reading: Reading, dates: Sequence[Found]) -> bool:
    return any(
        reading.plain[d.start : d.end] in _DARK
        for d in _near(start, end, dates)
        if min(abs(start - d.end), abs(d.start - end)) <= _ADJACENT
    )


def _found(start: int, end: int, hour: int, minute: int, reading: Reading, dates: Sequence[Found]) -> Found:
    day = _day_beside(start, end, dates) or day_of(reading.at)
    moment = datetime.combine(day, time()) + timedelta(hours=hour, minutes=minute)
    return Found(start, end, "time", moment.isoformat(timespec="minutes"))


def _day_beside(start: int, end: int, dates: Sequence[Found]) -> date | None:
    """The day named next to a time: before it rather than after."""
    gaps = [(start - d.end if d.end <= start else d.start - end + 1, d) for d in _near(start, end, dates)]
    for _, found in sorted((gap, d) for gap, d in gaps if 0 <= gap <= _NEAR and len(d.value) == _WHOLE):
        try:
            return date.fromisoformat(found.value)
        except ValueError:
            continue  # as written, for it is no day
    return None


def _near(start: int, end: int, dates: Sequence[Found]) -> Sequence[Found]:
    """Of days in the order of the text those that may lie near, so that a long text takes no longer by the square."""
    first = bisect_left(dates, start - _NEAR - _LONGEST, key=_start)
    return dates[first : bisect_right(dates, end + _NEAR, key=_start)]


def _moment(match: re.Match[str], written: str, unit: str, way: str, at: int, more: float = 0) -> Iterator[Found]:
    count = 0.5 if written in ("half an", "半") else small_number(written)
    if count is None or count > 5_000:
        return
    back = -1 if way in ("ago", "earlier", "前", "以前", "之前") else 1
    minutes = (count + more) * (60 if unit[0] in "h小钟" else 1)
    moment = time_of(at) + timedelta(minutes=back * minutes)
    yield Found(match.start(), match.end(), "time", moment.isoformat(timespec="minutes"))
