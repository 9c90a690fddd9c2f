"""Passages of articles and the index over them: BM25 by bm25s, over words in English and characters in Chinese.

Chinese is cut into single characters and pairs of neighbours, as Lucene's CJKAnalyzer does (docs/adr/0022). Articles
are cut into passages at their headings and paragraphs; a passage also carries the words of its title.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from processors.ports import Passage
from processors.stem import stem
from processors.text import normalise
from schemas.events import Article
from streams.search import MAX_QUERY


@contextmanager
def _without(package: str) -> Iterator[None]:
    """Has what is imported meanwhile find that the package is not installed, unless it is loaded already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


with _without("jax"):  # bm25s would load it where it is there, in seconds and 100 MB, for what is not asked of it here
    import bm25s

MAX_PASSAGE: Final = 600
TITLE_WEIGHT: Final = 3
"""How often a title counts in the first passage of its article, which speaks of the subject as a whole; 1 in others."""
CHANCE_PAIR: Final = 0.3
"""Of a pair of Chinese characters that no article has: often two words that happen to meet, so it weighs less."""
_WORDS: Final = re.compile(r"[a-z0-9]+").findall
_HAN_RUNS: Final = re.compile(r"[\u3400-\u9fff]+").findall
_HEADING: Final = re.compile(r"^#{1,6}\s+", re.MULTILINE)
_STOP_WORDS: Final = (
    "a an and are as at be been but by can could did do does for from had has have he her hi hello his how i if in "
    "into is it its just let me my of on or our please she should so some that the their them then there these they "
    "this to us was we were what when where which who why will with would you your am im ive id dont any much many get "
    "got want need like know tell about hey thanks thank s t ll re ve"
)
_STOP: Final = frozenset(_STOP_WORDS.split())
_STOP_HAN: Final = frozenset("的了吗呢啊吧呀是我你您们在有和就也都这那个么请问想要会能可以怎么什多少久几")


def tokens(text: str) -> list[str]:
    """What a text is found by: English words stemmed, without the commonest; Chinese characters and pairs of them."""
    plain = normalise(text, 50_000).replace("'", "").replace("’", "")
    found = [stem(word) for word in _WORDS(plain) if word not in _STOP]
    if not plain.isascii():
        for run in _HAN_RUNS(plain):
            found += [c for c in run if c not in _STOP_HAN]
            found += [run[i : i + 2] for i in range(len(run) - 1) if not _STOP_HAN.issuperset(run[i : i + 2])]
    return found


def passages(text: str) -> list[str]:
    """An article cut where it changes the subject, into stretches that can be said as an answer."""
    found: list[str] = []
    for section in re.split(r"\n(?=#)", text.strip()):
        head, _, body = section.partition("\n") if section.startswith("#") else ("", "", section)
        said = ""
        for paragraph in filter(None, map(str.strip, re.split(r"\n\s*\n", body))):
            if said and len(said) + len(paragraph) > MAX_PASSAGE:
                found.append(f"{head}\n{said}".strip())
                said = ""
            said = f"{said}\n{paragraph}".strip()
        if said:
            found.append(f"{head}\n{said}".strip())
    return found


class PassageIndex:
    """The passages of one language."""

    def __init__(self, pieces: Sequence[tuple[Article, str]]) -> None:
        texts = [_HEADING.sub("", text) for _, text in pieces]
        self._articles = [article for article, _ in pieces]
        self._said = [self._body(text) for _, text in pieces]
        first = {article.article_id: i for i, (article, _) in reversed(list(enumerate(pieces)))}
        corpus = [
            tokens(text) + (TITLE_WEIGHT if first[article.article_id] == i else 1) * tokens(article.title)
            for i, ((article, _), text) in enumerate(zip(pieces, texts, strict=True))
        ]
        logging.getLogger("bm25s").setLevel(logging.WARNING)  # it tells of every index that it makes
        self._bm25: Any = bm25s.BM25(method="lucene")
        self._bm25.index([t or ["-"] for t in corpus], show_progress=False)
        self._bags = [frozenset(words) for words in corpus]
        self._idf = _idf(self._bags)
        self._unseen = float(np.log(1 + (len(self._bags) + 0.5) / 0.5))
        self._masks: dict[frozenset[str], NDArray[np.bool_]] = {}

    @staticmethod
    def _body(text: str) -> str:
        """What is said: without the heading, which is there to be found by."""
        head, _, body = text.partition("\n")
        return body if head.startswith("#") and body else text

    def _mask(self, scope: frozenset[str]) -> NDArray[np.bool_]:
        mask = self._masks.get(scope)
        if mask is None:
            wanted = [not scope or not scope.isdisjoint(article.tags) for article in self._articles]
            mask = self._masks[scope] = np.array(wanted, dtype=bool)
        return mask

    def search(self, text: str, scope: frozenset[str], limit: int) -> list[Passage]:
        """The score is the share of the query's weight (idf) that a passage covers: 1 when it has every word."""
        asked = list(dict.fromkeys(tokens(text[:MAX_QUERY])))
        known = [word for word in asked if word in self._idf]
        if not known:
            return []
        scores = np.where(self._mask(scope), self._bm25.get_scores(known), 0.0)
        best = np.argsort(-scores, kind="stable")[:limit]
        weight = sum(self._weight(word) for word in asked)
        return [self._passage(int(i), known, weight) for i in best if scores[i] > 0]

    def _weight(self, word: str) -> float:
        known = self._idf.get(word)
        if known is not None:
            return known
        return self._unseen * (CHANCE_PAIR if len(word) == 2 and not word.isascii() else 1.0)

    def _passage(self, i: int, known: Sequence[str], weight: float) -> Passage:
        covered = sum(self._idf[word] for word in known if word in self._bags[i])
        article = self._articles[i]
        return Passage(article.article_id, article.title, self._said[i], min(1.0, covered / weight))


def _idf(bags: Iterable[frozenset[str]]) -> dict[str, float]:
    bags = list(bags)
    counts: dict[str, int] = {}
    for bag in bags:
        for word in bag:
            counts[word] = counts.get(word, 0) + 1
    return {word: float(np.log(1 + (len(bags) - n + 0.5) / (n + 0.5))) for word, n in counts.items()}
