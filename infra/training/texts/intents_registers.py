"""How people write the same thing: greetings in front, thanks behind, no punctuation, slips, half in English.

Each register is laid over a text of a grammar with a probability; a text of dialogue acts and pleasantries gets only
those that leave it what it is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from infra.training.texts.intents_traditional import traditional
from infra.training.texts.intents_words import pairs, words

PLAIN: Final = frozenset({"greeting", "thanks", "goodbye", "confirm", "reject", "give_details", "nonsense"})
"""Labels whose text nothing may be put in front of or behind: a greeting before a refusal is another message."""


def chinese(text: str, label: str, rng: random.Random, fill: Callable[[str], str]) -> str:
    """A text of a Chinese grammar as one of its writers would put it. `fill` makes text of a template."""
    text = _commas(text)
    if label not in PLAIN:
        if label in words("bought") and rng.random() < 0.1:
            text = fill(rng.choice(words("zh_front_bought"))) + text
        if rng.random() < 0.25:
            text = rng.choice(words("zh_front")) + text
        if rng.random() < 0.13:
            text += rng.choice(words("zh_behind"))
        elif rng.random() < 0.08 and text[-1] not in "啊呢呀吗么吧了哈！":
            text += rng.choice(words("zh_particles"))
        text = _replaced(text, pairs("zh_english"), rng, 0.06, most=3)
        text = _replaced(text, pairs("zh_initials"), rng, 0.03, most=1)
    if label not in ("give_details", "nonsense"):
        text = _replaced(text, pairs("zh_slips"), rng, 0.06, most=1)
        if rng.random() < 0.04 and len(text) > 5:
            text = _slip(text, rng)
    text = _chinese_punctuation(text, rng)
    return traditional(text) if rng.random() < 0.06 else text


def english(text: str, label: str, rng: random.Random, fill: Callable[[str], str]) -> str:
    """A text of an English grammar as one of its writers would put it. `fill` makes text of a template."""
    text = " ".join(text.split())
    asks = text.startswith(words("en_asks"))
    if label not in PLAIN:
        if label in words("bought") and rng.random() < 0.08:
            text = fill(rng.choice(words("en_front_bought"))) + text
        if rng.random() < 0.22:
            text = rng.choice(words("en_front")) + text
        if rng.random() < 0.14:
            text += rng.choice(words("en_behind"))
        if rng.random() < 0.02:
            text = rng.choice(words("en_front_chinese")) + text + rng.choice(words("en_behind_chinese"))
    if label not in ("give_details", "nonsense"):
        if rng.random() < 0.08:
            text = _shortened(text, rng)
        if rng.random() < 0.1 and len(text) > 7:
            text = _slip(text, rng)
        if rng.random() < 0.02 and text.startswith(("i want to ", "i need to ")):
            text = text.replace(" to ", " ", 1)
    if rng.random() < 0.35:
        text = text.replace("'", rng.choice(("", "", "’")))
    return _english_case(_english_punctuation(text, asks, rng), rng)


def _commas(text: str) -> str:
    """Left-out options leave commas with nothing between them."""
    return "，".join(part for part in text.split("，") if part).replace("！，", "！")


def _replaced(text: str, terms: Mapping[str, str], rng: random.Random, chance: float, most: int) -> str:
    if rng.random() >= chance:
        return text
    there = [word for word in terms if word in text]
    for word in rng.sample(there, min(len(there), rng.randint(1, most))):
        new = terms[word]
        space = " " if len(new) > 3 and rng.random() < 0.5 else ""
        text = text.replace(word, f"{space}{new}{space}", 1)
    return text.strip()


def _shortened(text: str, rng: random.Random) -> str:
    """Some words as they are written in text messages."""
    short = pairs("en_short")
    return " ".join(short.get(word, word) if rng.random() < 0.6 else word for word in text.split(" "))


def _slip(text: str, rng: random.Random) -> str:
    """One slip of the finger: left out, doubled, swapped, the key beside."""
    at = rng.randrange(1, len(text) - 1)
    kind = rng.randrange(4)
    if text[at] in "[]{}":
        return text
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    if kind == 2:
        return text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
    return text[:at] + pairs("en_neighbours").get(text[at], text[at]) + text[at + 1 :]


def _chinese_punctuation(text: str, rng: random.Random) -> str:
    text = text.replace("，", _pick(rng, ("，", 5), (",", 2), (" ", 3), ("", 1), ("。", 1)))
    asks = any(word in text for word in words("zh_asks"))
    if text[-1] in "！~，。？":
        return text
    if asks:
        return text + _pick(rng, ("", 10), ("？", 8), ("?", 5), ("？？", 1), ("。。。", 1))
    return text + _pick(rng, ("", 12), ("。", 4), ("！", 2), ("~", 1), ("！！", 1), ("。。。", 1))


def _english_punctuation(text: str, asks: bool, rng: random.Random) -> str:
    ends = (("", 8), ("?", 10), ("??", 1)) if asks else (("", 10), (".", 6), ("!", 2), ("!!", 1), ("...", 1))
    if rng.random() < 0.3:
        text = text.replace(",", "")
    return text + _pick(rng, *ends)


def _english_case(text: str, rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return text
    if kind < 0.55:
        return text.upper()
    written = text[:1].upper() + text[1:]
    for small, big in pairs("en_capitals").items():
        written = written.replace(small, big)
    return written


def _pick(rng: random.Random, *weighted: tuple[str, int]) -> str:
    choices: Sequence[str] = [text for text, _ in weighted]
    return rng.choices(choices, [weight for _, weight in weighted])[0]
