"""Numbers that stand for a person or for their money: cards, bank accounts, identity papers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from processors.entities.kinds import CUED, FORMED, Found
from processors.entities.reading import Reading, words

_CARD: Final = re.compile(r"(?<![\d.,-])\d(?:[ -]?\d){12,18}(?![\d,-])", re.ASCII)
_IN_FOURS: Final = re.compile(r"\d{4}([ -])\d{4}\1\d{4}\1\d{4}", re.ASCII).fullmatch
_CARD_START: Final = re.compile(r"4|5[1-5]|2[2-7]|3[47]|6011|62|65").match
_CARD_CUED: Final = re.compile(
    r"(?:银行卡号?|信用卡号?|储蓄卡号?|卡号|\bcc|card(?: number| no\.?)?)(?: is|是|为|:|#){0,2}\s?(?P<number>\d"
    r"(?:[ -]?\d){11,18})(?!\d)",
    re.ASCII,
)
_CARD_TAIL: Final = re.compile(
    r"(?:ending(?: in| with)?|last (?:four|4)(?: digits?)?(?: of (?:my |the )?card)?(?: is| are|:)?|(?<!手机)(?<!电话)"
    r"(?<!手机号)(?<!手机的)(?<!订单)(?<!单号)(?<!快递)尾号|(?<!手机号)(?<!手机)(?<!订单号)后四位|"
    r"(?<![\dx*])[x*]{4,12}[ -]?)"
    r"(?:是|为|:)?\s?(?P<number>\d{4})(?!\d)",
    re.ASCII,
)
_ID: Final = re.compile(r"(?<![\da-z])[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dx](?![\da-z])", re.ASCII)
_ID_CUED: Final = re.compile(
    r"(?:身份证号?码?|证件号?码?|护照号?码?|passport(?: number| no\.?)?|driver'?s licen[sc]e(?: number| no\.?)?|\b"
    r"(?:ssn"
    r"|social security)(?: number| no\.?)?|(?:national insurance|\bni)(?: number| no\.?)|\bid number)"
    r"(?: is|是|为|:|#){0,2}\s?(?P<number>[a-z]{0,2}\d[\d-]{5,17}[\dx]?)(?![\da-z])",
    re.ASCII,
)
_SSN: Final = re.compile(r"(?<![\d-])(?P<number>(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4})(?![\d-])", re.ASCII)
_NINO: Final = re.compile(
    r"(?<![a-z\d])(?P<number>[a-ceghj-prtw-z][a-ceghj-nprtw-z] \d{2} \d{2} \d{2} [a-d])(?![a-z\d])", re.ASCII
)
_IBAN: Final = re.compile(r"(?<![a-z\d])[a-z]{2}\d{2}(?: ?[a-z\d]{4}){2,7}(?: ?[a-z\d]{1,3})?(?![a-z\d])", re.ASCII)
_ACCOUNT_CUED: Final = re.compile(
    r"(?:银行账号|账号|帐号|(?:bank |checking |savings |current )?(?:account|acct|a/c)(?: number| no\.?| num|#)?"
    r"|routing"
    r"(?: number)?"
    r"|(?:policy|claim|member(?:ship)?|customer|client|subscriber|frequent flyer|mileage ?plus|skymiles|rapid rewards"
    r"|会员卡?|客户|保单|qq|微信|wechat)(?: number| no\.?| id| #|号码?|编号)|(?:password|passcode|\bpin(?: number"
    r"| code)?|密码|qq"
    r"|微信)(?:号码?)?)"
    r"(?: is|是|为|:|#){0,2}\s?(?P<number>(?:(?!(?:is|no|for|the|to|in|on|at|and|of|i)\b)[a-z]{1,3}[ -]?)?"
    r"(?!1[3-9]\d{9}(?!\d))\d(?:[ -]?\d){3,19})(?![\d@])",
    re.ASCII,
)
_CARD_WORDS: Final = words("card cc ending last x xx xxx xxxx xxxxx xxxxxx xxxxxxxx xxxxxxxxxxxx")
_CARD_LETTERS: Final = frozenset("卡尾后*")
_ID_WORDS: Final = words("passport driver drivers ssn social national ni id")
_ID_LETTERS: Final = frozenset("证护")
_ACCOUNT_WORDS: Final = words(
    "account acct a routing policy claim member membership customer client subscriber flyer mileage mileageplus "
    "skymiles rewards qq wechat password passcode pin"
)
_ACCOUNT_LETTERS: Final = frozenset("账帐员客保微密")
_SHORT, _NINO_DIGITS, _SSN_DIGITS, _IBAN_DIGITS, _CARD_DIGITS, _ID_DIGITS = 4, 6, 9, 10, 13, 17
"""Digits that a text has at least, to hold such a number."""
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SIGNS: Final = re.compile(r"[^\da-z]")


def accounts(reading: Reading) -> Iterator[Found]:
    """Values: a card by its last four digits; others without spaces, in capitals."""
    if reading.digits >= _SHORT:
        yield from _cards(reading)
        yield from _papers(reading)
        yield from _banks(reading)


def _cards(reading: Reading) -> Iterator[Found]:
    if reading.digits >= _CARD_DIGITS:
        for match in _CARD.finditer(reading.plain):
            said = match.group()
            digits = _bare(said)
            if _IN_FOURS(said) or (_CARD_START(digits) and is_luhn(digits) and _evenly(said, digits)):
                yield Found(match.start(), match.end(), "card_number", digits[-4:], FORMED)
    if reading.names(_CARD_WORDS, _CARD_LETTERS):
        for pattern in (_CARD_CUED, _CARD_TAIL):
            for match in pattern.finditer(reading.plain):
                yield Found(*match.span("number"), "card_number", _bare(match["number"])[-4:], CUED)


def _papers(reading: Reading) -> Iterator[Found]:
    if reading.digits >= _ID_DIGITS:
        for match in _ID.finditer(reading.plain):
            if is_chinese_id(match.group()):
                yield Found(match.start(), match.end(), "id_number", _bare(match.group()), CUED)
    patterns = [_SSN] if reading.digits >= _SSN_DIGITS and "-" in reading.letters else []
    patterns += [_ID_CUED] if reading.names(_ID_WORDS, _ID_LETTERS) else []
    patterns += [_NINO] if reading.digits >= _NINO_DIGITS and not reading.words.isdisjoint("abcd") else []
    for pattern in patterns:
        for match in pattern.finditer(reading.plain):
            yield Found(*match.span("number"), "id_number", _bare(match["number"]), CUED)


def _banks(reading: Reading) -> Iterator[Found]:
    if reading.digits >= _IBAN_DIGITS:
        for match in _IBAN.finditer(reading.plain):
            value = _bare(match.group())
            if 15 <= len(value) <= 34 and _is_iban(value):
                yield Found(match.start(), match.end(), "account_number", value, CUED)
    if reading.names(_ACCOUNT_WORDS, _ACCOUNT_LETTERS):
        for match in _ACCOUNT_CUED.finditer(reading.plain):
            yield Found(*match.span("number"), "account_number", _bare(match["number"]), CUED)


def _evenly(said: str, digits: str) -> bool:
    """One number or groups of four to seven; not a list of small numbers that happens to add up."""
    return said == digits or all(4 <= len(group) <= 7 for group in _SIGNS.split(said)[:-1])


def is_luhn(digits: str) -> bool:
    """Whether the last digit checks the others, as on cards."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit)
        if place % 2:
            number = number * 2 - 9 if number > 4 else number * 2
        total += number
    return total % 10 == 0


def is_chinese_id(number: str) -> bool:
    """Whether 18 characters are a resident's number: a day of birth, and the check character."""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    rest = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False)) % 11
    return number[17] == "10x98765432"[rest]


def _is_iban(value: str) -> bool:
    turned = value[4:] + value[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _bare(number: str) -> str:
    return _SIGNS.sub("", number).upper()
