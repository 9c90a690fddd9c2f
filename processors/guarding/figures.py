"""Numbers and personal data in a reply that nobody gave: neither the articles, nor the slots, nor the customer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from processors.entities import PERSONAL, PatternEntities
from processors.entities.numerals import HAN_NUMERALS, NUMBER_WORD, english_number, han_number
from processors.text import normalise
from schemas.events import Entity

_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_UNITS: Final[dict[str, str]] = {
    "day": r"(?:business |working |calendar )?days?\b|个?工作日|天|日(?!期)",
    "hour": r"hours?\b|hrs?\b|个?(?:小时|钟头)",
    "minute": r"min(?:ute)?s?\b|分钟",
    "week": r"weeks?\b|个?(?:星期|礼拜)|周(?![一二三四五六日末])",
    "month": r"months?\b|个月",
    "year": r"years?\b|yrs?\b|年(?![\d一二三四五六七八九十]{1,2}月)",
    "percent": r"%|percent\b|per cent\b|折",
    "money": r"dollars?\b|pounds?\b|euros?\b|pence\b|cents?\b|yuan\b|rmb\b|usd\b|gbp\b|eur\b|cny\b"
    r"|元|块|英镑|美元|欧元",
    "count": r"times\b|次|points?\b|积分|分(?!钟)|items?\b|件|个(?!月|工|小|星|钟|礼)",
}
_UNIT: Final = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _UNITS.items())
_MENTION: Final = re.compile(
    rf"(?P<sign>[$¥£€]\s?)?(?P<digits>{_NUMBER})(?:\s?-?(?:{_UNIT}))?"
    rf"|(?P<han>[{HAN_NUMERALS}]+)(?:{_UNIT.replace('(?P<', '(?P<h_')})"
    rf"|\b(?P<words>{NUMBER_WORD}(?:[ -](?:and )?{NUMBER_WORD}){{0,5}})[ -](?:{_UNIT.replace('(?P<', '(?P<w_')})",
)
_BARE_WORD: Final = re.compile(r"\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|fifty)\b")
_CODE: Final = re.compile(r"(?<![a-z\d])(?=[a-z-]*\d)[a-z\d]+(?:-[a-z\d]+)*(?![a-z\d])")
_LIST_NUMBER: Final = re.compile(r"(?m)^\s*(?:\d{1,2}[.)、]|[(（]\d{1,2}[)）])\s?")
CITATION: Final = re.compile(r"\[(\d{1,3})\]")
_SQUEEZED: Final = re.compile(r"[\s().+_-]")
_DAY: Final = 86_400_000_000
_LONG: Final = 5
"""Digits from which on a number is a code: looked for as it stands, whatever parts it."""
_ANY_DAY: Final = re.compile(
    r"today|now|(?:this|that|the|a|each|every|per|any|same) (?:day|week|month|year|time|morning|evening)"
    r"|[今当本每该][天日周月年]|现在|当时"
)
"""What is no date of its own: the day that it is, or any."""
_ENTITIES: Final = PatternEntities()
_REASONS: Final = {
    "order_number": "invented_order", "tracking_number": "invented_order", "amount": "invented_amount",
    "date": "invented_date", "time": "invented_date",
    **dict.fromkeys(sorted(PERSONAL - {"order_number", "tracking_number"}), "personal_data"),
}  # fmt: skip


class Mention(NamedTuple):
    """A number in a text. `unit`: of what, empty where that is not said."""

    start: int
    end: int
    value: str
    unit: str


def mentions(text: str, bare: bool = False) -> Iterator[Mention]:
    """The numbers of a normalised text; numbers in words only where a unit follows, and more than one of it.

    bare: English words of numbers also without a unit: three free returns.
    """
    if bare:
        for match in _BARE_WORD.finditer(text):
            yield Mention(*match.span(), str(english_number(match.group())), "")
    for match in _MENTION.finditer(text):
        unit = next((name.removeprefix("h_").removeprefix("w_") for name in _units_of(match)), "")
        if match["digits"]:
            value = match["digits"].replace(",", "")
            value = value.rstrip("0").rstrip(".") if "." in value else value.lstrip("0") or "0"
            yield Mention(*match.span(), value, "money" if match["sign"] else unit)
        else:
            number = han_number(match["han"]) if match["han"] else english_number(match["words"])
            if number is not None and number > 1:
                yield Mention(*match.span(), str(number), unit)


def _units_of(match: re.Match[str]) -> list[str]:
    return [k for k, v in match.groupdict().items() if v and k not in ("sign", "digits", "han", "words")]


class _Facts(NamedTuple):
    plain: str
    squeezed: str
    values: frozenset[tuple[str, str]]
    entities: frozenset[tuple[str, str]]


@lru_cache(maxsize=2_000)
def _facts(text: str, day: int) -> _Facts:
    """The numbers and names of a text. Articles come again with every turn, so they are read once a day."""
    plain = normalise(text, 20_000)
    return _Facts(
        plain,
        _SQUEEZED.sub("", plain),
        frozenset((m.value, m.unit) for m in mentions(plain)),
        frozenset((e.kind, e.value) for e in _ENTITIES.extract([text], [day])[0]),
    )


@lru_cache(maxsize=200)
def _named_in(plain: str, at: int) -> tuple[Entity, ...]:
    """What a sentence of a reply names; asked for more than once in judging it."""
    return tuple(_ENTITIES.extract([plain], [at])[0])


class Known:
    """The numbers, names and addresses that a reply may use."""

    def __init__(self, texts: Iterable[str], at: int) -> None:
        """at: when the customer wrote, microseconds UTC: what "tomorrow" was then."""
        self._at = at
        day = at - at % _DAY
        facts = [_facts(text, day) for text in texts]
        self._text = "\x1f".join(f.plain for f in facts)
        self._squeezed = "\x1f".join(f.squeezed for f in facts)
        self._values = {v for f in facts for v in f.values}
        self._bare = {value for value, unit in self._values if not unit}
        self._entities = {e for f in facts for e in f.entities}
        for kind, value in self._entities:
            if kind == "amount":
                self._values |= {(n, "money") for n in re.findall(r"\d+(?:\.\d+)?", value)}

    def unknown(self, sentence: str) -> Iterator[tuple[str, str]]:
        """What in a sentence nobody gave: a reason, and the stretch."""
        bare = CITATION.sub(" ", _LIST_NUMBER.sub("", sentence))
        plain = normalise(bare, 20_000)
        found = _named_in(plain, self._at)
        for entity in found:
            if entity.kind in _REASONS and not self._has(entity):
                yield _REASONS[entity.kind], entity.text
        covered = [(e.start, e.end) for e in found if e.kind in _REASONS and (e.kind != "amount" or self._has(e))]
        for mention in mentions(plain):
            inside = any(s <= mention.start and mention.end <= e for s, e in covered)
            if not inside and not self._knows(mention):
                yield "invented_amount" if mention.unit == "money" else "invented_number", plain[
                    mention.start : mention.end
                ]
        for match in _CODE.finditer(plain):
            code = _SQUEEZED.sub("", match.group())
            if sum(c.isdigit() for c in code) >= _LONG and code not in self._squeezed:
                yield "invented_order", match.group()

    def _knows(self, mention: Mention) -> bool:
        if (mention.value, mention.unit) in self._values or mention.value in self._bare:
            return True
        if not mention.unit and any(value == mention.value for value, _ in self._values):
            return True
        if len(mention.value) >= _LONG and mention.value.isdigit():
            return mention.value in self._squeezed
        # The last digits of a number that was given.
        tail = len(mention.value) == 4 and mention.unit == "" and re.search(rf"{mention.value}(?!\d)", self._squeezed)
        return bool(tail)

    def _has(self, entity: Entity) -> bool:
        said = normalise(entity.text)
        if (entity.kind, entity.value) in self._entities or said in self._text:
            return True
        if entity.kind in ("date", "time"):
            return _ANY_DAY.fullmatch(said) is not None
        if entity.kind == "person":
            return all(word in self._text for word in said.split())
        if entity.kind == "amount":
            numbers = list(mentions(said))
            return bool(numbers) and all((m.value, "money") in self._values or m.value in self._bare for m in numbers)
        digits = _SQUEEZED.sub("", said)
        return len(digits) >= 4 and any(c.isdigit() for c in digits) and digits in self._squeezed
