"""Numbers of orders and parcels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from processors.entities.kinds import CUED, FORMED, GUESSED, Found
from processors.entities.numerals import HAN_DIGITS, han_number
from processors.entities.reading import Reading, words

_CARRIER: Final = re.compile(
    r"(?<![a-z\d])(?:(?:sf|yt|zto|sto|ems|jt|yd|db|dpk|jdv[a-z]{0,2}|jd[a-z]{0,2}|rm)\d{8,20}|1z[\da-z]{16}|"
    r"(?P<postal>[a-z]{2}\d{9}[a-z]{2})"
    r"|9[2-5]\d{2}(?: ?\d{4}){4}(?: ?\d{2,4})?)(?![a-z\d])",
    re.ASCII,
)
_TRACKING_CUED: Final = re.compile(
    r"(?:tracking(?: number| no\.?| code| id| #)?|awb(?: number)?|(?:fedex|ups|usps|dhl|dpd|evri|hermes|royal mail)"
    r"(?: number| tracking number| parcel)?"
    r"|快递单?号?|运单号?|物流单?号?|(?:顺丰|圆通|中通|申通|韵达|极兔|邮政|京东快递|德邦)(?:快递|速运)?(?:单号)?)"
    r"(?: is| was|是|为|[:#(,，]){0,2}\s?(?P<number>[a-z]{0,4}\d{6,22})(?![a-z\d])",
    re.ASCII,
)
_UNIT: Final = (
    r"(?!\d|[元块年月个件天万千百]|[-/.:]\d|,\d{3}| ?(?:dollars?|pounds?|usd|gbp|euros?|rmb|yuan|items?|pieces?"
    r"|people|days?"
    r"|times)\b)"
)
_ORDER_CUED: Final = re.compile(
    r"(?:\border(?: number| num| no\.?| id| code| ref(?:erence)?)?|(?:confirmation|booking|reservation|reference"
    r"|invoice|receipt|purchase)(?: number| no\.?| code| id| ref(?:erence)?)"
    r"|\bpo (?:number|no\.?|#)|订单编?号?码?|订单|(?<![递运流丰通达兔政邦])单号|编号|下单号)"
    r"(?: is| was|的?后四位|的?尾号|是|为|叫|[:#(\[,，'\"]){0,3}\s?#?(?P<number>[a-z]{0,4}[- ]?\d{4,20}"
    r"(?:[ -]\d{3,7}){0,4})" + _UNIT,
    re.ASCII,
)
_BOOKING_CUED: Final = re.compile(
    r"(?:(?:confirmation|booking|reservation)(?: number| no\.?| code| id| ref(?:erence)?)?|\bpnr|record locator)"
    r"(?: is| was|[:#(,]){0,2}\s?(?P<number>[a-z\d]{5,8})(?![a-z\d])",
    re.ASCII,
)
_ORDER_SPELT: Final = re.compile(rf"(?:订单编?号?|单号)[是为:]{{0,2}}\s?(?P<number>[{HAN_DIGITS}]{{6,20}})")
_ORDER_FORMED: Final = re.compile(
    r"(?<![a-z\d])(?:[a-z]{1,4}-?\d{5,20}|\d{3}-\d{7}-\d{7})(?![a-z\d])|(?<![a-z\d#&])#(?P<hash>[a-z]{0,3}\d{5,20})"
    r"(?![a-z\d])",
    re.ASCII,
)
_ORDER_BARE: Final = re.compile(
    r"(?<![\d.,a-z*¥$£€:/+-])\d{7,20}(?![\d*a-z%]|[.,:/-]\d|[元块个件次人名万亿米斤吨平里])", re.ASCII
)
_FLIGHT: Final = re.compile(r"(?:flight|flt|航班)\s?#?$").search
_SIGNS: Final = re.compile(r"[ ]")
_ORDER_WORDS: Final = words("order confirmation booking reservation reference invoice receipt purchase po pnr record")
_PARCEL_WORDS: Final = words("tracking awb fedex ups usps dhl dpd evri hermes royal")
_PARCEL_LETTERS: Final = frozenset("递运物丰通达兔邮邦")
_ORDER_LETTERS: Final = frozenset("单编")
_POSTAL: Final = (8, 6, 4, 2, 3, 5, 9, 7)
_ORDER_DIGITS, _PARCEL_DIGITS = 5, 8
"""Digits that a text has at least, to hold such a number without a cue."""
_EIGHT: Final = 8
_BEFORE, _AFTER = 30, 3
"""Years around the message in which eight digits are rather a day than a number; one in 5,000 numbers is taken so."""


def codes(reading: Reading, year: int) -> Iterator[Found]:
    """Values in capitals, as one word. `year`: the message's, to tell a day such as 20260503 from a number."""
    booking = not _ORDER_WORDS.isdisjoint(reading.words)
    if reading.digits:
        yield from _parcels(reading)
        if booking or not _ORDER_LETTERS.isdisjoint(reading.letters):
            for match in _ORDER_CUED.finditer(reading.plain):
                yield Found(*match.span("number"), "order_number", _code(match["number"]), CUED)
        if reading.digits >= _ORDER_DIGITS:
            yield from _uncued(reading, year)
    if booking:
        yield from _bookings(reading)
    if "单" in reading.letters:
        for match in _ORDER_SPELT.finditer(reading.plain):
            spelt = "".join(str(han_number(c)) for c in match["number"])
            yield Found(*match.span("number"), "order_number", spelt, CUED)


