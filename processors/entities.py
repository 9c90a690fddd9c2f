"""What a message names, by patterns: numbers of orders and parcels, money, dates, how to reach someone.

Positions count code points of the text as it was written; full-width digits and letters are read as plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from schemas.events import Entity
from schemas.identity import fingerprint

LIMIT: Final = 2_000
"""Characters looked at."""
KINDS: Final = (
    "order_number", "tracking_number", "card_number", "amount", "date", "phone", "email", "product", "place",
)  # fmt: skip
"""Every kind there is; also the names of the slots of templates."""
PERSONAL: Final = frozenset({"order_number", "tracking_number", "card_number", "phone", "email"})
"""Kinds that point to a person."""

_PLAIN: Final[dict[int, str | int]] = {0x3000: " ", **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = f"(?:{'|'.join(_MONTHS)})[a-z]{{0,6}}"
_NUMBERED: Final = re.compile(
    r"(?P<email>[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4})"
    r"|(?P<amount>(?:[¥￥$£€]|\b(?:rmb|usd|gbp|eur|cny)\s?)\s?\d[\d,]{0,12}(?:\.\d{1,2})?"
    r"|\d[\d,]{0,12}(?:\.\d{1,2})?\s?"
    r"(?:元|块钱|块|人民币|美元|英镑|欧元|(?:yuan|rmb|cny|dollars?|usd|pounds?|gbp|quid|euros?|eur)\b))"
    rf"|(?P<date>(?:19|20)\d\d[-/.年]\s?\d{{1,2}}[-/.月]\s?\d{{1,2}}日?|\d{{1,2}}月\d{{1,2}}[日号]?"
    rf"|\b{_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b|\b\d{{1,2}}(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH}\b)"
    r"|(?P<card_number>(?<!\d)\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}(?!\d)|(?<=ending in )\d{4}(?!\d)|(?<=尾号)\d{4}(?!\d))"
    r"|(?P<phone>(?<![\d+])(?:\+?86[ -]?)?1[3-9]\d{9}(?!\d)|\+\d{1,3}[ -]?\d{2,4}(?:[ -]?\d{2,4}){1,3}(?!\d)"
    r"|(?<!\d)\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?!\d)|(?<!\d)0\d{2,4}[ -]\d{6,8}(?!\d))"
    r"|(?P<tracking_number>\b(?:sf|yt|zto|sto|ems|jdv?|1z|rm)[0-9a-z]{8,20}\b"
    r"|(?:tracking (?:number|no|code)|快递单号|运单号?|物流单号)[^0-9a-z]{0,6}(?P<cued_tracking>[a-z]{0,3}\d{6,20})\b)"
    r"|(?P<order_number>\b[a-z]{1,4}-?\d{5,20}\b"
    r"|(?:\border(?: number| no| id)?|订单编号|订单号|订单|单号)[^0-9a-z]{0,6}"
    r"(?P<cued_order>[a-z]{0,4}-?\d{4,20})(?!\d)|(?<![\d.,])\d{7,20}(?![\d,]))"
).finditer
_NAMED: Final = re.compile(
    r"(?P<day>\b(?:today|tomorrow|yesterday|day after tomorrow)\b|今天|明天|昨天|后天|前天)"
    r"|(?P<place>\b(?:beijing|shanghai|guangzhou|shenzhen|hangzhou|chengdu|hong kong|london|paris"
    r"|new york|singapore|tokyo|manchester|edinburgh|dublin|germany|france|spain|japan|italy|canada|australia)\b"
    r"|北京|上海|广州|深圳|杭州|成都|武汉|西安|南京|重庆|天津|苏州|香港|新疆|西藏|内蒙古|台湾|澳门)"
    r"|(?P<product>\b(?:lanterns?|teapots?|tea sets?|candles?|diffusers?|scarf|scarves|phone|laptop"
    r"|headphones|jacket|shoes|debit card|credit card|savings account|mortgage)\b"
    r"|灯笼|茶壶|茶具|茶杯|蜡烛|香薰|围巾|手机|电脑|耳机|衣服|鞋子|热水器|冰箱|洗衣机|电视)"
).finditer
_DIGIT_OR_AT: Final = re.compile(r"[\d@]").search
_NUMBER: Final = re.compile(r"\d[\d,]*(?:\.\d{1,2})?")
_CURRENCIES: Final = (
    ("GBP", ("£", "pound", "gbp", "quid", "英镑")),
    ("USD", ("$", "dollar", "usd", "美元")),
    ("EUR", ("€", "euro", "eur", "欧元")),
    ("CNY", ("¥", "￥", "元", "块", "yuan", "rmb", "cny", "人民币")),
)
_DAYS: Final = {
    "today": 0, "今天": 0, "tomorrow": 1, "明天": 1, "yesterday": -1, "昨天": -1, "后天": 2, "day after tomorrow": 2,
    "前天": -2,
}  # fmt: skip


class PatternEntities:
    """The port EntityModel, by patterns."""

    def __init__(self) -> None:
        self.fingerprint = fingerprint("patterns", "1", repr((KINDS, PERSONAL, _DAYS, _CURRENCIES)).encode())

    def extract(self, texts: Sequence[str], at: Sequence[int]) -> Sequence[tuple[Entity, ...]]:
        """The entities of each text, in its order. `at`: when each was written, to resolve dates against."""
        return [_extract(text[:LIMIT], when) for text, when in zip(texts, at, strict=True)]


def _extract(text: str, at: int) -> tuple[Entity, ...]:
    # Lowered only where that keeps the length: a few letters become two, which would move every position after them.
    plain = text.translate(_PLAIN) if not text.isascii() else text
    lowered = plain.lower()
    if len(lowered) != len(plain):
        lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in plain)
    found = []
    if _DIGIT_OR_AT(lowered):
        found = [_entity(match, text, at) for match in _NUMBERED(lowered)]
    taken = [(e.start, e.end) for e in found]
    for match in _NAMED(lowered):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            found.append(_entity(match, text, at))
    found.sort(key=lambda entity: entity.start)
    return tuple(found)


def _entity(match: re.Match[str], text: str, at: int) -> Entity:
    groups = match.groupdict()
    kind = next(k for k, v in groups.items() if v is not None and not k.startswith("cued_"))
    span = next((k for k, v in groups.items() if v is not None and k.startswith("cued_")), kind)
    start, end = match.span(span)
    value = _value(kind, match.group(span), at)
    kind = "date" if kind == "day" else kind
    return Entity(kind, text[start:end], value, start, end, kind in PERSONAL)


def _value(kind: str, plain: str, at: int) -> str:
    match kind:
        case "amount":
            return _amount(plain)
        case "date":
            return _date(plain, _day(at))
        case "day":
            return (_day(at) + timedelta(days=_DAYS[plain])).isoformat()
        case "phone":
            return ("+" if plain.startswith("+") else "") + re.sub(r"\D", "", plain)
        case "card_number":
            return re.sub(r"\D", "", plain)[-4:]
        case "order_number" | "tracking_number":
            return plain.upper()
    return plain


def _amount(plain: str) -> str:
    number = _NUMBER.search(plain)
    currency = next((code for code, signs in _CURRENCIES if any(s in plain for s in signs)), "")
    return f"{number.group().replace(',', '') if number else plain} {currency}".strip()


def _day(at: int) -> date:
    """The day of a time, kept two days inside what a date can hold."""
    seconds = min(max(at // 1_000_000, 0), 250_000_000_000)
    return (datetime(1970, 1, 3, tzinfo=UTC) + timedelta(seconds=seconds)).date() - timedelta(days=2)


def _date(plain: str, today: date) -> str:
    """ISO where it is a day; as written where it is none, such as the 45th of May."""
    numbers = [int(n) for n in re.findall(r"\d+", plain)]
    months = [i for i, m in enumerate(_MONTHS, 1) if m in plain]
    try:
        if len(numbers) == 3:
            return date(*numbers).isoformat()
        month, day = (months[0], numbers[0]) if months else (numbers[0], numbers[1])
        return date(today.year, month, day).isoformat()
    except (ValueError, IndexError):
        return plain
