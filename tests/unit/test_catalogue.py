"""The catalogue, the Avro files, the tuples and the examples say the same."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from schemas import events, examples
from schemas.catalogue import CATALOGUE, CONTROL, RECORDS, TOPIC_OF
from schemas.codec import SHARED, Ids, expanded, source

AVRO = sorted(f.name.removesuffix(".avsc") for f in files("schemas").joinpath("avro").iterdir() if f.is_file())
PLAIN = {"string": str, "int": int, "long": int, "double": float, "boolean": bool, "bytes": bytes}


def _fits(schema: Any, hint: Any) -> bool:
    """Whether a type hint is what a decoded value of this schema is."""
    if isinstance(schema, list):
        inner = [a for a in get_args(hint) if a is not type(None)]
        assert schema[0] == "null", "null comes first, so that null is the default"
        return type(None) in get_args(hint) and len(schema) == 2 and len(inner) == 1 and _fits(schema[1], inner[0])
    if isinstance(schema, str):
        name = schema.removeprefix("spillway.")
        return hint is PLAIN[schema] if schema in PLAIN else hint is getattr(events, name)
    match schema["type"]:
        case "record":
            return bool(hint is getattr(events, schema["name"])) and _same_fields(schema, hint)
        case "array":
            return get_origin(hint) is tuple and _fits(schema["items"], get_args(hint)[0])
        case "map":
            return get_args(hint)[0] is str and _fits(schema["values"], get_args(hint)[1])
        case "enum":
            return get_origin(hint) is Literal and list(get_args(hint)) == schema["symbols"]
        case "long":
            return hint is int and schema["logicalType"] == "timestamp-micros"
    return False


def _same_fields(schema: dict[str, Any], cls: Any) -> bool:
    assert [f["name"] for f in schema["fields"]] == list(cls._fields), schema["name"]
    hints = get_type_hints(cls)
    for field in schema["fields"]:
        assert _fits(field["type"], hints[field["name"]]), f"{schema['name']}.{field['name']}"
    return True


@pytest.mark.parametrize("name", [*RECORDS, *SHARED])
def test_a_tuple_has_the_fields_of_its_schema(name: str) -> None:
    """Same names, same order, same types: an event is built from a decoded record by position."""
    assert _same_fields(expanded(name), getattr(events, name))


def test_every_schema_is_of_a_record_in_the_catalogue() -> None:
    """No Avro file lies unused, and no record lacks one."""
    assert sorted([*RECORDS, *SHARED]) == AVRO


def test_every_record_is_an_event() -> None:
    """The union of events, the catalogue and the pinned ids name the same records."""
    assert set(get_args(events.Event)) == set(TOPIC_OF) == set(RECORDS.values())
    assert set(Ids.pinned().ids) == set(RECORDS)
    assert get_origin(events.Event) in (Union, type(int | str))


def test_every_example_is_of_a_record_and_every_record_has_several() -> None:
    """An example that no record claims is dead text; a record without examples is undocumented."""
    claimed = {name: [n for n in examples.names() if n.partition(".")[0] == name] for name in RECORDS}
    assert sorted(n for ns in claimed.values() for n in ns) == examples.names()
    assert {name for name, found in claimed.items() if len(found) < 2} == set()


def _documented(schema: Any, path: str) -> list[str]:
    """Where a record, enum or field has no doc."""
    if isinstance(schema, list):
        return [missing for s in schema for missing in _documented(s, path)]
    if not isinstance(schema, dict):
        return []
    missing = [path] if schema["type"] == "record" and not schema.get("doc") else []
    for field in schema.get("fields", []):
        missing += [] if field.get("doc") else [f"{path}.{field['name']}"]
        missing += _documented(field["type"], f"{path}.{field['name']}")
    return missing + [m for k in ("items", "values") if k in schema for m in _documented(schema[k], path)]


@pytest.mark.parametrize("name", AVRO)
def test_every_record_and_field_says_what_it_is(name: str) -> None:
    """The schema is the document that writers in other languages have."""
    assert _documented(source(name), name) == []


def _enums(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [e for s in schema for e in _enums(s)]
    if not isinstance(schema, dict):
        return []
    here = [schema] if schema["type"] == "enum" else []
    inner = [f["type"] for f in schema.get("fields", [])] + [schema[k] for k in ("items", "values") if k in schema]
    return here + [e for s in inner for e in _enums(s)]


@pytest.mark.parametrize("name", AVRO)
def test_every_enum_has_a_default(name: str) -> None:
    """A reader that does not know a symbol yet must have one to put in its place."""
    assert [e["name"] for e in _enums(source(name)) if e.get("default") not in e["symbols"]] == []


@pytest.mark.parametrize("record", RECORDS.values())
def test_every_event_begins_with_meta(record: Any) -> None:
    """The ledger, the joins and the folds read meta of any event."""
    assert record._fields[0] == "meta"
    assert get_type_hints(record)["meta"] is events.Meta


@pytest.mark.parametrize("topic", CATALOGUE, ids=lambda t: t.name)
def test_a_topic_says_whose_it_is(topic: Any) -> None:
    """Owner, key, writers and readers are named, and log time is the broker's on every topic."""
    assert topic.owner
    assert topic.key
    assert topic.writers
    assert topic.readers
    assert topic.records
    assert topic.log_append_time
    assert (topic.partitions == 1) == (topic.name == CONTROL)
