"""Labels in the conversations that were played: what people said of a turn, found again in a run by session and turn.

A play names its session `PLAY.CONVERSATION` and its messages `SESSION/TURN`, so the file itself says what is what.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.client import Client

from infra.comparing.labels import Labels, LabelsRefused, load_labels
from infra.evaluation.label_map import LabelMap
from infra.json_lines import content_of, objects_in
from schemas.events import SCENARIOS

_LONGEST_NAME: Final = 180
"""Longer names of conversations are played under their hash."""
_SATISFACTION: Final = "S"
"""Of `quality`, as the helpdesk sets have it."""
_MESSAGES: Final = "SELECT session_id, turn_id, channel_message_id FROM messages FINAL WHERE run_id = {run:String}"


class Played(NamedTuple):
    """A turn of a run, and what its channel called the message."""

    session_id: str
    turn_id: str
    channel_message_id: str


def labels_in(path: Path, label_map: LabelMap | None, messages: Iterable[Played]) -> Labels:
    """The labels of a file: of conversations that were played, a play's manifest, or lines of labels.

    `messages`: of the run, read only for conversations. With a map a label is a scenario's; without, a label that is
    the name of a scenario is one too, and every other is an intent's. Raises LabelsRefused.
    """
    if not _conversations(path):
        found = load_labels(path, label_map, _set_of(path))
        return Labels({turn: _meant(*said) for turn, said in found.turns.items()}, found.satisfaction)
    by_conversation = dict(_read(path))
    turns: dict[str, tuple[str, str]] = {}
    satisfaction: dict[str, float] = {}
    for message in messages:
        name = message.session_id.partition(".")[2]
        record = by_conversation.get(name)
        if record is None:
            continue
        if isinstance(score := record.get("quality", {}).get(_SATISFACTION), int | float):
            satisfaction[message.session_id] = float(score)
        said = _label_of(record, message.channel_message_id, label_map, _set_of(path))
        if said is not None:
            turns[message.turn_id] = said
    if not turns and not satisfaction:
        raise LabelsRefused(
            f"{path}: none of its {len(by_conversation)} conversations has a labelled turn in these runs; "
            "name the file that was played, with the field scenario or intent at customers' turns"
        )
    return Labels(turns, satisfaction)


def played(client: Client, run_id: str) -> Iterator[Played]:
    """The messages of a run."""
    return (Played(*row) for row in client.query(_MESSAGES, {"run": run_id}).result_rows)


def _conversations(path: Path) -> bool:
    """Whether the file's first object is a conversation. A manifest is one object over many lines, or none here."""
    try:
        _, first = next(iter(objects_in(path, content_of(path, LabelsRefused), "labels", LabelsRefused)))
    except (LabelsRefused, StopIteration):
        return False
    return "turns" in first


def _read(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    expected = "{conversation_id, turns}"
    for number, record in objects_in(path, content_of(path, LabelsRefused), expected, LabelsRefused):
        name = record.get("conversation_id")
        if not isinstance(name, str) or not isinstance(record.get("turns"), list):
            raise LabelsRefused(f"{path}:{number}: is no conversation; expected {expected}")
        yield name if len(name) <= _LONGEST_NAME else hashlib.sha256(name.encode()).hexdigest(), record


def _label_of(
    record: Mapping[str, Any], message: str, label_map: LabelMap | None, data_set: str
) -> tuple[str, str] | None:
    """Label and scenario of the turn whose number ends the message's name; None where nobody labelled it."""
    number = message.rpartition("/")[2]
    turns = record["turns"]
    turn = turns[int(number)] if number.isdecimal() and int(number) < len(turns) else None
    if not isinstance(turn, dict) or turn.get("speaker") != "customer":
        return None
    scenario, intent = turn.get("scenario"), str(turn.get("intent") or "").partition("|")[0].strip()
    if scenario in SCENARIOS:
        return "", str(scenario)
    if not intent:
        return None
    if label_map is not None:
        family = label_map.family(data_set, intent)
        return ("", family) if family else None
    return _meant(intent, "")


def _meant(label: str, scenario: str) -> tuple[str, str]:
    """A scenario's label says nothing of an intent's name, and the other way round."""
    if scenario:
        return "", scenario
    return ("", label) if label in SCENARIOS else (label, "")


def _set_of(path: Path) -> str:
    """A data set is known by its file's name."""
    return path.name.partition(".")[0]