def _parcels(reading: Reading) -> Iterator[Found]:
    if reading.digits >= _PARCEL_DIGITS:
        for match in _CARRIER.finditer(reading.plain):
            if match["postal"] is None or _is_postal(match["postal"]):
                yield Found(match.start(), match.end(), "tracking_number", _code(match.group()), CUED)
    if reading.names(_PARCEL_WORDS, _PARCEL_LETTERS):
        for match in _TRACKING_CUED.finditer(reading.plain):
            yield Found(*match.span("number"), "tracking_number", _code(match["number"]), CUED)


def _is_postal(number: str) -> bool:
    """Whether the ninth digit checks the eight before it, as on parcels of the world's posts."""
    check = 11 - sum(int(digit) * weight for digit, weight in zip(number[2:10], _POSTAL, strict=True)) % 11
    return int(number[10]) == {10: 0, 11: 5}.get(check, check)


def _bookings(reading: Reading) -> Iterator[Found]:
    """Airlines' codes have letters alone at times: then only in capitals."""
    for match in _BOOKING_CUED.finditer(reading.plain):
        written = reading.text[match.start("number") : match.end("number")]
        if written.isupper() or (not written.isalpha() and not written.isdigit()):
            yield Found(*match.span("number"), "order_number", _code(match["number"]), CUED)


def _uncued(reading: Reading, year: int) -> Iterator[Found]:
    for match in _ORDER_FORMED.finditer(reading.plain):
        if not _FLIGHT(reading.plain, max(0, match.start() - 10), match.start()):
            group = "hash" if match["hash"] else 0
            yield Found(*match.span(group), "order_number", _code(match.group(group)), FORMED)
    for match in _ORDER_BARE.finditer(reading.plain):
        day = eight_digit_day(match.group(), year)
        if day:
            yield Found(match.start(), match.end(), "date", day, FORMED)
        else:
            yield Found(match.start(), match.end(), "order_number", match.group(), GUESSED)


def eight_digit_day(digits: str, year: int) -> str:
    """20260503 or 05032026 as the day that it is, of the years around `year`; else nothing."""
    if len(digits) != _EIGHT:
        return ""
    for written in (digits, digits[4:] + digits[:4]):
        if year - _BEFORE <= int(written[:4]) <= year + _AFTER:
            try:
                return date(int(written[:4]), int(written[4:6]), int(written[6:])).isoformat()
            except ValueError:
                continue
    return ""


def _code(written: str) -> str:
    return _SIGNS.sub("", written).upper()
