"""Own text that says what its writer wants: the labels of the head `service`, in Chinese and English.

The grammars (intents_<lang>_<subject>.yaml) hold templates by label; the registers make messages of them. What is
measured is never what was learnt: of each label some templates are set aside first, and only dev rows come from those.

Texts that do not say what they are about ("the other one") belong to no label. They are learnt spread over all of them,
a few each, so that what they share speaks for nothing and the answer to them is an unsure one: routing then asks back.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from infra.demo import CONVERSATIONS
from infra.training.data import Row
from infra.training.texts.intents_filling import MAKERS, nonsense
from infra.training.texts.intents_grammar import Grammar, Sequenced, parse
from infra.training.texts.intents_registers import chinese, english
from processors.language import language

TRAIN: Final = {"zh": 500, "en": 400}
"""Distinct rows to learn from, for each label, by language; fewer where the templates cannot say more. Chinese has no
other text."""
DEV: Final = 40
"""Rows to measure by, likewise."""
VAGUE: Final = 400
"""Texts without a subject, at most, by language; to learn from only."""
_VAGUE: Final = "vague"
_WHOLE: Final = {"zh": 5, "en": 12}
"""Letters and characters of a text without a subject, at least: a shorter one would be learnt by heart, as a whole."""
_PLAINEST: Final = 5
"""Templates at the head of a label say the plain thing; they are always learnt."""
_ASIDE: Final = 0.16
"""Of the templates of a label, the share set aside for dev."""
_TRIES: Final = 60
_FOLDER: Final = Path(__file__).parent
_REGISTERS: Final = {"zh": chinese, "en": english}


class _Templates(NamedTuple):
    train: tuple[Sequenced, ...]
    dev: tuple[Sequenced, ...]


def rows(seed: int) -> Iterator[Row]:
    """The same rows for the same seed; no text twice, letter case and punctuation aside. `split` is train or dev.

    `lang` is what processors.language says of the text, so a row's part of a bundle is the one that will read it.
    """
    seen = set(_evaluated())
    for split in ("train", "dev"):
        for lang in TRAIN:
            count = TRAIN[lang] if split == "train" else DEV
            for label, templates in _labels(lang).items():
                rng = random.Random(f"{seed}/{split}/{lang}/{label}")
                chosen = templates.train if split == "train" else templates.dev
                for text in _texts(lang, label, chosen, count, rng, seen):
                    yield Row(text, label, language(text), "own", split)
            rng = random.Random(f"{seed}/{split}/{lang}/nonsense")
            for text in _nonsense(lang, count, rng, seen):
                yield Row(text, "nonsense", language(text), "own", split)
    for lang in TRAIN:
        yield from _vague(lang, random.Random(f"{seed}/{lang}/vague"), seen)


def labels() -> tuple[str, ...]:
    """The labels there is text for, in both languages, by name."""
    return tuple(sorted({"nonsense", *_labels("zh"), *_labels("en")}))


def key(text: str) -> str:
    """What two texts share that differ in letter case and punctuation alone; text of signs alone is its own key."""
    return "".join(c for c in text.casefold() if c.isalnum()) or text


def _evaluated() -> frozenset[str]:
    """What the demonstration's customers say: it measures, so it is not learnt. Pleasantries are everybody's words."""
    talks = (json.loads(line) for line in CONVERSATIONS.read_text(encoding="utf-8").splitlines())
    turns = (turn for talk in talks for turn in talk["turns"] if turn["speaker"] == "customer")
    return frozenset(key(turn["text"]) for turn in turns if turn["scenario"] != "chit_chat")


def _texts(
    lang: str, label: str, templates: Sequence[Sequenced], count: int, rng: random.Random, seen: set[str]
) -> Iterator[str]:
    """Up to `count` new texts, the templates in turn, so that one with many choices does not crowd out the others."""
    grammar, register = _grammar(lang), _REGISTERS[lang]
    made = 0
    for turn in range(count * _TRIES):
        text = register(
            grammar.write(templates[turn % len(templates)], rng),
            label,
            rng,
            lambda template: grammar.write(parse(template), rng),
        )
        if key(text) in seen:
            continue
        seen.add(key(text))
        yield text
        made += 1
        if made == count:
            return


def _vague(lang: str, rng: random.Random, seen: set[str]) -> Iterator[Row]:
    """Each label has its turn, in an order of their own."""
    spread = rng.sample(labels(), len(labels()))
    templates = tuple(parse(line) for line in _document(f"intents_{lang}_{_VAGUE}.yaml")[_VAGUE])
    told = (text for text in _texts(lang, _VAGUE, templates, VAGUE, rng, seen) if len(key(text)) >= _WHOLE[lang])
    for number, text in enumerate(told):
        yield Row(text, spread[number % len(spread)], language(text), "own", "train")


def _nonsense(lang: str, count: int, rng: random.Random, seen: set[str]) -> Iterator[str]:
    made = 0
    while made < count:
        text = nonsense(rng, lang)
        if key(text) not in seen:
            seen.add(key(text))
            made += 1
            yield text


@cache
def _grammar(lang: str) -> Grammar:
    lists = _document(f"intents_{lang}_slots.yaml")
    return Grammar({name: tuple(map(parse, lines)) for name, lines in lists.items()}, MAKERS[lang])


@cache
def _labels(lang: str) -> Mapping[str, _Templates]:
    found: dict[str, list[str]] = {}
    for path in sorted(_FOLDER.glob(f"intents_{lang}_*.yaml")):
        if not path.stem.endswith(("_slots", _VAGUE)):
            for label, lines in _document(path.name).items():
                found.setdefault(label, []).extend(lines)
    return {label: _split(label, lines) for label, lines in found.items()}


def _split(label: str, lines: Sequence[str]) -> _Templates:
    """Which templates are set aside depends on their words alone, so another seed measures on the same ones."""
    order = sorted(lines[_PLAINEST:], key=lambda line: hashlib.sha256(f"{label} {line}".encode()).digest())
    aside = set(order[: max(2, round(_ASIDE * len(lines)))])
    train = tuple(parse(line) for line in lines if line not in aside)
    return _Templates(train, tuple(parse(line) for line in lines if line in aside))


def _document(name: str) -> Mapping[str, tuple[str, ...]]:
    document: Mapping[str, Any] = yaml.safe_load((_FOLDER / name).read_text(encoding="utf-8"))
    return {key: tuple(line for line in text.splitlines() if line) for key, text in document.items()}
