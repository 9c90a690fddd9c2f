"""Labels found again in a run: by the conversations that were played, by a manifest, by lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from infra.comparing.labels import LabelsRefused, Played, labels_in
from infra.evaluation.label_map import LabelMap, load_label_map


def conversation(name: str, *turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"conversation_id": name, "turns": list(turns), **more}


def said(text: str, **labels: str) -> dict[str, Any]:
    return {"speaker": "customer", "text": text, **labels}


def file_of(folder: Path, *lines: dict[str, Any], name: str = "desk.jsonl") -> Path:
    path = folder / name
    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def families(folder: Path) -> LabelMap:
    path = folder / "map.json"
    path.write_text(json.dumps({"desk": {"logistics": ["track"]}}), "utf-8")
    return load_label_map(path)


RUN = [Played("monday.c1", "t1", "monday.c1/0"), Played("monday.c1", "t2", "monday.c1/2"), Played("web-7", "t3", "x")]


def test_a_turn_is_found_by_its_session_and_number(tmp_path: Path) -> None:
    """Agents' lines count in the numbering and have no labels; sessions that were not played are passed over."""
    path = file_of(
        tmp_path, conversation("c1", said("a", scenario="logistics"), {"speaker": "agent", "text": "b"}, said("c"))
    )
    assert dict(labels_in(path, None, RUN).turns) == {"t1": ("", "logistics")}


def test_packed_conversations_are_read_too(tmp_path: Path) -> None:
    """As a play reads them."""
    path = file_of(tmp_path, conversation("c1", said("a", intent="track|buy")), name="desk.jsonl.gz")
    assert dict(labels_in(path, None, RUN).turns) == {"t1": ("track", "")}


def test_a_map_makes_scenarios_of_intents(tmp_path: Path) -> None:
    """The set is the file's name; a label that the map does not have is no label."""
    turns = (said("a", intent="track"), {"speaker": "agent", "text": "b"}, said("c", intent="juggle"))
    path = file_of(tmp_path, conversation("c1", *turns))
    assert dict(labels_in(path, families(tmp_path), RUN).turns) == {"t1": ("", "logistics")}


def test_satisfaction_is_of_the_session(tmp_path: Path) -> None:
    """What annotators said of a whole conversation."""
    path = file_of(tmp_path, conversation("c1", said("a"), quality={"A": 0.1, "S": -1.5}))
    assert dict(labels_in(path, None, RUN).satisfaction) == {"monday.c1": -1.5}


def test_the_label_of_a_manifest_is_a_scenario(tmp_path: Path) -> None:
    """A play lists scenarios; they are compared with scenarios, not with intents' names."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({"messages": [{"event_id": "t1", "label": "logistics"}]}), "utf-8")
    assert dict(labels_in(path, None, ()).turns) == {"t1": ("", "logistics")}


def test_lines_name_their_turns(tmp_path: Path) -> None:
    """Any tool can write them; an intent's name stays one."""
    path = file_of(tmp_path, {"turn_id": "t1", "label": "track"}, {"turn_id": "t2", "label": "payment"})
    assert dict(labels_in(path, None, ()).turns) == {"t1": ("track", ""), "t2": ("", "payment")}


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([conversation("other", said("a", scenario="logistics"))], "none of its 1 conversations has a labelled turn"),
        ([conversation("c1", said("a"))], "none of its 1 conversations has a labelled turn"),
        ([conversation("c1", said("a")), {"turns": 3}], "desk.jsonl:2: is no conversation"),
        ([{"label": "track"}], "turn_id"),
    ],
    ids=["another play", "no labels", "half a file", "no turn"],
)
def test_what_is_no_label_is_refused(tmp_path: Path, lines: list[dict[str, Any]], complaint: str) -> None:
    """The message names the file and what to mend."""
    with pytest.raises(LabelsRefused, match=complaint):
        labels_in(file_of(tmp_path, *lines), None, RUN)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Rather than taken for one without labels."""
    with pytest.raises(LabelsRefused, match="cannot be read"):
        labels_in(tmp_path / "none.jsonl", None, RUN)


def test_lines_are_of_turns_or_of_sessions(tmp_path: Path) -> None:
    """A map says what a label means that is no scenario's; one that it does not have says nothing."""
    rows = [{"turn_id": "t", "label": "track"}, {"turn_id": "u", "label": "go", "scenario": "payment"}]
    more = [{"turn_id": "v", "label": "juggle"}, {"session_id": "s", "satisfaction": 4}]
    found = labels_in(file_of(tmp_path, *rows, *more), families(tmp_path), ())
    assert found.turns == {"t": ("", "logistics"), "u": ("", "payment")}
    assert found.satisfaction == {"s": 4.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"turn_id": 5, "label": "x"}', ":1: turn_id: expected text, found 5"),
        ('{"turn_id": "t"}', ":1: label: expected text, found None"),
        ('\n{"turn_id": ', ":2: is not JSON"),
        ('{"session_id": "s", "satisfaction": "good"}', ":1: satisfaction: expected a number, found 'good'"),
        ("", "it has no labels"),
    ],
)
def test_a_wrong_label_file_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """And the field, and what was found."""
    path = tmp_path / "labels.jsonl"
    path.write_text(text)
    with pytest.raises(LabelsRefused) as refused:
        labels_in(path, None, ())
    assert str(refused.value).startswith(str(path))
    assert said in str(refused.value)
