"""Amounts: a sign or a word of a currency with a number, and prices said without one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from processors.entities.kinds import Found
from processors.entities.numerals import (
    FACTORS,
    HAN_NUMERALS,
    NUMBER_WORD,
    decimal_text,
    english_number,
    han_number,
)
from processors.entities.reading import Reading, words

CURRENCIES: Final = (
    ("USD", ("us$",)), ("HKD", ("hk$", "hkd", "港币", "港元")), ("TWD", ("nt$", "twd", "台币")),
    ("CAD", ("ca$", "c$", "cad", "加元")), ("AUD", ("au$", "a$", "aud", "澳元")),
    ("SGD", ("s$", "sgd", "新元", "新币")),
    ("JPY", ("jpy", "yen", "日元", "円")), ("KRW", ("₩", "krw", "韩元")), ("RUB", ("₽", "卢布")),
    ("GBP", ("£", "pound", "gbp", "quid", "英镑")), ("USD", ("$", "dollar", "usd", "buck", "美元", "美金", "cent")),
    ("EUR", ("€", "euro", "eur", "欧元")), ("INR", ("₹", "inr", "rs", "rupee")),
    ("CNY", ("¥", "元", "块", "yuan", "rmb", "cny", "人民币", "毛", "角", "分钱")),
)  # fmt: skip
"""The first with a sign in the amount is its currency; so the longer signs come first."""

_N: Final = r"\d{1,12}(?:,\d{3}(?!\d)){0,4}(?:\.\d{1,4})?"
_SCALE: Final = r"(?:\s?(?:hundred|thousand|million|mil|grand|百|千|[km](?![a-z])|w(?![a-z])|万|亿)){0,2}"
_QUANTITY: Final = rf"(?P<low>{_N}{_SCALE})(?:\s?(?:-|~|to\b|到|至)\s?(?:us)?[$¥£€]?\s?(?P<high>{_N}{_SCALE}))?"
_SIGN: Final = (  # letters first, so that a search knows which characters it may begin with
    r"(?:us\$|hk\$|nt\$|au\$|ca\$|a\$|c\$|s\$|\$|¥|£|€|₹|₩|₽|rmb(?![a-z])|usd(?![a-z])|gbp(?![a-z])|eur(?![a-z])"
    r"|cny(?![a-z])|hkd(?![a-z])|jpy(?![a-z])|twd(?![a-z])|aud(?![a-z])|cad(?![a-z])|sgd(?![a-z])|inr(?![a-z])|rs\.?(?![a-z]))"
)
_BEFORE_SIGN: Final = frozenset("0123456789.,")
_EN_CURRENCY: Final = (
    r"(?:us dollars?|dollars?|usd|bucks?|pounds?(?!\s?(?:over|of\b|heavy|heavier|in weight|and \d{1,2} ounces))|gbp"
    r"|quid"
    r"|euros?|eur|yuan|rmb|cny|yen|jpy|rupees?|inr|hkd|aud|cad|sgd|twd|cents)(?![a-z])"
)
_HAN_CURRENCY: Final = (
    r"(?:元(?![旦宵素件气器月])(?:钱|人民币)?|块钱|块(?!表|手表|电|硬|屏|板|砖|巧|蛋|肥皂|显|内存|地|布|肉|饼|腕"
    r"|玻璃|充|移动|石|豆|牌)"
    r"|人民币|美元|美金|英镑|欧元|港币|港元|日元|円|韩元|新?台币|澳元|加元|新元|新币|卢布|毛钱?|角钱?|分钱)"
)
_SMALL: Final = (
    r"(?:\s?(?:(?P<jiao>\d(?![\d十百千万天个年月件])|[一二两三四五六七八九](?=[毛角钱的了吗吧]|[^\u4e00-\u9fff\d]|$))(?:[毛角]"
    r"(?P<fen>[\d一二三四五六七八九])?分?)?钱?))?"
)

_MARKED: Final = r"(?:(?P<marked>\d)[毛角](?:(?P<fen_after>\d)分?)?|(?P<fen_alone>\d{1,2})分(?!钟))"
_SIGNED: Final = re.compile(
    rf"{_SIGN}\s?{_QUANTITY}(?!\d)\+?(?:\s?(?:元|块钱?|人民币|(?:usd|dollars?|cad|aud)(?![a-z])))?", re.ASCII
)
_COUNTED: Final = re.compile(
    rf"(?<![\d.,a-z¥$£€第]){_QUANTITY}(?!\d)[多几来余]?\s?(?:{_EN_CURRENCY}|{_HAN_CURRENCY}(?:(?<=块){_SMALL}|"
    rf"(?<=元){_MARKED})?)",
    re.ASCII,
)
_HAN: Final = re.compile(
    rf"(?<![{HAN_NUMERALS}第\d])(?P<low>[{HAN_NUMERALS}]{{1,14}})(?:[到至~-](?P<high>[{HAN_NUMERALS}]{{1,14}}))?"
    rf"[多几来余]?(?P<unit>{_HAN_CURRENCY})(?:(?<=块){_SMALL})?",
    re.ASCII,
)
_ENGLISH: Final = re.compile(rf"\b(?P<low>(?:(?:{NUMBER_WORD}|and)[ -]){{1,8}}){_EN_CURRENCY}", re.ASCII)
_SPOKEN: Final = re.compile(
    rf"(?<![{HAN_NUMERALS}第\d])(?P<low>[一二两三四五六七八九][{HAN_NUMERALS}]{{0,6}}[百千万][一二三四五六七八九])"
    rf"(?![\u4e00-\u9fff\d])",
    re.ASCII,
)
_BARE: Final = re.compile(
    rf"(?:价格?|卖|花了?|付了?|赔偿?|退|[只要]|贵|预算|工资|额度|贷款?|借|转账?|充值?|优惠|差价|降|涨|收"
    rf"|扣)[了我给成是到约:]{{0,2}}\s?"
    rf"(?P<span>(?P<low>{_N}\s?[万亿w]|[{HAN_NUMERALS}]{{1,8}}万))(?![\u4e00-\u9fffa-z\d])",
    re.ASCII,
)
_PARTS: Final = ("毛", "毛钱", "角", "角钱", "分钱", "cents")
_NUMBER: Final = re.compile(r"[\d.]{1,20}").match
_EN_GATE: Final = words(
    "dollar dollars usd buck bucks pound pounds gbp quid euro euros eur yuan rmb cny yen jpy rupees rupee inr "
    "hkd aud cad sgd twd cents rs"
)
_SIGN_GATE: Final = frozenset("$¥£€₹₩₽")
_HAN_GATE: Final = frozenset("元块币镑金円布毛角分")
_NUMERAL_GATE: Final = frozenset(HAN_NUMERALS)
_GREATER: Final = frozenset("百千万亿")
_HAN_LONE: Final = frozenset("一二两三四五六七八九")


def amounts(reading: Reading) -> Iterator[Found]:
    """Values: "1234.5 CNY", "100-200 CNY"; without a currency where none was said, "2300"."""
    letters = reading.letters
    worded = not _EN_GATE.isdisjoint(reading.words)
    han = not _HAN_GATE.isdisjoint(letters)
    if reading.digits:
        if worded or not _SIGN_GATE.isdisjoint(letters):
            yield from _signed(reading)
        if worded or han:
            yield from map(_in_figures, _COUNTED.finditer(reading.plain))
    numerals = not _NUMERAL_GATE.isdisjoint(letters)
    if numerals and han:
        yield from _han(reading)
    if worded:
        yield from _english(reading)
    if not _GREATER.isdisjoint(letters) or (reading.digits and "w" in letters):
        yield from _unnamed(reading)


def _signed(reading: Reading) -> Iterator[Found]:
    for match in _SIGNED.finditer(reading.plain):
        before = reading.plain[match.start() - 1 : match.start()] if match.start() else ""
        if before not in _BEFORE_SIGN and not ("a" <= before <= "z" and match.group()[0].isalpha()):
            yield _in_figures(match)


def _in_figures(match: re.Match[str]) -> Found:
    groups = match.groupdict()
    low, high = _quantity(groups["low"]), _quantity(groups["high"]) if groups["high"] else ""
    if groups.get("jiao"):
        low = decimal_text(Decimal(low) + _small(groups["jiao"], groups["fen"]))
    elif groups.get("marked"):
        low = decimal_text(Decimal(low) + _small(groups["marked"], groups["fen_after"]))
    elif groups.get("fen_alone"):
        low = decimal_text(Decimal(low) + Decimal(groups["fen_alone"]) / 100)
    return _found(match, low, high)


def _han(reading: Reading) -> Iterator[Found]:
    for match in _HAN.finditer(reading.plain):
        low, high = han_number(match["low"]), han_number(match["high"]) if match["high"] else None
        if low is None or (match["unit"] == "块" and match["low"] in _HAN_LONE and not _a_price(match)):
            continue
        value = decimal_text(Decimal(low) + _small(match["jiao"], match["fen"])) if match["jiao"] else str(low)
        yield _found(match, value, "" if high is None else str(high))


def _a_price(match: re.Match[str]) -> bool:
    """两块 may be two pieces: a price where nothing follows, or the jiao do."""
    after = match.string[match.end() : match.end() + 1]
    return bool(match["jiao"]) or (match["low"] != "一" and not ("\u4e00" <= after <= "\u9fff"))


def _english(reading: Reading) -> Iterator[Found]:
    for match in _ENGLISH.finditer(reading.plain):
        value = english_number(match["low"])
        if value is not None:
            yield _found(match, str(value), "")


def _unnamed(reading: Reading) -> Iterator[Found]:
    for match in _SPOKEN.finditer(reading.plain):
        value = han_number(match["low"])
        if value is not None:
            yield Found(*match.span("low"), "amount", str(value))
    for match in _BARE.finditer(reading.plain):
        number = han_number(match["low"])
        yield Found(*match.span("span"), "amount", _quantity(match["low"]) if number is None else str(number))


def _found(match: re.Match[str], low: str, high: str) -> Found:
    said = match.group()
    currency = next((code for code, signs in CURRENCIES if any(s in said for s in signs)), "")
    if said.endswith(_PARTS) and not any(sign in said for sign in "元块"):
        low = _of_a_hundred(said, low)
    return Found(match.start(), match.end(), "amount", f"{low}-{high} {currency}" if high else f"{low} {currency}")


def _of_a_hundred(said: str, value: str) -> str:
    """5毛 is 0.5, 50 cents are 0.5."""
    return decimal_text(Decimal(value) / (100 if said.endswith(("分钱", "cents")) else 10))


def _quantity(written: str) -> str:
    """As written, without thousands' commas; multiplied out where a word says so: 1.5万 is 15000."""
    plain = written.replace(",", "")
    number = _NUMBER(plain)
    if number is None:
        return plain
    rest = plain[number.end() :].strip()
    if not rest:
        return number.group()
    value = Decimal(number.group())
    while rest:
        name = next(name for name in _BY_LENGTH if rest.startswith(name))
        value, rest = value * FACTORS[name], rest[len(name) :].strip()
    return decimal_text(value)


_BY_LENGTH: Final = tuple(sorted(FACTORS, key=len, reverse=True))


def _small(jiao: str, fen: str | None) -> Decimal:
    """What follows 块: 5 is five jiao, 5毛2 is 0.52."""
    tenth = Decimal(han_number(jiao) if not jiao.isdecimal() else int(jiao)) / 10  # type: ignore[arg-type]
    if not fen:
        return tenth
    return tenth + Decimal(int(fen) if fen.isdecimal() else han_number(fen) or 0) / 100
