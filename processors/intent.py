"""What a customer wants, by weighted words: small, quick, and honest about it in its fingerprint.

Every term that a text holds adds its weight to its intent. Confidence grows with the weight of the best intent and
falls with that of the second; 0 means that nothing was recognised. Texts that only continue a dialogue (yes, no, an
order number) are told by what they consist of.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from processors.intent_terms import TERMS, talking
from processors.intent_terms.term import Terms
from processors.language import language
from processors.ports import Intent
from processors.stem import stem
from processors.text import normalise
from schemas.events import Candidate
from schemas.identity import fingerprint

LIMIT: Final = 2_000
"""Characters looked at."""
LABELS: Final = tuple(TERMS)
_SCENARIO: Final = {label: terms.scenario for label, terms in TERMS.items()}
_WORDS: Final = re.compile(r"[a-z0-9]+").findall
_APOSTROPHES: Final = re.compile(r"(?<=[a-z])['’`](?=[a-z])")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_HAN_RUN: Final = re.compile(r"[\u3400-\u9fff]+").findall
_PLACEHOLDER: Final = re.compile(r"\[[^\[\]]{0,20}\]")
_EMAIL: Final = re.compile(r"[a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,200}")
_DIGITS: Final = re.compile(r"\d")
_MASH: Final = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}|(.)\1{4,}|(..)\2{3,}")
_DETAILS: Final = re.compile(
    r"\b(?:my|the|is|its|it|name|number|order|no|id|here|you|go|phone|email|card|and|ending|in|for|this|a|reference|"
    r"ref|account|address|at|on|tracking|code|com|date|of|birth|this|please|sure|ok|yes|i|am)\b"
)
_ZH_DETAILS: Final = re.compile(
    "我的?|订单号?|编号|单号|号码?|手机|电话|邮箱|是|这个?|姓名|名字|叫|的|快递|运单|尾号|给你|查询|商品|下单时间|金额"
)


class Scores(NamedTuple):
    """Of one text: weight by label, and the words of it."""

    by_label: dict[str, float]
    words: list[str]


class KeywordIntents:
    """The port IntentModel, by keywords."""

    def __init__(self) -> None:
        self.fingerprint = fingerprint("keywords", "1", repr((TERMS, talking.CONFIRM, talking.REJECT)).encode())
        self._lexicon = _Lexicon(TERMS.items())

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        """One intent a text, in order, for any text whatever."""
        return [self._detect(text) for text in texts]

    def _detect(self, text: str) -> Intent:
        text = text[:LIMIT]
        lang = language(text)
        plain = _APOSTROPHES.sub("", normalise(text))
        scores = self._lexicon.scores(plain)
        act = _whole(plain, scores)
        if act is not None:
            label, confidence = act
            top = (Candidate(label, confidence),)
            return Intent(label, _SCENARIO[label], confidence, top, 0.9 if label == "nonsense" else 0.05, lang)
        return _intent(scores.by_label, lang)


def _intent(weights: dict[str, float], lang: str) -> Intent:
    if not weights:
        return Intent("unknown", "other", 0.0, (Candidate("unknown", 0.0),), 0.6 if lang == "und" else 0.5, lang)
    ranked = sorted(weights.items(), key=lambda pair: -pair[1])[:3]
    total = sum(weight for _, weight in ranked)
    best, weight = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    confidence = weight / (weight + 0.5 * second + 1.0)
    top = (Candidate(best, confidence), *(Candidate(label, w / (total + 1.0)) for label, w in ranked[1:]))
    outside = confidence if _SCENARIO[best] == "out_of_scope" else 0.5 / (1.0 + weight)
    return Intent(best, _SCENARIO[best], confidence, top, outside, lang)


def _whole(plain: str, scores: Scores) -> tuple[str, float] | None:
    """What a text is that consists of nothing but acknowledgement, refusal, details, or noise."""
    best = max(scores.by_label.values(), default=0.0)
    words = scores.words
    han = "".join(_HAN_RUN(plain)) if not plain.isascii() else ""
    if best == 0 and _is_noise(plain, words, han):
        return "nonsense", 0.8
    if len(words) <= 8 and len(han) <= 12 and (words or han):
        act = _act(words, han)
        if act is not None and (best < 2 or act == "reject"):
            return act, 0.8
    if best < 2 and _is_details(plain, words, han):
        return "give_details", 0.7
    return None


def _act(words: list[str], han: str) -> str | None:
    if words and not han:
        if _REJECT_CORE.intersection(words) and _REJECT.issuperset(words):
            return "reject"
        return "confirm" if _CONFIRM_CORE.intersection(words) and _CONFIRM.issuperset(words) else None
    if han and len(words) <= 1 and _CONFIRM.issuperset(words):
        if _ZH_CONFIRM(han):
            return "confirm"
        return "reject" if _ZH_REJECT(han) else None
    return None


def _is_details(plain: str, words: list[str], han: str) -> bool:
    if not (_DIGITS.search(plain) or "@" in plain or "[" in plain):
        return False
    rest = _DETAILS.sub(" ", _EMAIL.sub(" ", _PLACEHOLDER.sub(" ", plain))) if words else plain
    left = [w for w in _WORDS(rest) if not _DIGITS.search(w)]
    left_han = len(_ZH_DETAILS.sub("", "".join(_HAN_RUN(_PLACEHOLDER.sub("", plain))))) if han else 0
    return len(left) <= 2 and left_han <= 2


def _is_noise(plain: str, words: list[str], han: str) -> bool:
    if not words and not han:
        return "[" not in plain
    if han:
        return len(han) >= 5 and len(set(han)) * 4 <= len(han)
    return sum(1 for w in words if _MASH.search(w)) * 2 >= len(words)


def _closed(words: str) -> re.Pattern[str]:
    ranked = sorted(words.split(), key=len, reverse=True)
    return re.compile("(?:" + "|".join(map(re.escape, ranked)) + ")+")


_CONFIRM: Final = frozenset(talking.CONFIRM.split())
_REJECT: Final = frozenset(talking.REJECT.split())
_CONFIRM_CORE: Final = frozenset(talking.CONFIRM_CORE.split())
_REJECT_CORE: Final = frozenset(talking.REJECT_CORE.split())
_ZH_CONFIRM: Final = _closed(talking.ZH_CONFIRM).fullmatch
_ZH_REJECT: Final = _closed(talking.ZH_REJECT).fullmatch


class _Lexicon:
    """The terms, found by their first word or character."""

    def __init__(self, terms: Iterable[tuple[str, Terms]]) -> None:
        self._atoms: dict[tuple[str, ...], int] = {}
        self._single: dict[int, list[tuple[str, float]]] = defaultdict(list)
        self._pairs: dict[int, list[tuple[int, str, float]]] = defaultdict(list)
        self._by_word: dict[str, list[tuple[tuple[str, ...], int]]] = defaultdict(list)
        self._by_character: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for label, (_, strong, medium, weak) in terms:
            for weight, listed in ((3.0, strong), (2.0, medium), (1.0, weak)):
                for term in filter(None, listed.split("/")):
                    self._add(label, weight, term)

    def _add(self, label: str, weight: float, term: str) -> None:
        parts = [self._atom(part.strip()) for part in term.split("+")]
        if len(parts) == 1:
            if label not in dict(self._single[parts[0]]):  # two forms of a word are one term
                self._single[parts[0]].append((label, weight))
        else:
            self._pairs[parts[0]].append((parts[1], label, weight))

    def _atom(self, text: str) -> int:
        chinese = _HAN.search(text) is not None
        words = (text,) if chinese else tuple(stem(word) for word in text.split())
        if words not in self._atoms:
            number = self._atoms[words] = len(self._atoms)
            if chinese:
                self._by_character[text[0]].append((text, number))
            else:
                self._by_word[words[0]].append((words, number))
        return self._atoms[words]

    def scores(self, plain: str) -> Scores:
        """What a normalised text says for each label; each term counts once."""
        words = _WORDS(plain)
        found: set[int] = set()
        stems = tuple(map(stem, words))
        for i, word in enumerate(stems):
            for phrase, number in self._by_word.get(word, ()):
                if len(phrase) == 1 or stems[i : i + len(phrase)] == phrase:
                    found.add(number)
        if not plain.isascii():
            for i, character in enumerate(plain):
                for term, number in self._by_character.get(character, ()):
                    if plain.startswith(term, i):
                        found.add(number)
        by_label: dict[str, float] = defaultdict(float)
        for number in found:
            for label, weight in self._single.get(number, ()):
                by_label[label] += weight
            for other, label, weight in self._pairs.get(number, ()):
                if other in found:
                    by_label[label] += weight
        return Scores(by_label, words)
