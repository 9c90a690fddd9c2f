"""What people say a turn wanted, or how a session went, in any of the files that say so.

Conversations that were played: a play names its session `PLAY.CONVERSATION` and its messages `SESSION/TURN`, so that
the file itself says what is what. A play's manifest: one JSON object whose `messages` have `event_id` and `label`.
Lines: {"turn_id", "label"[, "scenario"]}, or {"session_id", "satisfaction"} for how satisfied a customer was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.evaluation.label_map import LabelMap
from infra.json_lines import content_of, objects_in
from processors.documents import NotReadable, json_value
from schemas.events import SCENARIOS

_LONGEST_NAME: Final = 180
"""Longer names of conversations are played under their hash."""
_SATISFACTION: Final = "S"
"""Of `quality`, as the helpdesk sets have it."""
_MESSAGES: Final = "SELECT session_id, turn_id, channel_message_id FROM messages FINAL WHERE run_id = {run:String}"
_CONVERSATION: Final = "{conversation_id, turns}"
_LINE: Final = '{"turn_id": ..., "label": ...}'
Rows = Iterable[tuple[str, Mapping[str, Any]]]


class LabelsRefused(ValueError):
    """A label file cannot be read; names file, line, field and remedy."""


@dataclass(frozen=True)
class Labels:
    """turns: by turn id, the label and the scenario, "" where there is none. satisfaction: by session id, any scale."""

    turns: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    satisfaction: Mapping[str, float] = field(default_factory=dict)


class Played(NamedTuple):
    """A turn of a run, and what its channel called the message."""

    session_id: str
    turn_id: str
    channel_message_id: str


def played(client: Client, run_id: str) -> Iterator[Played]:
    """The messages of a run."""
    return (Played(*row) for row in client.query(_MESSAGES, {"run": run_id}).result_rows)


@dataclass(frozen=True)
class _Meaning:
    """What a label means. label_map: from labels of the set `data_set` to scenarios."""

    label_map: LabelMap | None
    data_set: str

    def of(self, label: str, scenario: str) -> tuple[str, str] | None:
        """Label and scenario, of which one is empty, since neither says anything of the other; None: it says nothing.

        A label that is the name of a scenario is one. Every other is a scenario's by the map, left out where there is
        a map that does not have it, and an intent's name where there is none.
        """
        if scenario or label in SCENARIOS:
            return "", scenario or label
        if self.label_map is None:
            return (label, "") if label else None
        family = self.label_map.family(self.data_set, label)
        return ("", family) if family else None


def labels_in(path: Path, label_map: LabelMap | None, messages: Iterable[Played]) -> Labels:
    """The labels of a file. `messages`: of the run, read only for conversations; the set of the map is the file's name.

    Raises LabelsRefused.
    """
    content = content_of(path, LabelsRefused)
    meaning = _Meaning(label_map, path.name.partition(".")[0])
    manifest = _manifest(content)
    if manifest is not None:
        return _of_rows(path, ((f"{path}: messages[{n}]", row) for n, row in manifest), meaning)
    rows = [(f"{path}:{n}", row) for n, row in objects_in(path, content, _LINE, LabelsRefused)]
    if rows and "turns" in rows[0][1]:
        return _of_conversations(path, dict(_by_name(rows)), messages, meaning)
    return _of_rows(path, rows, meaning)


def _manifest(content: bytes) -> list[tuple[int, Mapping[str, Any]]] | None:
    """The labelled messages of a play's manifest, with their numbers; None where the text is something else."""
    try:
        document = json_value(content)
    except NotReadable:
        return None
    found = document.get("messages") if isinstance(document, dict) else None
    if not isinstance(found, list):
        return None
    labelled = ((n, sent) for n, sent in enumerate(found) if isinstance(sent, dict) and sent.get("label"))
    return [(n, {**sent, "turn_id": sent.get("event_id")}) for n, sent in labelled]


def _of_rows(path: Path, rows: Rows, meaning: _Meaning) -> Labels:
    turns: dict[str, tuple[str, str]] = {}
    satisfaction: dict[str, float] = {}
    for where, row in rows:
        if "satisfaction" in row:
            satisfaction[_word(where, row, "session_id")] = _number(where, row, "satisfaction")
            continue
        label = _word(where, row, "label", row.get("scenario") is not None)
        turn, said = _word(where, row, "turn_id"), meaning.of(label, str(row.get("scenario") or ""))
        if said is not None:
            turns[turn] = said
    if not turns and not satisfaction:
        raise LabelsRefused(f"{path}: it has no labels; write a line {_LINE} for each turn")
    return Labels(turns, satisfaction)


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


def _by_name(rows: Rows) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for where, record in rows:
        name = record.get("conversation_id")
        if not isinstance(name, str) or not isinstance(record.get("turns"), list):
            raise LabelsRefused(f"{where}: is no conversation; expected {_CONVERSATION}")
        yield name if len(name) <= _LONGEST_NAME else hashlib.sha256(name.encode()).hexdigest(), record


def _of_conversations(
    path: Path, conversations: Mapping[str, Mapping[str, Any]], messages: Iterable[Played], meaning: _Meaning
) -> Labels:
    turns: dict[str, tuple[str, str]] = {}
    satisfaction: dict[str, float] = {}
    for message in messages:
        record = conversations.get(message.session_id.partition(".")[2])
        if record is None:
            continue
        if isinstance(score := record.get("quality", {}).get(_SATISFACTION), int | float):
            satisfaction[message.session_id] = float(score)
        said = meaning.of(*_said_of(record, message.channel_message_id))
        if said is not None:
            turns[message.turn_id] = said
    if not turns and not satisfaction:
        raise LabelsRefused(
            f"{path}: none of its {len(conversations)} conversations has a labelled turn in these runs; "
            "name the file that was played, with the field scenario or intent at customers' turns"
        )
    return Labels(turns, satisfaction)


def _said_of(record: Mapping[str, Any], message: str) -> tuple[str, str]:
    """Label and scenario of the turn whose number ends the message's name; empty where nobody labelled it."""
    number = message.rpartition("/")[2]
    turns = record["turns"]
    turn = turns[int(number)] if number.isdecimal() and int(number) < len(turns) else None
    if not isinstance(turn, dict) or turn.get("speaker") != "customer":
        return "", ""
    scenario = turn.get("scenario")
    return str(turn.get("intent") or "").partition("|")[0].strip(), scenario if scenario in SCENARIOS else ""
