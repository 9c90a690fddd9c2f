"""Words of a list, found in a text at one look per word: the longest that fits, whole words in English."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from processors.entities.kinds import LISTED, Found
from processors.entities.reading import Reading

_WORD: Final = re.compile(r"[a-z]{1,30}").finditer
_IRREGULAR: Final = {"shelf": "shelves", "knife": "knives", "scarf": "scarves", "loaf": "loaves", "mouse": "mice"}
_HAN_START: Final = 2
"""Characters of a Chinese word by which it is looked up."""


class Lexicon(NamedTuple):
    """Words by how they begin. A word whose value is empty is read as something else, and hides shorter ones."""

    kind: str
    han: Mapping[str, tuple[tuple[str, str], ...]]
    """By the first two characters: the words that begin so with their values, the longest first."""
    latin: Mapping[str, tuple[tuple[str, str], ...]]
    """By the first word."""
    capitals: frozenset[str]
    """English words that count only where written with a capital: Reading is a town, reading is none."""


def lexicon(kind: str, han: str, latin: str, hidden: str = "", capitals: str = "", plurals: bool = False) -> Lexicon:
    """Of words parted by commas. `hidden`: words that are not meant. `plurals`: also found in the plural."""
    values = dict.fromkeys(_parted(hidden), "")
    english = {word: word for word in _parted(latin)}
    marked = {word: word for word in _parted(capitals)}
    if plurals:
        english |= {plural(word): word for word in _parted(latin)}
    every = {word: word for word in _parted(han)} | english | marked | values
    chinese = {word: value for word, value in every.items() if not word.isascii()}
    others = {word: value for word, value in every.items() if word.isascii()}
    return Lexicon(
        kind,
        _by_start(chinese, {word: word[:_HAN_START] for word in chinese}),
        _by_start(others, {word: re.split(r"[^a-z]", word)[0] for word in others}),
        frozenset(marked),
    )


def plural(word: str) -> str:
    """The regular English plural of the last word."""
    last = word.rsplit(" ", 1)[-1]
    if last in _IRREGULAR:
        return word[: -len(last)] + _IRREGULAR[last]
    if last.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    return word[:-1] + "ies" if last.endswith("y") and last[-2:-1] not in "aeiou" else word + "s"


def words_of(lists: Lexicon, reading: Reading) -> Iterator[Found]:
    """The words of a list in a text, none within another."""
    plain = reading.plain
    if not lists.latin.keys().isdisjoint(reading.words):
        yield from _latin(lists, reading)
    end = 0
    if not plain.isascii():
        for start in range(len(plain) - 1):
            if start >= end and (options := lists.han.get(plain[start : start + _HAN_START])):
                for word, value in options:
                    if plain.startswith(word, start):
                        end = start + len(word)
                        if value:
                            yield Found(start, end, lists.kind, value, LISTED)
                        break


def _latin(lists: Lexicon, reading: Reading) -> Iterator[Found]:
    plain, end = reading.plain, 0
    for match in _WORD(plain):
        options = lists.latin.get(match.group())
        start = match.start()
        if options is None or start < end:
            continue
        for word, value in options:
            after = start + len(word)
            if plain.startswith(word, start) and not "a" <= plain[after : after + 1] <= "z":
                end = after
                if value and not (word in lists.capitals and not reading.text[start].isupper()):
                    yield Found(start, after, lists.kind, value, LISTED)
                break


def _parted(words: str) -> list[str]:
    return [" ".join(word.split()) for word in words.split(",") if word.strip()]


def _by_start(words: Mapping[str, str], starts: Mapping[str, str]) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for word in sorted(words, key=lambda w: (-len(w), w)):
        found.setdefault(starts[word], []).append((word, words[word]))
    return {start: tuple(options) for start, options in found.items()}
