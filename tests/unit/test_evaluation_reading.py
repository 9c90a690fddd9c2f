"""What is read to measure by, and how a mistake in it is named."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from infra.evaluation.errors import EvaluationError
from infra.evaluation.reading import Line, read
from infra.training.data import read_set, split

ROWS = [
    {"text": "one", "label": "a", "split": "train"},
    {"text": "two", "label": "b", "split": "test"},
    {"text": "", "label": "a", "split": "test", "emotions": ["joy"]},
]
TALK = {
    "conversation_id": "1",
    "scenario": "airline",
    "split": "dev",
    "turns": [
        {"speaker": "customer", "text": "hi", "intent": "greeting"},
        {"speaker": "agent", "text": "hello", "action": "greet"},
        {"speaker": "customer", "text": "a seat and a pass", "intent": "seat|pass"},
        {"speaker": "customer", "text": "nobody labelled this"},
    ],
}


def written(folder: Path, records: list[Any], name: str = "set.jsonl") -> Path:
    """A file of JSON lines; a string is a line as it is."""
    text = "\n".join(r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records)
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["set.jsonl", "set.jsonl.gz"])
def test_rows_are_read_whatever_their_split(tmp_path: Path, name: str) -> None:
    """Also of a split that training refuses, and with an empty text; the file's hash and rows are kept."""
    found = read([written(tmp_path, [*ROWS, ""], name)])
    assert [(g.name, g.set_name) for g in found.groups] == [("set", "set")]
    assert [(row.text, row.label, row.angry, row.split) for row in found.groups[0].rows] == [
        ("one", "a", None, "train"),
        ("two", "b", None, "dev"),
        ("", "a", False, "dev"),
    ]
    digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert (found.files[0].rows, found.files[0].sha256) == (3, digest)


def test_a_split_leaves_out_the_other_rows(tmp_path: Path) -> None:
    """One that no row has is refused, with those that there are."""
    path = written(tmp_path, ROWS)
    assert [row.text for row in read([path], split="test").groups[0].rows] == ["two", ""]
    with pytest.raises(EvaluationError, match=r"no row has the split 'val'; there are: 'test', 'train'"):
        read([path], split="val")


def test_what_training_kept_back_is_what_its_own_split_keeps_back(tmp_path: Path) -> None:
    """A tenth of each label by seed; or what a row's own split says. Another seed keeps other rows back."""
    path = written(tmp_path, [{"text": f"{label} {i}", "label": label} for label in "ab" for i in range(100)])
    found = read([path], held_out=7).groups[0].rows
    assert [sum(row.label == label for row in found) for label in "ab"] == [10, 10]
    assert {row.text for row in found} == {row.text for row in split(read_set(path)[0].rows, 7)[1]}
    assert {row.text for row in found} != {row.text for row in read([path], held_out=8).groups[0].rows}
    assert [row.text for row in read([written(tmp_path, ROWS, "own.jsonl")], held_out=7).groups[0].rows] == ["two", ""]


def test_conversations_give_a_group_a_scenario(tmp_path: Path) -> None:
    """Customer turns with an intent are rows; several intents are all right."""
    other = {**TALK, "scenario": "media"}
    found = read([written(tmp_path, [TALK, other, TALK], "talks.jsonl.gz")])
    assert [(g.name, len(g.rows)) for g in found.groups] == [("talks.airline", 4), ("talks.media", 2)]
    assert found.groups[1].rows == (
        Line("hi", ("greeting",), split="dev"),
        Line("a seat and a pass", ("seat", "pass"), split="dev"),
    )


def test_a_limit_draws_the_same_rows_every_time(tmp_path: Path) -> None:
    """From the whole group, not from its beginning, and in order."""
    path = written(tmp_path, [{"text": str(i), "label": "a"} for i in range(1000)])
    drawn = [int(row.text) for row in read([path], limit=50).groups[0].rows]
    assert drawn == [int(row.text) for row in read([path], limit=50).groups[0].rows]
    assert (len(drawn), drawn == sorted(drawn), drawn[-1] > 500) == (50, True, True)


def test_two_files_of_one_name_are_two_groups(tmp_path: Path) -> None:
    """Told apart by a number."""
    (tmp_path / "more").mkdir()
    found = read([written(tmp_path, ROWS), written(tmp_path / "more", ROWS)])
    assert [g.name for g in found.groups] == ["set", "set (2)"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"text": "x"}, ":2: field 'label' is missing: give it a string, or remove the row"),
        ({"text": "x", "label": 3}, ":2: field 'label' is 3: give it a string"),
        ({"text": "x", "label": " "}, ":2: field 'label' is empty: give a label"),
        ({"label": "a"}, ":2: field 'text' is missing"),
        ("{", ":2: is not JSON (Expecting property name enclosed in double quotes, column 2)"),
        ("[]", ":2: is not a JSON object; expected {text, label, lang, source}"),
        ({"turns": "x"}, ":2: field 'turns' is no list"),
        ({"turns": [3]}, ":2: field 'turns[0]' is no object"),
        ({"turns": [{"speaker": "customer", "intent": "a"}]}, ":2: field 'turns[0].text' is missing"),
        ({"turns": [{"speaker": "customer", "text": "x", "intent": "a|"}]}, ":2: field 'turns[0].intent' is empty"),
    ],
)
def test_a_wrong_line_is_named_by_file_line_and_field(tmp_path: Path, record: Any, message: str) -> None:
    """And what to do about it."""
    path = written(tmp_path, [ROWS[0], record])
    with pytest.raises(EvaluationError) as refused:
        read([path])
    assert str(refused.value).startswith(f"{path}{message}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a folder, half a gzip, not UTF-8, empty, or without labels."""
    (tmp_path / "half.jsonl.gz").write_bytes(gzip.compress(b'{"text": "x", "label": "a"}')[:20])
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "x", "label": "a"}\n{"text": "\xe9", "label": "a"}')
    unlabelled = {"turns": [{"speaker": "customer", "text": "x"}]}
    for path, message in (
        (tmp_path / "none.jsonl", "cannot be read (No such file or directory); check the name"),
        (tmp_path, f"is a folder; name the files in it, as {tmp_path}/*.jsonl.gz"),
        (tmp_path / "half.jsonl.gz", "is not a whole gzip file"),
        (tmp_path / "latin.jsonl", "is not UTF-8 (byte 38)"),
        (written(tmp_path, [], "empty.jsonl"), "holds no rows"),
        (written(tmp_path, [unlabelled], "talk.jsonl"), "none of its 1 conversations has a customer turn"),
    ):
        with pytest.raises(EvaluationError) as refused:
            read([path])
        assert str(refused.value).startswith(str(path))
        assert message in str(refused.value)
