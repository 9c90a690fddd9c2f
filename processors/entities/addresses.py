"""Postal addresses: a road with a number, a Chinese region with its district, postcodes after their cue or by form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from processors.entities.kinds import CUED, FORMED, Found
from processors.entities.places import PLACES
from processors.entities.reading import Reading

_HAN: Final = "[\u4e00-\u9fff]"
_INNER: Final = (
    r"(?:\s?(?:[\da-z一二三四五六七八九十甲乙]{1,6}(?:-\d{1,5})?(?:号楼|栋|幢|座|单元|室|楼|层|号|户|门|期)"
    r"|[\u4e00-\u9fff]{2,8}(?:小区|花园|大厦|公寓"
    r"|广场|家园|苑|院))){0,6}"
)
_CITY: Final = r"(?<![城都超夜楼股门菜])市(?!中心|场|内)"
_ROAD: Final = re.compile(
    rf"(?P<road>[\u4e00-\u9fff]{{1,20}}(?:路|街|大道|巷|弄|胡同|村|屯)[东西南北中]?段?)\s?"
    rf"(?:[\d甲乙]{{1,5}}(?:弄|号院?)|[一二三四五六七八九十百]{{1,4}}号院?){_INNER}",
    re.ASCII,
)
_REGION: Final = re.compile(
    rf"(?:{_HAN}{{2,4}}(?:省|自治区))?\s?{_HAN}{{2,6}}(?:{_CITY}|自治州)\s?{_HAN}{{2,5}}(?:区|县|{_CITY})"
    rf"(?![域别分块长号场])"
    rf"(?:\s?{_HAN}{{1,6}}(?:镇|乡|街道|路|街|村)){{0,3}}{_INNER}"
    rf"|{_HAN}{{2,3}}省\s?{_HAN}{{2,5}}(?:{_CITY}|县)(?:\s?{_HAN}{{1,6}}(?:区|县|镇|乡|街道|路|街|村)){{0,3}}{_INNER}",
    re.ASCII,
)
_CUT: Final = re.compile(
    r".{0,20}(?:在|到|寄|送|是|住|往|于|的|我|了|至|给|为|址|成|改|和|与|去|从|收|发|家|里|有|您|你|这|那|要|想|说"
    r"|下|们|查|请|帮|叫|用|及|、)",
    re.DOTALL,
)
_SURE: Final = r"(?:street|avenue|road|boulevard|blvd|lane|terrace|crescent|parkway|pkwy|highway|hwy|ave|rd|st|ln)"
_UNSURE: Final = r"(?:drive|court|way|place|square|close|circle|loop|trail|gardens|grove|row|hill|dr|ct|pl|sq|cir)"
_NAME: Final = (
    r"(?!(?:days?|minutes?|hours?|weeks?|months?|miles?|min|mins|of|the|on|is|in|to|a|more|times?|people|items?|and"
    r"|at|out|from|pm|am|th|years?|for|off|by|my|this|that)\b)[a-z][a-z'.]{0,20}"
)
_ENGLISH: Final = re.compile(
    rf"(?<![\d$£€.,:/#-])\b\d{{1,5}}[a-c]?,? (?:(?:[nsew]|north|south|east|west)\.? )?(?:{_NAME} |\d{{1,3}}(?:st|nd"
    rf"|rd|th) ){{1,3}}"
    rf"(?:(?P<sure>{_SURE})|(?P<unsure>{_UNSURE}))\b\.?(?!')"
    r"(?:,? ?(?:apt|apartment|suite|unit|flat|ste|#)\.? ?#?[a-z\d]{1,6})?"
    r"(?:,? ?[a-z][a-z.]{1,20}(?: [a-z]{2,20})?,? [a-z]{2},? \d{5}(?:-\d{4})?)?",
    re.ASCII,
)
_POSTCODE: Final = re.compile(
    r"(?:\b(?:(?:zip|postal)(?: ?code)?|post ?code)(?: is|:| of)?|邮编(?:是|为|:)?)\s?(?P<code>\d{5,6}"
    r"(?:-\d{4})?"
    r"|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z] ?\d[a-z]\d)(?![a-z\d])"
    r"|(?<![a-z\d])(?P<form>(?:a[klrz]|c[aot]|d[ce]|fl|ga|hi|i[adln]|k[sy]|la|m[adeinost]"
    r"|n[cdehjmvy]|o[hkr]|pa|ri"
    r"|s[cd]|t[nx]|ut|v[at]|w[aivy]),? \d{5}(?:-\d{4})?"
    r"|[a-pr-uwyz][a-hk-y]?\d[a-hjkps-uw\d]? \d[abd-hjlnp-uw-z]{2})(?![a-z\d])",
    re.ASCII,
)
_LEAD: Final = 5
"""Characters before a region that may not be of it."""
_HAN_GATE: Final = frozenset("路街道巷弄胡村屯")
_REGION_GATE: Final = frozenset("市省州")
_EN_GATE: Final = frozenset(
    (_SURE + _UNSURE).replace("(?:", "|").replace(")", "|").strip("|").split("|")
)  # fmt: skip


def addresses(reading: Reading) -> Iterator[Found]:
    """Values: as written, in lower case and half width."""
    letters, plain = reading.letters, reading.plain
    if not _HAN_GATE.isdisjoint(letters):
        for match in _ROAD.finditer(plain):
            cut = _CUT.match(plain, match.start("road"), match.end("road") - 2)
            yield _found(plain, match.start() if cut is None else cut.end(), match.end())
    if not _REGION_GATE.isdisjoint(letters):
        for match in _REGION.finditer(plain):
            start = _start_of_region(plain, match.start())
            if start is not None:
                yield _found(plain, start, match.end())
    if not reading.digits:
        return
    if not _EN_GATE.isdisjoint(reading.words):
        for match in _ENGLISH.finditer(plain):
            if match["sure"] or _in_capitals(reading.text[match.start() : match.end("unsure")]):
                yield _found(plain, match.start(), match.start() + len(match.group().rstrip(".")))
    for match in _POSTCODE.finditer(plain):
        group = "code" if match["code"] else "form"
        if match["code"] or reading.text[match.start() : match.end()].isupper():
            yield Found(*match.span(group), "address", match[group], CUED if match["code"] else FORMED)


def _start_of_region(plain: str, start: int) -> int | None:
    """Where a place that we know begins: without one, any 市 and 区 make a region."""
    for at in range(start, start + _LEAD):
        if any(value and plain.startswith(word, at) for word, value in PLACES.han.get(plain[at : at + 2], ())):
            return at
    return None


def _in_capitals(written: str) -> bool:
    return all(not word[:1].islower() for word in written.split(" "))


def _found(plain: str, start: int, end: int) -> Found:
    return Found(start, end, "address", plain[start:end].strip(), CUED)
