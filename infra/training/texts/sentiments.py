"""Own text that says how its writer feels, Chinese and English: reviews, complaints, thanks, questions, statements.

The word lists (sentiment_<lang>_<subject>.yaml) hold, by kind of goods, what people say about its aspects and whole
clauses; the grammars (sentiment_zh.py, sentiment_en.py) make messages of them. What is measured is never what was
learnt: a share of all clauses is set aside first, and only the dev messages are made of those.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from infra.training.data import Row
from infra.training.texts import sentiment_en, sentiment_zh
from infra.training.texts.sentiment_lists import Domain, Message, domain

ROWS: Final = {"zh": 26_000, "en": 24_000}
"""Distinct messages written to learn from, by language; a tenth as many more to measure by."""
_HELD: Final = 10
"""One clause in so many is set aside for the dev messages."""
_SHORT: Final = {"zh": 4, "en": 12}
"""Characters up to which a clause that says nothing comes with every end."""
_ENDS: Final = (".", "。", "!", "！", "~", "...", "?", "？", " 👌", ",")
_TRIES: Final = 40
_FOLDER: Final = Path(__file__).parent
_LABELS: Final = ("negative", "neutral", "positive")

Grammar = Callable[[tuple[Domain, ...], random.Random], Message]
_GRAMMARS: Final[dict[str, Grammar]] = {"zh": sentiment_zh.message, "en": sentiment_en.message}


class _Share(NamedTuple):
    split: str
    rows: int


def rows(seed: int) -> Iterator[Row]:
    """The same rows for the same seed, no text twice (letter case aside); `anger` is 0..1, `split` train or dev.

    Raises ValueError where a word list is too small to make as many distinct messages.
    """
    for lang, grammar in _GRAMMARS.items():
        seen: set[str] = set()
        for share in (_Share("train", ROWS[lang]), _Share("dev", ROWS[lang] // 10)):
            yield from _messages(lang, share, grammar, random.Random(f"{seed}/{lang}/{share.split}"), seen)


def _messages(lang: str, share: _Share, grammar: Grammar, rng: random.Random, seen: set[str]) -> Iterator[Row]:
    domains = tuple(_kept(d, share.split == "dev") for d in _domains(lang))
    if share.split == "train":
        for text, polarity, anger in _clauses(domains, _SHORT[lang]):
            if text.casefold() not in seen:
                seen.add(text.casefold())
                yield Row(text, _LABELS[polarity + 1], lang, "own", share.split, anger)
    made = failed = 0
    while made < share.rows:
        text, polarity, anger = grammar(domains, rng)
        if text.casefold() in seen:
            failed += 1
            if failed > _TRIES * share.rows:
                raise ValueError(f"the {lang} word lists make fewer than {share.rows} distinct messages")
            continue
        seen.add(text.casefold())
        made += 1
        yield Row(text, _LABELS[polarity + 1], lang, "own", share.split, anger)


def _clauses(domains: tuple[Domain, ...], short_until: int) -> Iterator[Message]:
    """Every clause of the lists on its own, so that none is left to chance.

    A word or two that say nothing ("好的", "ok") come with every end: half of what customers answer is that.
    """
    for d in domains:
        yield from (*d.good, *d.bad, *d.plain)
        for short in d.plain:
            if len(short.text) <= short_until:
                yield from (short._replace(text=short.text + end) for end in _ENDS)


def _kept(whole: Domain, held: bool) -> Domain:
    """The part of the lists that belongs to the dev messages, or the rest."""

    def mine(message: Message) -> bool:
        digest = hashlib.sha256(message.text.encode()).digest()
        return (digest[0] % _HELD == 0) == held

    return whole.only(mine)


@cache
def _domains(lang: str) -> tuple[Domain, ...]:
    found: list[Domain] = []
    for path in sorted(_FOLDER.glob(f"sentiment_{lang}_*.yaml")):
        listed: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        found += [domain(name, lang, entries) for name, entries in listed.items()]
    return tuple(found)
