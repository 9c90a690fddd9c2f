"""Labelled text: what training and evaluation read, and how part of it is kept back to measure by.

A set is a file of JSON lines, gzipped or not: classification rows `{text, label, lang, source}` with an optional
`split`, `anger` or `emotions`, or conversations `{conversation_id, scenario, turns: [{speaker, text, intent}]}`, of
which every customer turn with an intent is a row (two intents, written `a|b`, are a label of their own). A file of
conversations is one set a scenario: `multidogo.airline`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import yaml

from infra.json_lines import content_of, objects_in
from infra.training.licences import Licence, licence_of
from infra.training.refusal import TrainingRefused

Task = Literal["intent", "sentiment"]

SENTIMENTS: Final = ("negative", "neutral", "positive")
OUTSIDE: Final = frozenset({"oos", "out_of_scope", "out-of-scope"})
"""Labels that say: none of the others. Such rows teach and measure the out-of-scope score and are no class."""
_EMOTIONS: Final = Path(__file__).with_name("texts") / "emotions.yaml"
"""What a named emotion says about anger."""
_DEV: Final = frozenset({"dev", "develop", "val", "valid", "validation"})
_POLARITIES: Final = frozenset({*SENTIMENTS, "ambiguous", "mixed"})
_SUFFIXES: Final = (".jsonl.gz", ".jsonl")


class Row(NamedTuple):
    """One labelled text. `split` is `train`, `dev` or empty (not said); `anger` is 0..1, or None (not known)."""

    text: str
    label: str
    lang: str = ""
    source: str = ""
    split: str = ""
    anger: float | None = None


class DataSet(NamedTuple):
    """Rows with one set of labels. `name` is the file's stem, `sha256` the file's; `head` is `name[.scenario]`."""

    name: str
    head: str
    task: Task
    rows: tuple[Row, ...]
    sha256: str
    licence: Licence


def set_files(folder: Path) -> tuple[Path, ...]:
    """The files of `folder` that may hold sets, by name. Raises TrainingRefused where there is none."""
    if not folder.is_dir():
        raise TrainingRefused(f"{folder}: no such folder; --data names the folder of the .jsonl or .jsonl.gz files")
    found = tuple(sorted(p for p in folder.iterdir() if p.name.endswith(_SUFFIXES)))
    if not found:
        raise TrainingRefused(f"{folder}: holds no .jsonl or .jsonl.gz file")
    return found


def stem(path: Path) -> str:
    """A set's name by its file: `banking77.jsonl.gz` -> `banking77`."""
    return next((path.name.removesuffix(s) for s in _SUFFIXES if path.name.endswith(s)), path.stem)


def read_set(path: Path) -> tuple[DataSet, ...]:
    """The sets that a file holds: one, or one a scenario where it holds conversations.

    A file whose records are neither (articles, tasks) or whose conversations carry no intents is no set: (). Raises
    TrainingRefused, naming file, line, field and remedy, where a record is broken.
    """
    raw = content_of(path, TrainingRefused)
    by_head: dict[str, list[Row]] = {}
    name = stem(path)
    for number, record in objects_in(path, raw, "{text, label, lang, source}", TrainingRefused):
        if "turns" in record:
            head = f"{name}.{_scenario(path, number, record)}"
            by_head.setdefault(head, []).extend(_turns(path, number, record))
        elif "label" in record:
            by_head.setdefault(name, []).append(_row(path, number, record, "label"))
        else:
            return ()
    digest = hashlib.sha256(raw).hexdigest()
    licence = licence_of(name, path.parent)
    return tuple(
        DataSet(name, head, _task(rows), tuple(rows), digest, licence) for head, rows in by_head.items() if rows
    )


