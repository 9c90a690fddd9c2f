"""Days as they are said in Chinese."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from processors.entities import calendar_days as days_of
from processors.entities.day_rules import (
    HAN_COUNT,
    YEAR_WORDS,
    ago,
    any_letter,
    count_of,
    day_of_month,
    feast,
    iso,
    named,
    part_of_month,
    rule,
    year_said,
)
from processors.entities.numerals import HAN_NUMERALS

_DAY: Final = rf"(?:{HAN_COUNT}|\d{{1,2}})"
_WEEK: Final = {"上上": -2, "上": -1, "这": 0, "本": 0, "下": 1, "下下": 2}


def _date(match: re.Match[str], today: date) -> str:
    month, day = count_of(match["month"]), count_of(match["day"])
    if month is None or not 1 <= month <= 12:
        return ""
    year = year_said(match["year"], today)
    if day is None:
        return days_of.nearest_month(today, month) if year is None else f"{year:04}-{month:02}"
    return iso(days_of.nearest(today, month, day) if year is None else days_of.exact(year, month, day))


def _of_month(match: re.Match[str], today: date) -> str:
    """上个月5号, 下月底; without a day the month itself."""
    months = {"上": -1, "下": 1, "这": 0, "本": 0}[match["which"][0]] * (2 if len(match["which"]) == 2 else 1)
    part = match["part"]
    if part:
        first = days_of.months_on(today.replace(day=1), months)
        return "" if first is None else part_of_month(part, first)
    day = count_of(match["day"])
    if day is None:
        return days_of.month(today, months)
    first = days_of.months_on(today.replace(day=1), months)
    return "" if first is None else iso(days_of.exact(first.year, first.month, day))


def _month_part(match: re.Match[str], today: date) -> str:
    return part_of_month(match["part"], today.replace(day=1))


def _weekday(match: re.Match[str], today: date) -> str:
    name, which = match["day"], match["which"]
    number = "一二三四五六日".find(name.replace("天", "日").replace("末", "六"))
    number = int(name) - 1 if name.isdecimal() else number
    if not which:
        return iso(days_of.weekday(today, 5, 0) if name == "末" else days_of.nearest_weekday(today, number))
    return iso(days_of.weekday(today, number, _WEEK[which.rstrip("个")]))


def _week(match: re.Match[str], today: date) -> str:
    return days_of.week(today, _WEEK[match["which"].rstrip("个")])


def _year_alone(match: re.Match[str], today: date) -> str:
    return f"{today.year + YEAR_WORDS[match.group()]:04}"


_FIGURES: Final = (
    rule(
        rf"(?<![\d第{HAN_NUMERALS}])(?P<year>(?:(?:19|20)?\d\d|[一二][零〇九一二三四五六七八]{{3}})年\s?|去年的?"
        rf"|今年的?|明年的?)?"
        rf"(?P<month>{_DAY})月(?![子天票租薪费结供销入嫂卡度经])(?:份|\s?(?P<day>{_DAY})[日号]?(?!\d|[个天年]))?",
        _date,
    ),
    rule(
        rf"(?P<which>上上|下下|上|下|这|本)个?月(?!光|饼)(?:的?(?P<part>[初中底末])|的?(?P<day>{_DAY})[日号])?",
        _of_month,
    ),
    rule(rf"(?<![个月日年\d{HAN_NUMERALS}上下])月(?P<part>[初底末])", _month_part),
    rule(
        rf"(?<![\d月第路街弄楼区院大小.{HAN_NUMERALS}-])(?P<day>3[01]|[12]\d|[1-9]|[二三]?十[一二三四五六七八九]?"
        rf"|[一二三四五六七八九])号"
        r"(?![楼线店门机仓柜码院栋库馆铺桌房厅口台字色电]|客服|是|站|客|就是)",
        day_of_month,
    ),
)
_WEEKS: Final = (
    rule(
        r"(?P<which>上上个?|下下个?|上个?|下个?|这个?|本)?(?:星期|礼拜|周)(?P<day>[一二三四五六日天末]|[1-6]"
        r"(?![\d天个次年日点]))(?![个次年])",
        _weekday,
    ),
    rule(
        r"(?P<which>上上个?|下下个?|上个?|下个?|这个?|本)(?:星期|礼拜|周)(?![一二三四五六日天末边围年岁期转长\d])",
        _week,
    ),
)
_NAMED: Final = (
    rule(r"大前天|大后天|(?<![以之])(?:前天|后天(?!天|性))|昨[天日晚夜]|今[天日晚早夜]|明[天早晚日](?!达)", named),
)
_AGO: Final = (
    rule(
        rf"(?<![第\d.{HAN_NUMERALS}前])(?P<count>\d{{1,4}}|{HAN_COUNT}|半)个?多?(?P<unit>天|日|周|星期|礼拜|月|年)"
        rf"(?P<way>以前|之前|前|以后|之后|后)"
        rf"(?![天台面置端期续悔])",
        ago,
    ),
)
_YEARS: Final = (rule(r"(?<![\d以])(?:去年|明年)", _year_alone),)
_FEASTS: Final = (
    rule(
        r"(?P<year>(?:19|20)\d\d年|去年的?|今年的?|明年的?)?(?P<name>元旦|情人节|三八节|妇女节|五一(?!\d"
        r"|[零〇一二三四五六七八九])|劳动节|六一(?!\d"
        r"|[零一二三四五六七八九])|儿童节"
        r"|(?<![\d.a-z$¥£€#/-])618(?=活动|大促|期间|促销|节|当天|那天|下单|下的|买|抢|优惠|前|后|的时候)"
        r"|(?:^|(?<=[一-鿿，。,!]))618$"
        r"|国庆|十一(?=假|黄金|期间|前|后|回)|双十一|双11"
        r"(?!\d)|双十二|双12(?!\d)|平安夜|圣诞|跨年|春节|端午|中秋|除夕|元宵)(?:节(?!约|省))?",
        feast,
    ),
)
RULES: Final = (
    (any_letter("月号"), _FIGURES),
    (any_letter("周期礼"), _WEEKS),
    (any_letter("天日晚早夜"), _NAMED),
    (any_letter("前后", "天日周期拜月年"), _AGO),
    (any_letter("年", "去明"), _YEARS),
    (any_letter("旦节一庆双夜诞跨午秋夕宵6"), _FEASTS),
)
"""Rules, and whether they have a chance in a text."""
