"""The text of others that the small generating model learns from, as far as its licence lets a model be published."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from infra.training.generation_facts import LANGS, subjects
from infra.training.licences import Licence, licence_of, may_ship
from infra.training.refusal import TrainingRefused
from infra.training.texts import intents

MAPPED: Final = ("banking77", "bitext_cs", "clinc150")
"""Sets whose labels say which subject a question has."""
OUTSIDE: Final = ("hwu64", "clinc150")
DOCUMENTS: Final = "kb_docs"
TALKS: Final = "crosswoz"
_MAP: Final = Path(__file__).parent / "texts" / "service_map.yaml"
_OFF: Final = ("off_topic", "nonsense", "about_bot")
_SENTENCE: Final = re.compile(r"[^。！？!?]+?(?:[。！？!?]+|[.](?=\s|$)|$)")
_SET_APART: Final = re.compile(r"^[\s#>*|`\-\d.)]+|[*`|]+")


class Found(NamedTuple):
    """A document: its title and sentences."""

    title: str
    sentences: tuple[str, ...]


class Talk(NamedTuple):
    """What a customer said, and what was answered."""

    question: str
    answer: str


class Corpus(NamedTuple):
    """By language: what is asked of a subject, what no article answers, documents, talks. `used`: the sets, to be
    named; `texts`: what the vocabulary is counted in."""

    asked: Mapping[str, Mapping[str, list[str]]]
    outside: Mapping[str, list[str]]
    documents: Mapping[str, list[Found]]
    talks: Mapping[str, list[Talk]]
    used: tuple[dict[str, Any], ...]
    texts: tuple[str, ...]


def corpus(folder: Path, seed: int) -> Corpus:
    """What lies in the folder of these sets, and the project's own text.

    Raises:
        TrainingRefused: a set is missing, or its licence does not let a model be published.
    """
    for name in dict.fromkeys((*MAPPED, *OUTSIDE, DOCUMENTS, TALKS)):
        _checked(folder, name)
    asked: dict[str, dict[str, list[str]]] = {lang: {} for lang in LANGS}
    outside: dict[str, list[str]] = {lang: [] for lang in LANGS}
    for row in intents.rows(seed):
        if row.split == "train" and row.lang in LANGS:
            if row.label in subjects(row.lang):
                asked[row.lang].setdefault(row.label, []).append(row.text)
            elif row.label in _OFF:
                outside[row.lang].append(row.text)
    used: list[dict[str, Any]] = []
    texts: list[str] = []
    mapped: Mapping[str, Mapping[str, str | None]] = yaml.safe_load(_MAP.read_text(encoding="utf-8"))
    for name in dict.fromkeys((*MAPPED, *OUTSIDE)):
        records = _records(folder, name, used)
        for record in records:
            subject = mapped.get(name, {}).get(record["label"])
            if subject in subjects("en") and name in MAPPED:
                asked["en"].setdefault(str(subject), []).append(record["text"])
            elif name in OUTSIDE and subject is None and record["label"] != "oos":
                outside["en"].append(record["text"])
        texts += [record["text"] for record in records]
    documents = [found for record in _records(folder, DOCUMENTS, used, ships=_mit) if (found := _document(record))]
    talks = [talk for record in _records(folder, TALKS, used) for talk in _talks(record)]
    outside["zh"] += [talk.question for talk in talks if len(talk.question) > 5][::3]
    texts += [s for found in documents for s in found.sentences] + [part for talk in talks for part in talk]
    texts += [text for lang in LANGS for some in asked[lang].values() for text in some]
    answers = [_sentences(talk.answer) for talk in talks]
    sixes = (answers[i : i + 6] for i in range(0, len(answers), 6))
    stretches = [Found("介绍", tuple(sentence for some in six for sentence in some)) for six in sixes]
    return Corpus(
        asked, outside, {"en": documents, "zh": stretches}, {"en": [], "zh": talks}, tuple(used), tuple(texts)
    )


def _mit(record: Mapping[str, Any]) -> bool:
    return "(MIT)" in str(record.get("source"))


def _checked(folder: Path, name: str) -> tuple[Path, Licence]:
    path = folder / f"{name}.jsonl.gz"
    if not path.is_file():
        raise TrainingRefused(f"{path}: is not there; the small generating model learns from it: put it into {folder}")
    licence = licence_of(name, folder)
    if name != DOCUMENTS:  # of these each row says its own
        may_ship(name, licence, folder)
    return path, licence


def _records(folder: Path, name: str, used: list[dict[str, Any]], ships: Any = None) -> list[dict[str, Any]]:
    path, licence = _checked(folder, name)
    content = path.read_bytes()
    found = [json.loads(line) for line in gzip.decompress(content).decode().splitlines() if line.strip()]
    found = [record for record in found if ships is None or ships(record)]
    about = {"name": name, "licence": licence.name, "attribution": licence.attribution}
    if ships is not None:
        about |= {"licence": "MIT", "attribution": "; ".join(sorted({str(r["source"]) for r in found}))}
    used.append({**about, "sha256": hashlib.sha256(content).hexdigest(), "rows": len(found)})
    return found


def _sentences(text: str) -> list[str]:
    return [s for s in (part.strip() for part in _SENTENCE.findall(text)) if s]


def _document(record: Mapping[str, Any]) -> Found | None:
    sentences = []
    for line in str(record["text"]).split("\n"):
        plain = " ".join(_SET_APART.sub("", line).replace("**", "").split())
        sentences += [s for s in _sentences(plain) if 5 <= len(s.split()) <= 26 and ":" not in s[-2:]]
    unique = tuple(dict.fromkeys(sentences))
    return Found(str(record["title"]), unique) if len(unique) > 1 else None


def _talks(record: Mapping[str, Any]) -> Iterator[Talk]:
    turns = record["turns"]
    for before, after in pairwise(turns):
        if (before["speaker"], after["speaker"]) == ("customer", "agent"):
            question, answer = " ".join(before["text"].split()), " ".join(after["text"].split())
            if 5 <= len(answer) <= 28 and len(_sentences(answer)) == 1 and len(_shared(question, answer)) >= 3:
                yield Talk(question, answer)


def _shared(one: str, other: str) -> set[str]:
    return {one[i : i + 2] for i in range(len(one) - 1)} & {other[i : i + 2] for i in range(len(other) - 1)}