def split(rows: Iterable[Row], seed: int, dev: float = 0.1) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
    """(train, dev). A set's own split is kept as it is; the rows without one are split by a hash of seed and text.

    By hash, equal texts (letter case and spaces aside) fall on one side, and every label with ten texts or more has
    the same share kept back: of a label's texts, the share `dev` with the smallest hashes. A set's own split may hold a
    text on both sides ("yes" in a conversation): real traffic does too.
    """
    train: list[Row] = []
    kept: list[Row] = []
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        if row.split:
            (kept if row.split == "dev" else train).append(row)
        else:
            by_label.setdefault(row.label, []).append(row)
    chosen: set[str] = set()
    for group in by_label.values():
        texts = sorted({plain(r.text) for r in group}, key=lambda text: (_hash(seed, text), text))
        chosen.update(texts[: round(len(texts) * dev)])
    for group in by_label.values():
        for row in group:
            (kept if plain(row.text) in chosen else train).append(row)
    return tuple(train), tuple(kept)


def plain(text: str) -> str:
    """What makes two texts the same text: letter case and the width of spaces do not."""
    return " ".join(text.casefold().split())


def labels_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The classes of a set, in order; sentiments in the order of SENTIMENTS. Labels in OUTSIDE are no classes."""
    found = {row.label for row in rows} - OUTSIDE
    if found <= set(SENTIMENTS):
        return tuple(s for s in SENTIMENTS if s in found)
    return tuple(sorted(found))


def _hash(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\x1f{text}".encode()).digest()


def _row(path: Path, number: int, record: Mapping[str, Any], label: str) -> Row:
    for field in ("text", label):
        if not isinstance(record.get(field), str):
            raise TrainingRefused(f"{path}:{number}: field {field!r} must be a string; give it one or remove the line")
    if not record[label].strip():
        raise TrainingRefused(f"{path}:{number}: field {label!r} is empty; give the text a label or remove the line")
    return Row(
        record["text"],
        record[label].strip(),
        _string(path, number, record, "lang"),
        _string(path, number, record, "source"),
        _split(path, number, record),
        _anger(path, number, record),
    )


def _turns(path: Path, number: int, record: Mapping[str, Any]) -> Iterator[Row]:
    turns = record["turns"]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise TrainingRefused(f"{path}:{number}: field 'turns' must be a list of objects {{speaker, text, intent}}")
    about = {key: record[key] for key in ("lang", "source", "split") if key in record}
    for turn in turns:
        if turn.get("speaker") == "customer" and turn.get("intent"):
            yield _row(path, number, {**about, **turn}, "intent")


def _scenario(path: Path, number: int, record: Mapping[str, Any]) -> str:
    return _string(path, number, record, "scenario") or "all"


def _string(path: Path, number: int, record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    if value is not None and not isinstance(value, str):
        raise TrainingRefused(f"{path}:{number}: field {field!r} must be a string or left out")
    return value or ""


def _split(path: Path, number: int, record: Mapping[str, Any]) -> str:
    named = _string(path, number, record, "split").lower()
    if named in _DEV:
        return "dev"
    if named in ("", "train"):
        return named
    raise TrainingRefused(
        f"{path}:{number}: field 'split' is {named!r}: use train or dev (also: {', '.join(sorted(_DEV - {'dev'}))}), "
        "or leave it out; text to test by belongs in another file"
    )


def _anger(path: Path, number: int, record: Mapping[str, Any]) -> float | None:
    given = record.get("anger")
    if given is not None:
        if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
            raise TrainingRefused(f"{path}:{number}: field 'anger' must be a number from 0 to 1")
        return float(given)
    emotions = record.get("emotions")
    if not isinstance(emotions, list):
        return None
    return max((anger_of_emotions().get(emotion, 0.0) for emotion in emotions if isinstance(emotion, str)), default=0.0)


@cache
def anger_of_emotions() -> Mapping[str, float]:
    """How angry each emotion of goemotions is, 0 to 1; one that is not named is not angry."""
    document = yaml.safe_load(_EMOTIONS.read_text(encoding="utf-8"))
    return {emotion: float(share) for emotion, share in document["anger"].items()}


def _task(rows: Sequence[Row]) -> Task:
    return "sentiment" if {row.label for row in rows} <= _POLARITIES else "intent"
