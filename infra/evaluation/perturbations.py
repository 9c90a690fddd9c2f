"""Ways in which customers' texts are damaged: each a function of a text and a seeded random source, one a subject.

Each returns the text as it was where there is nothing it could change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Final, NamedTuple

from infra.evaluation.pinyin_initials import INITIALS
from infra.evaluation.traditional import TRADITIONAL

_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_WORD: Final = re.compile(r"[A-Za-z]{4,}")
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_EMOJI: Final = ("😀", "😂", "🙏", "😡", "👍", "😭", "❤️", "🔥", "🤔", "😅", "🙄", "💔")
_NOISE: Final = ("!!!", "???", "...", "。。。", "！！！", "？？？", "~~", "?!", " :(", "……", ",,,", "!!1")


class Perturbation(NamedTuple):
    """A kind of damage. `about`: what it does, in words."""

    name: str
    about: str
    apply: Callable[[str, Random], str]


def typos(text: str, draw: Random) -> str:
    """One word in five, at least one: a neighbouring key, two letters swapped, or a letter dropped.

    In Chinese, one character in ten, at least one, is dropped or changes place with the next.
    """
    words = list(_WORD.finditer(text))
    if not words:
        return _chinese_typos(text, draw)
    chosen = draw.sample(words, max(1, round(len(words) / 5)))
    for match in sorted(chosen, key=lambda m: -m.start()):
        text = text[: match.start()] + _mistyped(match.group(), draw) + text[match.end() :]
    return text


def _mistyped(word: str, draw: Random) -> str:
    place = draw.randrange(1, len(word) - 1)
    kind = draw.choice(("neighbour", "swap", "drop"))
    if kind == "neighbour":
        key = draw.choice(_NEIGHBOURS[word[place].lower()])
        return word[:place] + (key.upper() if word[place].isupper() else key) + word[place + 1 :]
    if kind == "swap" and word[place] != word[place + 1]:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place + 1 :]


def _chinese_typos(text: str, draw: Random) -> str:
    places = [m.start() for m in _HAN.finditer(text)]
    if len(places) < 3:
        return text
    for place in sorted(draw.sample(places, max(1, round(len(places) / 10))), reverse=True):
        after = text[place + 1 : place + 2]
        swap = draw.random() < 0.5 and after != "" and after != text[place]
        text = text[:place] + (after + text[place] + text[place + 2 :] if swap else text[place + 1 :])
    return text


def missing_spaces(text: str, draw: Random) -> str:
    """Every other space is left out, at least one."""
    spaces = [m.start() for m in re.finditer(r"(?<=\S) (?=\S)", text)]
    for place in sorted(draw.sample(spaces, (len(spaces) + 1) // 2), reverse=True):
        text = text[:place] + text[place + 1 :]
    return text


def all_caps(text: str, draw: Random) -> str:
    """EVERYTHING IN CAPITALS."""
    return text.upper()


def full_width(text: str, draw: Random) -> str:
    """Ａｓ　ａ　Ｃｈｉｎｅｓｅ　ｋｅｙｂｏａｒｄ　ｗｒｉｔｅｓ　ｉｔ."""
    return text.translate(_FULL_WIDTH)


def traditional(text: str, draw: Random) -> str:
    """Simplified characters as traditional ones, by a table of frequent characters."""
    return text.translate(_TRADITIONAL)


def pinyin_initials(text: str, draw: Random) -> str:
    """Words of service as the initials of their sounds: 退款 as tk."""
    return _SERVICE_WORDS.sub(lambda m: INITIALS[m.group()], text)


def emoji(text: str, draw: Random) -> str:
    """One to three emoji: the first at the end, the others anywhere between words or characters."""
    text += draw.choice(_EMOJI)
    for _ in range(draw.randrange(3)):
        places = [m.start() for m in re.finditer(r" |(?<=[\u4e00-\u9fff])(?=[\u4e00-\u9fff])", text)]
        place = draw.choice(places) if places else 0
        text = text[:place] + draw.choice(_EMOJI) + text[place:]
    return text


def punctuation(text: str, draw: Random) -> str:
    """The mark at the end gives way to a row of them."""
    return text.rstrip(" .?!,。？！，~…") + draw.choice(_NOISE)


def _neighbours() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for y, row in enumerate(_ROWS):
        for x, key in enumerate(row):
            beside = row[max(0, x - 1) : x] + row[x + 1 : x + 2]
            above = _ROWS[y - 1][x : x + 2] if y else ""
            below = _ROWS[y + 1][max(0, x - 1) : x + 1] if y + 1 < len(_ROWS) else ""
            found[key] = beside + above + below
    return found


_NEIGHBOURS: Final = _neighbours()
_FULL_WIDTH: Final = {**{code: code + 0xFEE0 for code in range(0x21, 0x7F)}, 0x20: 0x3000}
_TRADITIONAL: Final = str.maketrans(dict(TRADITIONAL))
_SERVICE_WORDS: Final = re.compile("|".join(sorted(INITIALS, key=lambda word: (-len(word), word))))

PERTURBATIONS: Final = (
    Perturbation("typos", "neighbouring keys, swaps and drops in one word of five", typos),
    Perturbation("missing_spaces", "every other space left out", missing_spaces),
    Perturbation("all_caps", "everything in capitals", all_caps),
    Perturbation("full_width", "letters, digits and marks in full width", full_width),
    Perturbation("traditional", "frequent characters in traditional form", traditional),
    Perturbation("pinyin_initials", "words of service by their initials: 退款 as tk", pinyin_initials),
    Perturbation("emoji", "one to three emoji put in", emoji),
    Perturbation("punctuation", "a row of marks at the end", punctuation),
)
