"""What a change breaks is said before it is deployed."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from schemas import pinning
from schemas.codec import expanded
from schemas.compatibility import (
    Snapshot,
    TopicFacts,
    compare,
    record_changes,
    snapshot,
    topic_changes,
    transitive,
    unreadable,
)

NOW = snapshot()


def _with(record: str, *added: dict[str, Any], without: str = "") -> dict[str, Any]:
    schema = copy.deepcopy(expanded(record))
    schema["fields"] = [*(f for f in schema["fields"] if f["name"] != without), *added]
    return schema


def _changed(record: str, field: str, **to: Any) -> dict[str, Any]:
    schema = copy.deepcopy(expanded(record))
    for f in schema["fields"]:
        if f["name"] == field:
            f.update(to)
    return schema


def test_every_kept_version_reads_every_other() -> None:
    """FULL_TRANSITIVE holds over all pinned versions and the schema that is in the Avro files now."""
    assert transitive(NOW) == []


def test_the_newest_id_stands_for_the_schema_in_use() -> None:
    """A schema that changed has been pinned anew: spillway schemas pin."""
    assert pinning.unpinned() == []


def test_nothing_changed_is_no_change() -> None:
    """A revision against itself differs in nothing, also once it has been through JSON."""
    assert compare(NOW, NOW) == []
    assert compare(Snapshot.from_json(json.loads(json.dumps(NOW.to_json()))), NOW) == []


def test_a_field_with_a_default_comes_and_goes() -> None:
    """Adding and removing it break nothing, and readers are deployed first."""
    newer = _with("FeedbackGiven", {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []})
    for older, later in ((expanded("FeedbackGiven"), newer), (newer, expanded("FeedbackGiven"))):
        changes = record_changes("FeedbackGiven", older, later)
        assert [(c.subject, c.breaking) for c in changes] == [("FeedbackGiven.tags", False)]
        assert changes[0].first.startswith("readers")


@pytest.mark.parametrize(
    ("newer", "subject", "says"),
    [
        (_with("FeedbackGiven", {"name": "stars", "type": "int"}), "FeedbackGiven.stars", "old bytes"),
        (_with("FeedbackGiven", without="score"), "FeedbackGiven.score", "new bytes"),
        (_changed("FeedbackGiven", "score", type="string"), "FeedbackGiven.score", "type"),
        (_changed("FeedbackGiven", "score", type="long"), "FeedbackGiven.score", "type"),
        (_changed("FeedbackGiven", "comment", type=["null", "string"], default=None), "FeedbackGiven.comment", "type"),
        (_changed("FeedbackGiven", "score", aliases=["stars"]), "FeedbackGiven.score", "renaming"),
    ],
)
def test_what_one_side_cannot_read_is_breaking(newer: dict[str, Any], subject: str, says: str) -> None:
    """A field without a default added or removed, another type, a widened type and an alias are named as breaking."""
    changes = record_changes("FeedbackGiven", expanded("FeedbackGiven"), newer)
    breaking = [c for c in changes if c.breaking]
    assert subject in {c.subject for c in breaking}
    assert any(says in c.breaks for c in breaking)
    assert all("upcaster" in c.first for c in breaking)


def test_a_change_deep_in_a_record_is_named_by_its_path() -> None:
    """A field of a record in a record is compared as any other."""
    newer = copy.deepcopy(expanded("MessageReceived"))
    customer = next(f for f in newer["fields"] if f["name"] == "customer")["type"]
    customer["fields"].append({"name": "city", "type": "string"})
    changes = record_changes("MessageReceived", expanded("MessageReceived"), newer)
    assert [c.subject for c in changes if c.breaking] == ["MessageReceived.customer.city"]


def test_a_record_that_comes_whole_is_one_change() -> None:
    """What lies in a new field with a default needs none of its own; a field added to it later does."""
    inner = {"type": "record", "name": "Seen", "fields": [{"name": "by", "type": "string"}]}
    newer = _with("FeedbackGiven", {"name": "seen", "type": ["null", inner], "default": None})
    changes = record_changes("FeedbackGiven", expanded("FeedbackGiven"), newer)
    assert [(c.subject, c.breaking) for c in changes] == [("FeedbackGiven.seen", False)]
    later = copy.deepcopy(newer)
    later["fields"][-1]["type"][1]["fields"].append({"name": "at", "type": "long"})
    assert [c.subject for c in record_changes("FeedbackGiven", newer, later) if c.breaking] == ["FeedbackGiven.seen.at"]


def test_a_timestamp_of_another_unit_is_breaking() -> None:
    """Avro reads it without complaint, as a time a thousand times off."""
    millis = {"type": "long", "logicalType": "timestamp-millis"}
    newer = _changed("PolicyActivated", "effective_at", type=millis)
    changes = record_changes("PolicyActivated", expanded("PolicyActivated"), newer)
    assert [(c.subject, c.breaks) for c in changes] == [
        ("PolicyActivated.effective_at", "the same bytes mean something else")
    ]


def test_a_symbol_may_be_added_to_an_enum_with_a_default() -> None:
    """Readers that do not know it yet take the default; without one they could not read it."""
    old = expanded("ReplyProduced")
    newer = copy.deepcopy(old)
    rung = next(f for f in newer["fields"] if f["name"] == "rung")["type"]
    rung["symbols"].append("voice")
    assert [c.breaks for c in record_changes("ReplyProduced", old, newer)] == [""]
    bare_old, bare_new = copy.deepcopy(old), copy.deepcopy(newer)
    for schema in (bare_old, bare_new):
        del next(f for f in schema["fields"] if f["name"] == "rung")["type"]["default"]
    assert unreadable(bare_old, bare_new) != []
    assert any(c.breaking for c in record_changes("ReplyProduced", bare_old, bare_new))


TOPIC = NOW.topics["chat.messages"]


@pytest.mark.parametrize(
    ("new", "what", "breaking"),
    [
        (dataclasses.replace(TOPIC, partitions=24), "12 partitions are now 24", True),
        (dataclasses.replace(TOPIC, retention=86_400), "retention 7776000 s is now 86400 s", True),
        (dataclasses.replace(TOPIC, retention=None), "retention 7776000 s is now None s", False),
        (dataclasses.replace(TOPIC, key="tenant"), "is now 'tenant'", True),
        (dataclasses.replace(TOPIC, max_bytes=1), "is now 1", True),
        (dataclasses.replace(TOPIC, max_bytes=1 << 24), "is now 16777216", False),
        (dataclasses.replace(TOPIC, records=TOPIC.records[1:]), "no longer takes MessageReceived", True),
        (dataclasses.replace(TOPIC, records=(*TOPIC.records, "CallEnded")), "takes CallEnded", False),
    ],
)
def test_a_topic_that_changes_says_whether_it_breaks(new: TopicFacts, what: str, breaking: bool) -> None:
    """Partitions, key, retention, size and records of a topic are what others depend on."""
    (change,) = topic_changes("chat.messages", TOPIC, new)
    assert what in change.what
    assert change.breaking == breaking


def test_an_id_that_is_given_again_or_dropped_is_breaking() -> None:
    """Bytes in the log would be read as another record, or not at all."""
    swapped = dataclasses.replace(NOW, ids={**NOW.ids, "FeedbackGiven": NOW.ids["SessionClosed"], "SessionClosed": [2]})
    assert {c.subject for c in compare(NOW, swapped) if c.breaking} == {"FeedbackGiven", "SessionClosed"}
    gone = dataclasses.replace(NOW, ids={**NOW.ids, "FeedbackGiven": [99]})
    assert any("id 2 is gone" in c.what for c in compare(NOW, gone) if c.breaking)
    other = dataclasses.replace(NOW, kept={**NOW.kept, 2: expanded("SessionClosed")})
    assert any("another schema" in c.what for c in compare(NOW, other) if c.breaking)


def test_a_record_or_topic_removed_is_breaking_and_a_new_one_is_not() -> None:
    """The log outlives a release."""
    schemas = {r: s for r, s in NOW.schemas.items() if r != "FeedbackGiven"}
    topics = {t: f for t, f in NOW.topics.items() if t != "chat.signals"}
    less = dataclasses.replace(NOW, schemas=schemas, topics=topics)
    assert {"FeedbackGiven", "chat.signals"} == {c.subject for c in compare(NOW, less) if c.breaking}
    assert [c for c in compare(less, NOW) if c.breaking] == []


def test_a_second_version_is_checked_against_the_first() -> None:
    """A version that was kept long ago counts as much as the last one."""
    first = _with("FeedbackGiven", {"name": "stars", "type": "int"})
    kept = {**NOW.kept, 900: first}
    history = dataclasses.replace(NOW, ids={**NOW.ids, "FeedbackGiven": [900, 2]}, kept=kept)
    broken = transitive(history)
    assert {c.subject for c in broken} == {"FeedbackGiven.stars"}
    assert broken[0].what.startswith("id 900 to id 2")


def test_pinning_what_is_pinned_writes_nothing(tmp_path: Path) -> None:
    """Pinning twice is pinning once."""
    assert pinning.pin(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_an_id_is_never_written_over(tmp_path: Path) -> None:
    """What an id stands for is kept for ever."""
    shutil.copytree(pinning.FOLDER / "pinned", tmp_path / "pinned")
    with pytest.raises(FileExistsError):
        pinning.write_pinned(tmp_path, 1, "MessageReceived", expanded("MessageReceived"))
