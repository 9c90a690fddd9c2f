"""The rows that a bundle is measured on, in groups that one head each answers.

A file of JSON lines, gzipped or not: classification rows `{text, label, lang, source, split?, scenario?}`, or
conversations `{scenario, turns: [{speaker: customer, text, intent}]}`, of which every customer turn with an intent is
a row. A group is a file, or a scenario of a file: `multidogo.airline`. Several intents of one turn are written `a|b`.

Unlike training, this takes rows of any split, and of no known licence.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra.evaluation.errors import EvaluationError
from infra.evaluation.intervals import SEED
from infra.json_lines import content_of, objects_in
from infra.training.data import Row, anger_of_emotions, stem
from infra.training.data import split as split_by_seed

ANGRY: Final = 0.5
"""From this share of anger on a text is angry."""


class Line(NamedTuple):
    """A labelled text. `labels`: more than one only where a turn has several intents.

    angry: whether the field `anger` says so, or one of the `emotions`; None where neither is there. split: as training
    sees it: `train`, `dev` (any other split), or empty where the row does not say.
    """

    text: str
    labels: tuple[str, ...]
    angry: bool | None = None
    split: str = ""

    @property
    def label(self) -> str:
        """As the data has it: `a|b` for several."""
        return "|".join(self.labels)


class Group(NamedTuple):
    """Rows with one set of labels. `set_name` is the file's name without suffixes."""

    name: str
    set_name: str
    rows: tuple[Line, ...]


class File(NamedTuple):
    """A file that was read, by the SHA-256 of its bytes. trained_on: whether the bundle learnt from just this."""

    path: str
    sha256: str
    rows: int
    trained_on: bool = False


class Data(NamedTuple):
    groups: tuple[Group, ...]
    files: tuple[File, ...]


def read(
    paths: Iterable[Path], split: str | None = None, limit: int | None = None, held_out: int | None = None
) -> Data:
    """The groups of all files, those of one name made different by a number.

    split: only rows that say they are of it. held_out: only rows that training with this seed keeps back. limit: at
    most so many rows of each group, drawn with a fixed seed.

    Raises:
        EvaluationError: a file cannot be read or a line is wrong, by file, line, field and remedy; or no row is left.
    """
    groups: list[Group] = []
    files: list[File] = []
    for path in paths:
        content = content_of(path, EvaluationError)
        found = _groups(path, content, split)
        if held_out is not None:
            found = [_kept_back(path, group, held_out) for group in found]
        drawn = [group._replace(rows=_drawn(group.rows, limit)) for group in found]
        digest = hashlib.sha256(content).hexdigest()
        files.append(File(str(path), digest, sum(len(group.rows) for group in drawn)))
        groups += drawn
    return Data(_told_apart(groups), tuple(files))


def _groups(path: Path, content: bytes, split: str | None) -> list[Group]:
    set_name = stem(path)
    by_name: dict[str, list[Line]] = {}
    splits: Counter[str] = Counter()
    unlabelled = 0
    for number, record in objects_in(path, content, "{text, label, lang, source}", EvaluationError):
        name = f"{set_name}.{record['scenario']}" if record.get("scenario") else set_name
        lines = list(_turns(path, number, record)) if "turns" in record else [_row(path, number, record, "label")]
        unlabelled += not lines
        splits[str(record.get("split") or "")] += len(lines)
        if lines and (split is None or record.get("split") == split):
            by_name.setdefault(name, []).extend(lines)
    if not by_name:
        raise EvaluationError(_nothing_left(path, split, splits, unlabelled))
    return [Group(name, set_name, tuple(rows)) for name, rows in by_name.items()]


def _kept_back(path: Path, group: Group, seed: int) -> Group:
    rows = [Row(line.text, line.label, split=line.split) for line in group.rows]
    kept = set(split_by_seed(rows, seed)[1])
    if not kept:
        raise EvaluationError(f"{path}: training keeps no row of {group.name} back; measure it on other text")
    return group._replace(rows=tuple(line for line, row in zip(group.rows, rows, strict=True) if row in kept))


def _nothing_left(path: Path, split: str | None, splits: Counter[str], unlabelled: int) -> str:
    if split is not None and splits.total():
        there = ", ".join(repr(name) if name else "(no split)" for name in sorted(splits))
        return f"{path}: no row has the split {split!r}; there are: {there}. Name one of them, or leave --split out"
    if unlabelled:
        return f"{path}: none of its {unlabelled} conversations has a customer turn with the field 'intent': label some"
    return f"{path}: holds no rows; expected JSON lines {{text, label}} or {{turns: [{{speaker, text, intent}}]}}"


def _row(path: Path, number: int, record: Mapping[str, Any], field: str, where: str = "") -> Line:
    for name in ("text", field):
        value = record.get(name)
        if not isinstance(value, str):
            found = "is missing" if name not in record else f"is {json.dumps(value, ensure_ascii=False)[:40]}"
            raise EvaluationError(
                f"{path}:{number}: field {where + name!r} {found}: give it a string, or remove the row"
            )
    labels = (record[field].strip(),) if field == "label" else _several(record[field])
    if not labels or not all(labels):
        raise EvaluationError(f"{path}:{number}: field {where + field!r} is empty: give a label, or remove the row")
    split = record.get("split")
    return Line(record["text"], labels, _angry(record), "train" if split == "train" else "dev" if split else "")


def _angry(record: Mapping[str, Any]) -> bool | None:
    anger, emotions = record.get("anger"), record.get("emotions")
    if isinstance(anger, int | float):
        return anger >= ANGRY
    if not isinstance(emotions, list):
        return None
    return any(anger_of_emotions().get(emotion, 0.0) >= ANGRY for emotion in emotions if isinstance(emotion, str))


def _several(intents: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in intents.split("|")))


def _turns(path: Path, number: int, record: Mapping[str, Any]) -> Iterator[Line]:
    turns = record["turns"]
    if not isinstance(turns, list):
        raise EvaluationError(f"{path}:{number}: field 'turns' is no list: expected [{{speaker, text, intent}}, ...]")
    for i, turn in enumerate(turns):
        if not isinstance(turn, dict):
            raise EvaluationError(
                f"{path}:{number}: field 'turns[{i}]' is no object: expected {{speaker, text, intent}}"
            )
        if turn.get("speaker") == "customer" and turn.get("intent"):
            yield _row(path, number, {"split": record.get("split"), **turn}, "intent", f"turns[{i}].")


def _drawn(rows: tuple[Line, ...], limit: int | None) -> tuple[Line, ...]:
    if limit is None or len(rows) <= limit:
        return rows
    chosen = sorted(random.Random(SEED).sample(range(len(rows)), limit))
    return tuple(rows[i] for i in chosen)


def _told_apart(groups: Iterable[Group]) -> tuple[Group, ...]:
    seen: Counter[str] = Counter()
    named = []
    for group in groups:
        seen[group.name] += 1
        many = seen[group.name]
        named.append(group if many == 1 else group._replace(name=f"{group.name} ({many})"))
    return tuple(named)
