"""Which day is meant, seen from the day of the message. A reading without a year is the nearest such day."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Final

_FIXED: Final = {
    "元旦": (1, 1), "情人节": (2, 14), "三八节": (3, 8), "妇女节": (3, 8), "五一": (5, 1), "劳动节": (5, 1),
    "六一": (6, 1),
    "儿童节": (6, 1), "618": (6, 18), "十一": (10, 1), "国庆": (10, 1), "双十一": (11, 11), "双11": (11, 11),
    "双十二": (12, 12), "双12": (12, 12), "平安夜": (12, 24), "圣诞": (12, 25), "跨年": (12, 31),
    "new year's eve": (12, 31), "new years eve": (12, 31), "new year's day": (1, 1), "new years day": (1, 1),
    "valentine's day": (2, 14), "valentines day": (2, 14), "halloween": (10, 31), "christmas eve": (12, 24),
    "christmas day": (12, 25), "christmas": (12, 25), "xmas": (12, 25), "boxing day": (12, 26),
    "independence day": (7, 4), "fourth of july": (7, 4), "singles day": (11, 11), "singles' day": (11, 11),
}  # fmt: skip
_LUNAR: Final = {
    "春节": (
        "2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06 2028-01-26 "
        "2029-02-13 2030-02-03 2031-01-23 2032-02-11 2033-01-31 2034-02-19 2035-02-08"
    ),
    "端午": (
        "2020-06-25 2021-06-14 2022-06-03 2023-06-22 2024-06-10 2025-05-31 2026-06-19 2027-06-09 2028-05-28 "
        "2029-06-16 2030-06-05"
    ),
    "中秋": (
        "2020-10-01 2021-09-21 2022-09-10 2023-09-29 2024-09-17 2025-10-06 2026-09-25 2027-09-15 2028-10-03 "
        "2029-09-22 2030-09-12"
    ),
}  # fmt: skip
_FROM_SPRING: Final = {"除夕": -1, "元宵": 14}
FEASTS: Final = (*_FIXED, *_LUNAR, *_FROM_SPRING, "thanksgiving", "black friday", "cyber monday")
"""The names of days that `feast` knows."""
_YEARS: Final = (1, 9998)


def day_of(at: int) -> date:
    """The day (UTC) of a time in microseconds, kept two days inside what a date can hold."""
    return date.fromordinal(719_163 + min(max(at // 86_400_000_000, 0), 2_893_518))


def time_of(at: int) -> datetime:
    """A time in microseconds, as UTC without zone, within years that leave room to count from."""
    seconds = min(max(at // 1_000_000, 0), 250_000_000_000)
    return datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None) + timedelta(seconds=seconds)


def moved(day: date, days: int) -> date | None:
    """So many days on; None beyond the calendar."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def months_on(day: date, months: int) -> date | None:
    """The same day so many months on, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not _YEARS[0] <= year <= _YEARS[1]:
        return None
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def exact(year: int, month: int, day: int) -> date | None:
    """That day; None when there is none, such as the 45th of May."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def nearest(today: date, month: int, day: int) -> date | None:
    """That day of the year in which it lies closest to today; of two the later."""
    years = range(today.year - 1, today.year + 2)
    if (month, day) == (2, 29):
        years = range(today.year - 4, today.year + 5)
    return _closest(today, [exact(year, month, day) for year in years])


def nearest_day_of_month(today: date, day: int) -> date | None:
    """That day of the month before, this one or the next, whichever lies closest."""
    around = [months_on(today.replace(day=1), n) for n in (-1, 0, 1)]
    return _closest(today, [exact(m.year, m.month, day) for m in around if m is not None])


def nearest_month(today: date, month: int) -> str:
    """Such a month as 2026-05: in the year in which it lies closest."""
    found = nearest(today, month, 15)
    return f"{found.year:04}-{month:02}" if found is not None else ""


def weekday(today: date, number: int, weeks: int) -> date | None:
    """Monday is 0; of this week (0), the one before (-1), and so on. Weeks begin on Mondays."""
    return moved(today, number - today.weekday() + 7 * weeks)


def nearest_weekday(today: date, number: int) -> date | None:
    """At most three days away."""
    return moved(today, (number - today.weekday() + 3) % 7 - 3)


def weekday_before(today: date, number: int) -> date | None:
    """The latest such day before today."""
    return moved(today, -((today.weekday() - number - 1) % 7 + 1))


def week(today: date, weeks: int) -> str:
    """An ISO week such as 2026-W25."""
    day = moved(today, 7 * weeks)
    return "{:04}-W{:02}".format(*day.isocalendar()[:2]) if day is not None else ""


def month(today: date, months: int) -> str:
    """A month such as 2026-05."""
    day = months_on(today, months)
    return f"{day.year:04}-{day.month:02}" if day is not None else ""


def feast(name: str, today: date, year: int | None = None) -> date | None:
    """A feast or a shopping day: the nearest one, or that of a year."""
    if name in _FIXED:
        return exact(year, *_FIXED[name]) if year else nearest(today, *_FIXED[name])
    if name in _FROM_SPRING:
        spring = feast("春节", today, year)
        return moved(spring, _FROM_SPRING[name]) if spring is not None else None
    if name in _LUNAR:
        days: list[date | None] = [date.fromisoformat(day) for day in _LUNAR[name].split()]
    else:
        days = [_thanksgiving(y, name) for y in range(today.year - 1, today.year + 2)]
    if year:
        return next((day for day in days if day is not None and day.year == year), None)
    found = _closest(today, days)
    return found if found is not None and abs((found - today).days) < 400 else None


def _thanksgiving(year: int, name: str) -> date | None:
    first = exact(year, 11, 1)
    after = {"thanksgiving": 0, "black friday": 1, "cyber monday": 4}[name]
    return None if first is None else first + timedelta(days=(3 - first.weekday()) % 7 + 21 + after)


def _closest(today: date, days: list[date | None]) -> date | None:
    there = [day for day in days if day is not None]
    return min(there, key=lambda day: (abs((day - today).days), -day.toordinal()), default=None)
