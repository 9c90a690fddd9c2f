"""How much of a sentence stands in the articles it may rest on: by stems of words, and by pairs of Han characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from processors.guarding.sentences import sentences
from processors.stem import stem
from processors.text import normalise

_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?")
_HAN: Final = re.compile("[\u3400-\u9fff]+")
_SAID_ALWAYS: Final = (
    "a an the this that these those it its it's i i'm i'll i've me my we we're we'll we've us our you you're "
    "you'll you've your yours he she they them their is are am was were be been being do does did done doing have "
    "has had having will would can could may might must shall should not no nor and or but if then than so as at "
    "by for from in into of off on onto out over to up with without within about after before between during "
    "until while when where which who whom whose what why how all any both each few more most other some such "
    "only own same too very just also here there now please yes ok okay well sure hello hi hey thanks thank dear "
    "sorry sir madam again let's let get got make made take took need want like know see say said help happy glad "
    "welcome kind regards however therefore because since though although usually generally normally simply don't "
    "doesn't can't won't isn't aren't one ones there's that's what's via per still already soon always never ever"
)
_STOP_WORDS: Final = frozenset(map(stem, _SAID_ALWAYS.split()))
_STOP_HAN: Final = re.compile(
    "您好|你好|谢谢|感谢|请问|请您|请|您的|你的|您|你|我们的|我们|我的|我|他们|它|这个|那个|这|那|可以|能够|能|需要|如果|的话|的|了|吗|呢|吧|哦|啊|哈"
    "|是|在|和|与|及|或者|或|也|都|就|还|会|要|有|没有|不|把|被|为|对|从|到|由|以|并且|并|但是|但|不过|因为|所以|然后|一下|一个|亲"
    "|根据|关于|进行|通常|一般|目前|已经|已|将|给|让|帮|带来不便|添麻烦|后|时|内|中|上|下"
)
_DENIAL: Final = re.compile(
    r"\b(?:not|cannot|never|no|nor|\w+n't)\b|不(?!满|足)|无(?!理由)|未|没|勿"
)
_PIECES: Final = re.compile(r"[,;:]|\band\b|\bbut\b")
_CLAIM_ENDS: Final = re.compile("[，；：,;]")
_COUNTED: Final = re.compile(r"\d[\d,.]*\s?(?:个?工作日|个?小时|个月|[元块天日次分件年折周杯])?")
_WIDER: Final = re.compile(
    r"\b(?:every(?:one|body|thing)|every customer|all customers|any(?:one|body)|forever|lifetime|unlimited|exceptions?"
    r"|for life|for good)\b|所有人|每个人|每位|任何人|一律|统统|永久|永远|终身|特例|破例|例外|无限"
)
_HAN_BEGINS: Final = "\u3400"
MIN_UNITS: Final = 3
"""Words or pairs below which a sentence says too little to be judged."""


def units(text: str) -> list[str]:
    """What a text says, without the words that every text has."""
    plain = normalise(text, 20_000)
    found = [s for w in _WORD.findall(plain) if (s := stem(w.removesuffix("'s"))) not in _STOP_WORDS and len(s) > 1]
    for run in _HAN.findall(_COUNTED.sub(" ", plain)):
        for part in _STOP_HAN.split(run):
            found += [part[i : i + 2] for i in range(len(part) - 1)]
    return found


class Ground:
    """What articles say, for asking how much of a sentence stands there, and whether they say the contrary."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._text = normalise("\n".join(texts), 100_000)
        self._units = {unit for text in texts for unit in units(text)}
        self._letters = {c for text in texts for c in text if c >= _HAN_BEGINS}
        stretches = [s for text in texts for s in sentences(text) if s.strip()]
        self._sentences = [(frozenset(units(s)), s) for s in stretches]
        pieces = dict.fromkeys(p for s in stretches for p in _claims_of(s) if p.strip())
        self._claims = [(frozenset(units(p)), _denies(p)) for p in pieces]

    def share(self, sentence: str) -> float:
        """0 to 1; 1 for a sentence that says too little to be judged."""
        said = units(sentence)
        return self.part(said) if len(said) >= MIN_UNITS else 1.0

    def part(self, said: Sequence[str]) -> float:
        """The share of these units that stand in the articles; 0 of none. Han characters parted there count half."""
        if not said:
            return 0.0
        return sum(1.0 if u in self._units else 0.5 * self._letters.issuperset(u) for u in said) / len(said)

    def denied(self, sentence: str) -> bool:
        """Whether the article's sentence that is nearest denies what this one says."""
        said = frozenset(units(sentence))
        if len(said) < 2 or _denies(sentence):
            return False
        ranked = [(len(said & own), denies) for own, denies in self._claims]
        denying = max((n for n, denies in ranked if denies), default=0)
        return denying * 2 >= len(said) and denying > max((n for n, denies in ranked if not denies), default=0)

    def overstated(self, sentence: str) -> str:
        """A word that makes a rule wider than any article does: everyone, forever, an exception; empty without."""
        for word in () if _denies(sentence) else _WIDER.findall(normalise(sentence)):
            if word not in self._text:
                return str(word)
        return ""

    def near(self, sentence: str) -> list[str]:
        """The articles' sentences that speak of the same; all of them where it says too little to tell."""
        said = frozenset(units(sentence))
        if len(said) < MIN_UNITS:
            return [s for _, s in self._sentences]
        found = []
        best = max((len(said & own) for own, _ in self._sentences), default=0)
        for i, (own, s) in enumerate(self._sentences):
            if len(said & own) * 3 >= len(said) and len(said & own) * 2 > best:
                found += [s, *(t for _, t in self._sentences[i + 1 : i + 2])]
        return found


@lru_cache(maxsize=200)
def ground_of(texts: tuple[str, ...]) -> Ground:
    """Articles come again with every turn."""
    return Ground(texts)


def _claims_of(sentence: str) -> list[str]:
    """A sentence, and what stands between its commas; in Chinese, where a comma may end a claim, that alone."""
    if _HAN.search(sentence):
        return _CLAIM_ENDS.split(sentence)
    return [sentence, *_PIECES.split(sentence)]


def _denies(sentence: str) -> bool:
    return _DENIAL.search(normalise(sentence)) is not None
