"""How to reach someone: telephone numbers and mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from processors.entities.kinds import CUED, FORMED, Found
from processors.entities.reading import Reading

_EMAIL: Final = re.compile(
    r"(?<![a-z0-9._%+-])[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,4}(?<![.-])", re.ASCII
)
_PHONE: Final = re.compile(
    r"(?<![\d+*])(?:\+?(?:00)?86[ -]?)?1[3-9]\d(?:[ -]?\d{4}[ -]?\d{4}|[*x]{4}\d{4}|[ -]\d{3}[ -]\d{5})(?![\d*])"
    r"|(?<!\d)\+\d{1,3}[ -]?\(?\d{1,4}\)?(?:[ .-]?\d{2,4}){1,4}(?!\d)"
    r"|(?<![\d-])(?:1[ .-])?\(?[2-9]\d\d\)?[ .-]{1,2}\d{3}[ .-]\d{4}(?![\d-])"
    r"|(?<![\d.-])\(?0\d{2,3}\)?[ -]?[2-9]\d{6,7}(?:(?:-|转| ext\.? ?)\d{1,5})?(?![\d-])"
    r"|(?<![\d.-])0(?:\d{2} \d{4} \d{4}|\d{3} \d{3} \d{4}|\d{4} \d{6}|\d{4} \d{3} \d{3}|7\d{9})(?!\d)"
    r"|(?<![\d.-])[48]00[ -]?\d{3}[ -]?\d{4}(?!\d)",
    re.ASCII,
)
_CUED: Final = re.compile(
    r"(?:手机号?码?|电话号?码?|联系方式|(?:phone|mobile|cell|telephone|contact)(?: number| no\.?| num)?|\b(?:tel"
    r"|ph)(?: number"
    r"| no\.?)?|whatsapp"
    r"|(?:call|reach|text|ring) me (?:on|at|back on|back at))"
    r"(?: is| was|是|为|改成|换成|[:.#,，]){0,2}\s?(?P<number>\(?\d[\d ().-]{5,16}\d)(?!\d)",
    re.ASCII,
)
_TAIL: Final = re.compile(
    r"(?:手机|电话|号码)号?码?(?:的)?(?:尾号|后四位)(?:是|为|:)?\s?(?P<number>\d{4})(?!\d)", re.ASCII
)
_NOT_A_DIGIT: Final = re.compile(r"[^\d*x]")
_CUE_WORDS: Final = frozenset({"phone", "mobile", "cell", "telephone", "contact", "tel", "ph", "whatsapp", "me"})
_CUE_LETTERS: Final = frozenset("机话联")
MIN_DIGITS: Final = 7


def contacts(reading: Reading) -> Iterator[Found]:
    """Values: digits alone with a + where one was written; mail addresses in lower case."""
    if "@" in reading.letters:
        for match in _EMAIL.finditer(reading.plain):
            yield Found(match.start(), match.end(), "email", match.group(), CUED)
    if reading.digits >= MIN_DIGITS:
        for match in _PHONE.finditer(reading.plain):
            said = match.group()
            value = ("+" if said[0] == "+" else "") + _NOT_A_DIGIT.sub("", said)
            if len(value) >= MIN_DIGITS:
                yield Found(match.start(), match.end(), "phone", value, FORMED)
    if not reading.digits:
        return
    if _CUE_WORDS.isdisjoint(reading.words) and _CUE_LETTERS.isdisjoint(reading.letters):
        return
    for match in _CUED.finditer(reading.plain):
        value = _NOT_A_DIGIT.sub("", match["number"])
        if MIN_DIGITS <= len(value) <= 15:
            yield Found(*match.span("number"), "phone", value, CUED)
    for match in _TAIL.finditer(reading.plain):
        yield Found(*match.span("number"), "phone", match["number"], CUED)
