"""The word lists of the sentiment text: how they are read, and how angry their clauses are."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

_ANGRY: Final = {
    "zh": re.compile(
        "投诉|举报|骗|垃圾|滚|气死|气人|恶劣|无良|黑心|黑店|奸商|没良心|恶心|什么态度|火大|忍无可忍|受不了|受够|人话|凭什么"
        "|12315|曝光|法院|过分|欺负|欺诈|领导|经理来|说法|流氓|抵制|骂|坑人|坑爹|坑死|这就是你们|做生意|敷衍|别跟我|呵呵"
        "|服了|一肚子火|神经病|有病|推卸|踢皮球|耍赖|人呢|没人管|说了多少|狗都不|什么玩意|什么破|倒闭|当傻子|霸王"
    ),
    "en": re.compile(
        r"\b(?:worst|scam\w*|liars?|lying|lied|thie\w+|theft|fraud\w*|disgust\w*|disgrac\w*|pathetic|ridiculous|outrag\w*"
        r"|furious|angry|livid|rude\w*|incompeten\w*|joke|bullshit|crap|hell|damn|wtf|screw\w*|suck\w*|unacceptable|lawyer|sue"
        r"|reported|shame|insult\w*|appalling|useless|idiots?|garbage|trash|hate|never again|fed up|sick of|absurd"
        r"|stop ignoring|how dare|complain\w*|fuming|enraged|atrocious|horrible|horrendous|fail)\b",
        re.IGNORECASE,
    ),
}
MILD: Final = 0.25
"""The anger of what is said against something without a hard word: damage, delay, disappointment."""
HARD: Final = 0.85
_FURIOUS: Final = re.compile("[😠😡🤬👿💢]").search


class Message(NamedTuple):
    """A text, how it feels (-1, 0 or 1) and how angry it is, 0..1."""

    text: str
    polarity: int
    anger: float


class Aspect(NamedTuple):
    """Something that is praised or blamed, and what is said of it."""

    name: str
    good: tuple[Message, ...]
    bad: tuple[Message, ...]


class Domain(NamedTuple):
    """The lists of one kind of goods. `kinds` are names for the whole; clauses stand on their own."""

    name: str
    kinds: tuple[str, ...]
    aspects: tuple[Aspect, ...]
    good: tuple[Message, ...]
    bad: tuple[Message, ...]
    plain: tuple[Message, ...]

    def only(self, keep: Callable[[Message], bool]) -> Domain:
        """These lists with the opinions and clauses that `keep` is true of; what would be empty stays whole."""

        def kept(messages: tuple[Message, ...]) -> tuple[Message, ...]:
            return tuple(filter(keep, messages)) or messages

        aspects = tuple(Aspect(a.name, kept(a.good), kept(a.bad)) for a in self.aspects)
        return self._replace(aspects=aspects, good=kept(self.good), bad=kept(self.bad), plain=kept(self.plain))


class Phrases:
    """What messages of a language are put together with (sentiment_frames_<lang>.yaml), drawn by chance."""

    def __init__(self, listed: Mapping[str, list[str]]) -> None:
        self._listed = {name: tuple(phrases) for name, phrases in listed.items()}

    def all(self, name: str) -> tuple[str, ...]:
        """A whole list."""
        return self._listed[name]

    def one(self, name: str, rng: random.Random) -> str:
        """One of a list."""
        return rng.choice(self._listed[name])

    def felt(self, name: str, polarity: int, rng: random.Random) -> str:
        """One of the list for that feeling: <name>_bad, <name>_plain or <name>_good."""
        return rng.choice(self._listed[f"{name}_{('bad', 'plain', 'good')[polarity + 1]}"])


@cache
def phrases(lang: str) -> Phrases:
    """The phrases of a language."""
    path = Path(__file__).with_name(f"sentiment_frames_{lang}.yaml")
    return Phrases(yaml.safe_load(path.read_text(encoding="utf-8")))


def anger(text: str, lang: str) -> float:
    """How angry a text is that speaks against something."""
    return HARD if _ANGRY[lang].search(text) or _FURIOUS(text) else MILD


def domain(name: str, lang: str, entries: Mapping[str, Any]) -> Domain:
    """One entry of a word list; names of aspects keep their order."""

    def said(text: str, polarity: int, mark: str) -> tuple[Message, ...]:
        parts = [part.strip() for part in text.split(mark)]
        return tuple(Message(p, polarity, anger(p, lang) if polarity < 0 else 0.0) for p in parts if p)

    word, clause = ("、", "；") if lang == "zh" else (",", ";")
    aspects = []
    for aspect, opinions in entries["aspects"].items():
        good, _, bad = opinions.partition("|")
        aspects.append(Aspect(str(aspect), said(good, 1, word), said(bad, -1, word)))
    return Domain(
        name,
        tuple(k.strip() for k in entries["kinds"].split(word)),
        tuple(aspects),
        said(entries["good"], 1, clause),
        said(entries["bad"], -1, clause),
        said(entries["plain"], 0, clause),
    )
