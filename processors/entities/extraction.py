"""What a message names, by patterns and lists: all claims on its text, and the choice among those that overlap."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from importlib import import_module
from types import BuiltinMethodType
from typing import Final

from processors.entities.accounts import accounts
from processors.entities.addresses import addresses
from processors.entities.calendar_days import day_of
from processors.entities.clock import times
from processors.entities.codes import codes
from processors.entities.contacts import contacts
from processors.entities.days import days
from processors.entities.goods import GOODS
from processors.entities.kinds import GUESSED, KINDS, PERSONAL, Found
from processors.entities.lexicon import words_of
from processors.entities.money import amounts
from processors.entities.people import people
from processors.entities.places import PLACES
from processors.entities.reading import Reading, read
from schemas.events import Entity
from schemas.identity import fingerprint

LIMIT: Final = 10_000
"""Characters looked at."""
VERSION: Final = "2"
_MODULES: Final = tuple(
    import_module(f"{__package__}.{name}")
    for name in (
        "accounts", "addresses", "calendar_days", "clock", "codes", "contacts", "day_rules", "days", "days_english",
        "days_han", "goods", "kinds", "lexicon", "money", "numerals", "people", "places", "reading",
    )
)  # fmt: skip
_ORDER: Final = {kind: place for place, kind in enumerate(KINDS)}


class PatternEntities:
    """The port EntityModel, by patterns."""

    def __init__(self) -> None:
        self.fingerprint = fingerprint("patterns", VERSION, everything_told())

    def extract(self, texts: Sequence[str], at: Sequence[int]) -> Sequence[tuple[Entity, ...]]:
        """The entities of each text, in its order. `at`: when each was written, to resolve dates against."""
        return [_extract(text[:LIMIT], when) for text, when in zip(texts, at, strict=True)]


def everything_told() -> bytes:
    """Every table and pattern of the package; what code alone decides is told by VERSION."""
    told = [
        (module.__name__, name, _told(value))
        for module in _MODULES
        for name, value in sorted(vars(module).items())
        if not name.startswith("__")
    ]
    return repr(told).encode()


def _told(value: object) -> object:
    """A constant in a form that is the same in every process; nothing for functions, types and modules."""
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, Mapping):
        return sorted((repr(key), _told(item)) for key, item in value.items())
    if isinstance(value, Set):
        return sorted(map(repr, value))
    if isinstance(value, tuple | list):
        return [_told(item) for item in value]
    if isinstance(value, str | int | float):
        return value
    return _told(value.__self__) if isinstance(value, BuiltinMethodType) else ""


def _extract(text: str, at: int) -> tuple[Entity, ...]:
    reading = read(text, at)
    found = claims(reading)
    if len(found) > 1:
        found = chosen(found)
    return tuple(Entity(f.kind, text[f.start : f.end], f.value, f.start, f.end, f.kind in PERSONAL) for f in found)


def claims(reading: Reading) -> list[Found]:
    """Whatever could be meant; they may overlap."""
    found = sorted(days(reading))
    found += times(reading, found)
    found += amounts(reading)
    found += contacts(reading)
    if reading.digits:
        found += accounts(reading)
    found += codes(reading, day_of(reading.at).year)
    found += addresses(reading)
    found += people(reading)
    found += words_of(GOODS, reading)
    found += words_of(PLACES, reading)
    return found


def chosen(found: Sequence[Found]) -> list[Found]:
    """Of claims that overlap the one with more behind it than a guess, then the longest, the surest, the first."""
    kept: list[Found] = []
    taken = bytearray(max((claim.end for claim in found), default=0))
    for claim in sorted(found, key=_preference):
        if claim.end > claim.start and taken.find(1, claim.start, claim.end) < 0:
            taken[claim.start : claim.end] = b"\1" * (claim.end - claim.start)
            kept.append(claim)
    kept.sort(key=lambda f: f.start)
    return kept


def _preference(claim: Found) -> tuple[int, int, int, int, int]:
    guessed = max(claim.sure - GUESSED + 1, 0)
    return guessed, claim.start - claim.end, claim.sure, claim.start, _ORDER[claim.kind]
