"""Labelled text: what is read as a set, what is refused, and what is kept back to measure by."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from infra.training.data import Row, labels_of, read_set, split
from infra.training.refusal import TrainingRefused


def written(folder: Path, name: str, *records: Any) -> Path:
    """A file of JSON lines; strings are written as they are."""
    path = folder / name
    lines = "".join((r if isinstance(r, str) else json.dumps(r, ensure_ascii=False)) + "\n" for r in records)
    path.write_bytes(gzip.compress(lines.encode()) if name.endswith(".gz") else lines.encode())
    return path


def test_rows_with_labels_are_a_set_named_after_the_file(tmp_path: Path) -> None:
    """A gzipped file of rows is one set; its own split is understood under the names that public sets use."""
    path = written(
        tmp_path,
        "shop.jsonl.gz",
        {"text": "wo ist es", "label": "where", "lang": "en", "source": "s"},
        {"text": "退货", "label": "return", "lang": "zh", "split": "develop"},
    )
    (found,) = read_set(path)
    assert (found.name, found.head, found.task) == ("shop", "shop", "intent")
    assert found.rows == (Row("wo ist es", "where", "en", "s"), Row("退货", "return", "zh", "", "dev"))


def test_conversations_are_a_set_a_scenario(tmp_path: Path) -> None:
    """Only customer turns with an intent are rows; language and split come from the conversation."""
    turns = [
        {"speaker": "customer", "text": "hi", "intent": "greet"},
        {"speaker": "agent", "text": "hello", "action": "greet"},
        {"speaker": "customer", "text": "mm"},
    ]
    path = written(
        tmp_path,
        "talk.jsonl",
        {"conversation_id": "1", "lang": "en", "scenario": "bank", "split": "val", "turns": turns},
        {"conversation_id": "2", "lang": "en", "scenario": "air", "turns": turns},
    )
    assert [(s.head, s.rows) for s in read_set(path)] == [
        ("talk.bank", (Row("hi", "greet", "en", "", "dev"),)),
        ("talk.air", (Row("hi", "greet", "en"),)),
    ]


def test_labels_that_are_sentiments_make_a_sentiment_set(tmp_path: Path) -> None:
    """Anger is given as a number, or by the emotions that a text was said to have."""
    path = written(
        tmp_path,
        "mood.jsonl",
        {"text": "a", "label": "negative", "anger": 0.4},
        {"text": "b", "label": "negative", "emotions": ["anger", "sadness"]},
        {"text": "c", "label": "positive", "emotions": ["joy"]},
        {"text": "d", "label": "neutral"},
    )
    (found,) = read_set(path)
    assert found.task == "sentiment"
    assert [row.anger for row in found.rows] == [0.4, 1.0, 0.0, None]
    assert labels_of(found.rows) == ("negative", "neutral", "positive")


def test_a_file_of_something_else_is_no_set(tmp_path: Path) -> None:
    """Articles in the same folder are passed over."""
    assert read_set(written(tmp_path, "docs.jsonl", {"doc_id": "1", "text": "How to"})) == ()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ({"text": 3, "label": "a"}, "field 'text' must be a string"),
        ({"text": "x", "label": ""}, "field 'label' is empty"),
        ({"text": "x", "label": "a", "split": "test"}, "field 'split' is 'test': use train or dev"),
        ({"text": "x", "label": "a", "anger": 2}, "field 'anger' must be a number from 0 to 1"),
        ({"text": "x", "label": "a", "lang": 1}, "field 'lang' must be a string"),
        ({"conversation_id": "1", "turns": "x"}, "field 'turns' must be a list"),
    ],
)
def test_a_broken_record_is_refused_by_file_line_and_field(tmp_path: Path, line: Any, said: str) -> None:
    """The message leads to the line, and says what to do."""
    path = written(tmp_path, "bad.jsonl", {"text": "x", "label": "a"}, "", line)
    with pytest.raises(TrainingRefused, match=r"bad.jsonl:3: ") as refused:
        read_set(path)
    assert said in str(refused.value)


@pytest.mark.parametrize(("content", "said"), [(b"\x1f\x8b\x08broken", "gzip"), (gzip.compress(b"\xff\xfe"), "UTF-8")])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """A cut copy and another encoding are said to be that."""
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(TrainingRefused, match=said):
        read_set(path)


def test_a_sets_own_split_is_kept_as_it_is() -> None:
    """A text that a set has on both sides stays on both: in traffic it comes again too."""
    rows = [Row("yes", "a", split="train"), Row("yes", "a", split="dev"), Row("no", "b", split="train")]
    assert split(rows, 1) == ((rows[0], rows[2]), (rows[1],))


def test_text_without_a_split_is_kept_back_by_label() -> None:
    """Each label keeps back the same share, whatever order the rows come in; another seed, other texts."""
    rows = [Row(f"{label} {n}", label) for label, count in (("a", 200), ("b", 50)) for n in range(count)]
    train, dev = split(rows, 7)
    assert sorted(train + dev) == sorted(rows)
    assert [sum(row.label == label for row in dev) for label in "ab"] == [20, 5]
    assert sorted(split(rows[::-1], 7)[1]) == sorted(dev)
    assert sorted(split(rows, 8)[1]) != sorted(dev)


def test_the_same_text_is_never_on_both_sides_of_a_split_we_make() -> None:
    """Letter case, spaces and another label make no other text."""
    rows = [Row(f"text {n}", "a") for n in range(100)]
    rows += [Row(f"TEXT  {n}", "b") for n in range(100)]
    train, dev = split(rows, 7)
    assert {" ".join(r.text.lower().split()) for r in train}.isdisjoint({r.text.lower() for r in dev})
    assert len(dev) == 20


def test_out_of_scope_is_no_class() -> None:
    """Rows that say `none of these` teach a score, and are not among the labels."""
    assert labels_of([Row("x", "b"), Row("y", "oos"), Row("z", "a")]) == ("a", "b")
