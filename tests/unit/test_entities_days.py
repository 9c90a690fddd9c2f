"""Days and times in messages, seen from Friday 2026-06-19, noon UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.extracting import entities, values

DECEMBER = int(datetime(2026, 12, 20, 12, tzinfo=UTC).timestamp()) * 1_000_000
JANUARY = int(datetime(2026, 1, 3, 12, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on 2026-03-18", "2026-03-18"),
        ("2026/3/18下单", "2026-03-18"),
        ("2026.3.18", "2026-03-18"),
        ("20260503", "2026-05-03"),
        ("06072018", "2018-06-07"),
        ("2026年5月3日", "2026-05-03"),
        ("２０２６年５月３日", "2026-05-03"),
        ("二〇二六年五月三日", "2026-05-03"),
        ("26年5月3号", "2026-05-03"),
        ("5月3号", "2026-05-03"),
        ("十月二十三号", "2026-10-23"),
        ("明年1月5日", "2027-01-05"),
        ("5号", "2026-06-05"),
        ("上个月20号", "2026-05-20"),
        ("下月3号", "2026-07-03"),
        ("上个月", "2026-05"),
        ("3月份", "2026-03"),
        ("去年", "2025"),
        ("月底", "2026-06-30"),
        ("下个月初", "2026-07-01"),
        ("since March 18th", "2026-03-18"),
        ("3 May 2026", "2026-05-03"),
        ("May 3, 2025", "2025-05-03"),
        ("the 3rd of May", "2026-05-03"),
        ("in May", "2026-05"),
        ("last March", "2026-03"),
        ("on the 5th", "2026-06-05"),
        ("end of the month", "2026-06-30"),
        ("next month", "2026-07"),
    ],
)
def test_calendar_days_are_read(text: str, value: str) -> None:
    """In figures and words of both languages; a month or year alone is less than a day."""
    assert values(text, "date") == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("大前天", "2026-06-16"),
        ("前天", "2026-06-17"),
        ("昨天", "2026-06-18"),
        ("今晚", "2026-06-19"),
        ("明天能到吗", "2026-06-20"),
        ("后天", "2026-06-21"),
        ("大后天", "2026-06-22"),
        ("3天前", "2026-06-16"),
        ("两天后", "2026-06-21"),
        ("两周前", "2026-06-05"),
        ("半年前", "2025-12-19"),
        ("三个月前", "2026-03-19"),
        ("yesterday", "2026-06-18"),
        ("tonight", "2026-06-19"),
        ("the day after tomorrow", "2026-06-21"),
        ("in 3 days", "2026-06-22"),
        ("two days ago", "2026-06-17"),
        ("a week from now", "2026-06-26"),
        ("a month ago", "2026-05-19"),
    ],
)
def test_days_are_counted_from_the_message(text: str, value: str) -> None:
    """Not from when it is read."""
    assert values(text, "date") == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("上周三", "2026-06-10"),
        ("下周一", "2026-06-22"),
        ("这周五", "2026-06-19"),
        ("周末", "2026-06-20"),
        ("下周末", "2026-06-27"),
        ("上上周一", "2026-06-01"),
        ("星期天", "2026-06-21"),
        ("周三", "2026-06-17"),
        ("下周", "2026-W26"),
        ("next Monday", "2026-06-22"),
        ("last Friday", "2026-06-12"),
        ("this Friday", "2026-06-19"),
        ("on Tuesday", "2026-06-16"),
        ("on Sunday", "2026-06-21"),
        ("on sat", "2026-06-20"),
        ("monday next week", "2026-06-22"),
        ("the weekend", "2026-06-20"),
        ("last week", "2026-W24"),
    ],
)
def test_weeks_begin_on_mondays_and_a_bare_weekday_is_the_nearest(text: str, value: str) -> None:
    """At most three days away, before or after; "last" is the latest before today, "next" lies in the next week."""
    assert values(text, "date") == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("五一", "2026-05-01"),
        ("国庆节", "2026-10-01"),
        ("双十一", "2026-11-11"),
        ("去年双11买的", "2025-11-11"),
        ("618活动", "2026-06-18"),
        ("春节", "2026-02-17"),
        ("中秋", "2026-09-25"),
        ("除夕", "2026-02-16"),
        ("black friday", "2026-11-27"),
        ("halloween", "2026-10-31"),
    ],
)
def test_feasts_and_shopping_days_are_days(text: str, value: str) -> None:
    """The moon's feasts too, of the years that the table has."""
    assert values(text, "date") == [value]


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("1月5号", DECEMBER, "2027-01-05"),
        ("January 5th", DECEMBER, "2027-01-05"),
        ("11月11日", DECEMBER, "2026-11-11"),
        ("12月25日", JANUARY, "2025-12-25"),
        ("28号", JANUARY, "2025-12-28"),
        ("2月29日", JANUARY, "2024-02-29"),
    ],
)
def test_a_day_without_a_year_is_the_nearest_such_day(text: str, at: int, value: str) -> None:
    """A December message that speaks of January means the next year."""
    assert values(text, "date", at) == [value]


