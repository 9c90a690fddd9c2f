"""What people say a turn wanted, or how a session went: label files, plays' manifests, and agreement with them.

A label file has a JSON object a line: {"turn_id", "label"[, "scenario"]}, or {"session_id", "satisfaction"} for how
satisfied a session's customer was. A play's manifest is one JSON object whose `messages` have `event_id` and `label`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from infra.comparing.result import Agreement
from infra.comparing.table import Numbers, Pairs, Turns, Words
from infra.comparing.values import Given
from infra.evaluation.label_map import LabelMap
from schemas.events import DIALOGUE_ACT


class LabelsRefused(ValueError):
    """A label file cannot be read; names file, line, field and remedy."""


@dataclass(frozen=True)
class Labels:
    """turns: by turn id, the label and the scenario, "" where there is none. satisfaction: by session id, any scale."""

    turns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    satisfaction: Mapping[str, float] = field(default_factory=dict)


def load_labels(path: Path, label_map: LabelMap | None = None, data_set: str = "") -> Labels:
    """The labels of a file. label_map: gives the scenario of labels that name none, those of the set `data_set`.

    Raises LabelsRefused.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as broken:
        raise LabelsRefused(f"{path}: the labels cannot be read: {broken}; give a UTF-8 file") from broken
    turns: dict[str, tuple[str, str]] = {}
    satisfaction: dict[str, float] = {}
    for where, row in _rows(path, text):
        if "satisfaction" in row:
            satisfaction[_word(where, row, "session_id")] = _number(where, row, "satisfaction")
            continue
        label = _word(where, row, "label", row.get("scenario") is not None)
        scenario = str(row.get("scenario") or "")
        if not scenario and label_map is not None:
            scenario = label_map.family(data_set, label) or ""
        turns[_word(where, row, "turn_id")] = (label, scenario)
    if not turns and not satisfaction:
        raise LabelsRefused(f'{path}: it has no labels; write a line {{"turn_id": ..., "label": ...}} for each turn')
    return Labels(turns, satisfaction)


def _rows(path: Path, text: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    manifest = _manifest(text)
    if manifest is not None:
        for n, sent in enumerate(manifest):
            if sent.get("label"):
                yield f"{path}: messages[{n}]", {"turn_id": sent.get("event_id"), "label": sent["label"]}
        return
    for n, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as broken:
                raise LabelsRefused(f"{path}:{n}: this is no JSON: {broken}; write one object a line") from broken
            if not isinstance(row, dict):
                raise LabelsRefused(f"{path}:{n}: expected an object, found {type(row).__name__}; write one a line")
            yield f"{path}:{n}", row


def _manifest(text: str) -> list[Mapping[str, Any]] | None:
    """The messages of a play's manifest; None where the text is something else."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    found = document.get("messages") if isinstance(document, dict) else None
    return found if isinstance(found, list) else None


def _word(where: str, row: Mapping[str, Any], name: str, may_be_missing: bool = False) -> str:
    value = row.get(name)
    if isinstance(value, str) and value:
        return value
    if value is None and may_be_missing:
        return ""
    raise LabelsRefused(f"{where}: {name}: expected text, found {value!r}; give it, or leave the line out")


def _number(where: str, row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise LabelsRefused(f"{where}: {name}: expected a number, found {value!r}; give it, or leave the line out")


def placed(labels: Mapping[str, tuple[str, str]], ids: Mapping[int, str], turns: Turns) -> Given:
    """The labels at their turns. `ids`: from a turn's key to its id, of the labelled ones."""
    label, scenario = (np.full(len(turns), "", dtype=object) for _ in range(2))
    for row in np.flatnonzero(np.isin(turns.key, np.array(list(ids), dtype=np.uint64))):
        label[row], scenario[row] = labels[ids[int(turns.key[row])]]
    return Given(label, scenario)


def agreements(pairs: Pairs, given: Given, satisfaction: Numbers | None = None) -> tuple[Agreement, ...]:
    """Agreement of both sides with people. `satisfaction`: at each pair, its session's; NaN where nobody said."""
    found = []
    if given.scenario is not None:
        rows = given.scenario != ""
        if rows.any():
            a, b = (_routed_right(side, given.scenario)[rows].mean() for side in (pairs.a, pairs.b))
            found.append(Agreement("scenario", float(a), float(b), int(rows.sum())))
    if given.label is not None:
        rows = given.label != ""
        if rows.any():
            a, b = ((side.word("intent") == given.label)[rows].mean() for side in (pairs.a, pairs.b))
            found.append(Agreement("intent", float(a), float(b), int(rows.sum())))
    if satisfaction is not None:
        found += _satisfaction(pairs, satisfaction)
    return tuple(found)


def _routed_right(turns: Turns, scenario: Words) -> Numbers:
    act = (scenario == DIALOGUE_ACT) & (turns.word("intent_scenario") == DIALOGUE_ACT)
    result: Numbers = (act | (turns.word("scenario") == scenario)).astype(float)
    return result


def _satisfaction(pairs: Pairs, satisfaction: Numbers) -> list[Agreement]:
    """Of sessions that somebody judged: whether the last sentiment goes with it."""
    a, b = pairs.a.number("sentiment"), pairs.b.number("sentiment")
    rows = np.flatnonzero(np.isfinite(a) & np.isfinite(b) & np.isfinite(satisfaction))
    last = np.r_[pairs.a.session[rows][1:] != pairs.a.session[rows][:-1], True][: len(rows)]
    rows = rows[last]
    if len(rows) < 3 or len(np.unique(satisfaction[rows])) < 2:
        return []
    if any(not np.ptp(side[rows]) for side in (a, b)):  # who feels the same always tells nothing
        return []
    both = [float(stats.spearmanr(side[rows], satisfaction[rows]).statistic) for side in (a, b)]
    return [Agreement("satisfaction", both[0], both[1], len(rows))]