def test_a_day_in_strokes_has_the_month_first_unless_it_cannot() -> None:
    """As in ISO, in China and in the United States; 25/12 can only be the other order."""
    assert values("on 5/3", "date") == ["2026-05-03"]
    assert values("5/3/2026", "date") == ["2026-05-03"]
    assert values("25/12/2026", "date") == ["2026-12-25"]


@pytest.mark.parametrize(
    "text",
    [
        "3 days",
        "三天",
        "7天无理由退货",
        "等了3天了",
        "within 5 days",
        "I may be late",
        "24/7",
        "1/2 price",
        "以后天天买",
        "3号楼",
        "小一号",
        "5月票",
        "room 618",
        "march of time",
        "sat on a chair",
        "下周边",
        "前三天",
        "a sunny day",
        "次日达",
        "两三天",
    ],
)
def test_durations_and_words_that_look_like_days_are_none(text: str) -> None:
    """Three days are not a day."""
    assert values(text, "date") == []


def test_what_has_the_form_of_a_day_but_is_none_stays_as_written() -> None:
    """Someone has to ask back; nothing is made up."""
    assert values("on 2026-13-45", "date") == ["2026-13-45"]
    assert values("13月5日", "date") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("17:30", "2026-06-19T17:30"),
        ("2026-05-03 15:30", "2026-05-03T15:30"),
        ("下午三点半", "2026-06-19T15:30"),
        ("8点一刻", "2026-06-19T08:15"),
        ("今晚8点", "2026-06-19T20:00"),
        ("明天晚上8点半", "2026-06-20T20:30"),
        ("明早9点", "2026-06-20T09:00"),
        ("晚上12点", "2026-06-20T00:00"),
        ("凌晨1点", "2026-06-19T01:00"),
        ("中午12点", "2026-06-19T12:00"),
        ("11点23分", "2026-06-19T11:23"),
        ("tomorrow at 5pm", "2026-06-20T17:00"),
        ("at 5:45 p.m. yesterday", "2026-06-18T17:45"),
        ("noon", "2026-06-19T12:00"),
        ("12am", "2026-06-19T00:00"),
        ("half past five", "2026-06-19T05:30"),
        ("quarter to six", "2026-06-19T05:45"),
        ("8 o'clock in the evening", "2026-06-19T20:00"),
        ("12 o'clock last night", "2026-06-19T00:00"),
        ("at 11:15 last night", "2026-06-18T23:15"),
        ("midnight", "2026-06-20T00:00"),
        ("3小时前", "2026-06-19T09:00"),
        ("半小时后", "2026-06-19T12:30"),
        ("一个半小时后", "2026-06-19T13:30"),
        ("in two hours", "2026-06-19T14:00"),
        ("20 minutes ago", "2026-06-19T11:40"),
    ],
)
def test_times_are_of_the_day_beside_them_or_of_the_message(text: str, value: str) -> None:
    """In UTC; an hour without a part of the day is as written."""
    assert values(text, "time") == [value]


def test_a_day_and_its_time_are_two_entities() -> None:
    """So that a step which waits for a date has one."""
    assert [(e.kind, e.text, e.value) for e in entities("明天下午三点送")] == [
        ("date", "明天", "2026-06-20"),
        ("time", "下午三点", "2026-06-20T15:00"),
    ]
    assert values("9am-5pm on Monday", "time") == ["2026-06-22T09:00", "2026-06-22T17:00"]


@pytest.mark.parametrize(
    "text",
    ["快一点", "有一点贵", "两点建议", "3:1", "晚一点", "准时", "4.5点", "百分之三点五", "which one am I", "两三点"],
)
def test_a_little_is_no_time(text: str) -> None:
    """一点 is a little as often as one o'clock."""
    assert values(text, "time") == []


def test_the_ends_of_the_calendar_hold() -> None:
    """A message of the year 1 or 9999 is read, whatever it names."""
    for at in (-(10**18), 0, 10**18):
        assert entities("昨天, 5000天前, 5000 years ago, next month, 去年, 春节, 大后天, 3小时后, in 5000 months", at)
