"""What a change of the schemas or the catalogue breaks, and who deploys first.

The rule is FULL_TRANSITIVE: every version kept reads what every other wrote. So fields with defaults are added and
removed, nothing is renamed, and an enum has a default. Avro would let readers and writers be deployed in either order;
Spillway's own readers dead-letter a schema id that they do not have pinned, so they go first.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from schemas.catalogue import CATALOGUE, DEFAULT_PARTITIONS, RECORDS
from schemas.codec import Ids, Schema, expanded, pinned_schema
from schemas.pinning import bare

READERS: Final = "readers, then writers"
WRITERS: Final = "writers, then readers"
OPERATORS: Final = "operators (spillway prepare), then readers, then writers"
EITHER: Final = "either"
NOBODY: Final = "nobody: take it back, or make it a new record with an upcaster (schemas/upcasting.py)"


@dataclass(frozen=True)
class Change:
    """One difference. `breaks`: what no longer works; empty if nothing. `first`: who deploys first."""

    subject: str
    what: str
    breaks: str = ""
    first: str = READERS

    @property
    def breaking(self) -> bool:
        return bool(self.breaks)


@dataclass(frozen=True)
class TopicFacts:
    """What of a topic others depend on. `retention`: seconds, None for ever."""

    key: str
    records: tuple[str, ...]
    partitions: int
    retention: int | None
    max_bytes: int


@dataclass(frozen=True)
class Snapshot:
    """What one revision says. `schemas`: expanded, by record. `ids`: by record, oldest first."""

    schemas: dict[str, Schema]
    ids: dict[str, list[int]]
    topics: dict[str, TopicFacts]
    kept: dict[int, Schema] = field(default_factory=dict)
    """The schemas that ids stand for."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Snapshot:
        topics = {n: TopicFacts(**{**t, "records": tuple(t["records"])}) for n, t in values["topics"].items()}
        kept = {int(n): schema for n, schema in values["kept"].items()}
        return cls(dict(values["schemas"]), dict(values["ids"]), topics, kept)


def snapshot() -> Snapshot:
    """This revision."""
    ids = Ids.pinned().ids
    topics = {
        t.name: TopicFacts(
            t.key, tuple(r.__name__ for r in t.records), t.partitions or DEFAULT_PARTITIONS, t.retention, t.max_bytes
        )
        for t in CATALOGUE
    }
    kept = {n: pinned_schema(n, record) for record, numbers in ids.items() for n in numbers}
    return Snapshot({name: expanded(name) for name in RECORDS}, ids, topics, kept)


def unreadable(reader: Schema, writer: Schema) -> list[str]:
    """Why a reader with one schema cannot read what was written with another; empty if it can."""
    from avro.compatibility import ReaderWriterCompatibilityChecker  # needed by this check alone, and slow to import
    from avro.schema import make_avsc_object

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = make_avsc_object(_with_symbols_of(bare(reader), _enums(writer)))
        wrote = make_avsc_object(bare(writer))
    checker = ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(read, wrote)
    kinds = [kind.name for kind in result.incompatibilities]
    if not kinds:
        return []
    return sorted({f"{m} ({', '.join(sorted(set(kinds)))})" for m in result.messages} or set(kinds))


def _enums(schema: Any) -> dict[str, list[str]]:
    if isinstance(schema, list):
        return {name: symbols for s in schema for name, symbols in _enums(s).items()}
    if not isinstance(schema, dict):
        return {}
    found = {schema["name"]: list(schema["symbols"])} if schema.get("type") == "enum" else {}
    inner = [f["type"] for f in schema.get("fields", [])] + [schema[k] for k in ("items", "values") if k in schema]
    if isinstance(schema.get("type"), dict | list):
        inner.append(schema["type"])
    for s in inner:
        found |= _enums(s)
    return found


def _with_symbols_of(schema: Any, others: Mapping[str, list[str]]) -> Any:
    """A reader's enum with a default takes any symbol; the checker does not know that."""
    if isinstance(schema, list):
        return [_with_symbols_of(s, others) for s in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "enum" and "default" in schema:
        symbols = [*schema["symbols"], *(s for s in others.get(schema["name"], []) if s not in schema["symbols"])]
        return {**schema, "symbols": symbols}
    changed = {k: _with_symbols_of(v, others) for k, v in schema.items() if k in ("type", "items", "values")}
    if "fields" in schema:
        changed["fields"] = [{**f, "type": _with_symbols_of(f["type"], others)} for f in schema["fields"]]
    return {**schema, **changed}


def fields_of(schema: Any, path: str = "", named: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Every field at any depth by its path, with its type as written, its default, and its aliases.

    named: the records met so far; a record is written out where it is first used, and named after that.
    """
    named = {} if named is None else named
    found: dict[str, dict[str, Any]] = {}
    if isinstance(schema, str):
        return fields_of(named[schema], path, named) if schema in named else {}
    if isinstance(schema, list):
        for s in schema:
            found |= fields_of(s, path, named)
    elif isinstance(schema, dict):
        if schema.get("type") == "record":
            named[f"spillway.{schema['name']}"] = schema
        for f in schema.get("fields", []):
            here = f"{path}.{f['name']}" if path else f["name"]
            found[here] = bare(f)
            found |= fields_of(f["type"], here, named)
        for k in ("items", "values"):
            found |= fields_of(schema.get(k), path, named)
    return found


def _shape(type_: Any) -> Any:
    """A type without the fields of records in it, which have paths of their own."""
    if isinstance(type_, list):
        return [_shape(t) for t in type_]
    if not isinstance(type_, dict):
        return type_
    if type_["type"] == "record":
        return f"{type_.get('namespace', 'spillway')}.{type_['name']}"
    return {k: _shape(v) if k in ("items", "values") else v for k, v in type_.items()}


def record_changes(record: str, older: Schema, newer: Schema) -> list[Change]:
    """What differs between two versions of a record's schema, field by field, and whether each reads the other."""
    before, after = fields_of(older), fields_of(newer)
    changes = [_added(f"{record}.{p}", after[p]) for p in _outermost(after, before)]
    changes += [_removed(f"{record}.{p}", before[p]) for p in _outermost(before, after)]
    for path in [p for p in after if p in before]:
        changes += _altered(f"{record}.{path}", before[path], after[path])
    known = [c for c in changes if c.breaking]
    if not known:
        for who, wrong in (("new readers", unreadable(newer, older)), ("old readers", unreadable(older, newer))):
            if wrong:
                changes.append(Change(record, "changed", f"{who} cannot read: {'; '.join(wrong)}", NOBODY))
    return changes


def _outermost(here: Mapping[str, object], there: Mapping[str, object]) -> list[str]:
    """The paths that only `here` has. What lies within a field that is itself such came or went with it."""
    alone = [path for path in here if path not in there]
    return [path for path in alone if "." not in path or path.rpartition(".")[0] in there]


def _added(subject: str, new: Mapping[str, Any]) -> Change:
    if "default" in new:
        return Change(subject, "added with a default")
    return Change(subject, "added without a default", "new readers cannot read old bytes", NOBODY)


def _removed(subject: str, old: Mapping[str, Any]) -> Change:
    if "default" in old:
        return Change(subject, "removed; it had a default")
    return Change(subject, "removed, and it had no default", "old readers cannot read new bytes", NOBODY)


def _altered(subject: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    changes = []
    if new.get("aliases") != old.get("aliases"):
        changes.append(Change(subject, "has other aliases", "renaming: readers without them lose the field", NOBODY))
    if ("default" in old) != ("default" in new):
        breaks = "" if "default" in new else "it can never be removed, and new readers need it in older bytes"
        changes.append(Change(subject, "default " + ("given" if "default" in new else "taken away"), breaks,
                              READERS if not breaks else NOBODY))
    elif old.get("default") != new.get("default"):
        changes.append(Change(subject, f"default {old['default']!r} is now {new['default']!r}"))
    if _shape(old["type"]) != _shape(new["type"]):
        changes.append(_retyped(subject, old["type"], new["type"]))
    return changes


def _retyped(subject: str, old: Any, new: Any) -> Change:
    what = f"type {_shape(old)} is now {_shape(new)}"
    before, after = ({"type": "record", "name": "T", "fields": [{"name": "f", "type": _whole(t)}]} for t in (old, new))
    wrong = unreadable(after, before) + unreadable(before, after)
    if wrong:
        return Change(subject, what, "; ".join(dict.fromkeys(wrong)), NOBODY)
    logical = [t.get("logicalType") if isinstance(t, dict) else None for t in (old, new)]
    if logical[0] != logical[1]:
        return Change(subject, what, "the same bytes mean something else", NOBODY)
    return Change(subject, what)


def _whole(type_: Any) -> Any:
    """A type that stands by itself: records that are named in it become empty ones of that name."""
    if isinstance(type_, str):
        return {"type": "record", "name": type_, "fields": []} if type_.startswith("spillway.") else type_
    if isinstance(type_, list):
        return [_whole(t) for t in type_]
    if type_["type"] == "record":
        return {"type": "record", "name": f"spillway.{type_['name']}", "fields": []}
    return {k: _whole(v) if k in ("items", "values") else v for k, v in type_.items()}


def topic_changes(name: str, old: TopicFacts, new: TopicFacts) -> list[Change]:
    """What differs between two revisions of a topic."""
    changes = [Change(name, f"takes {r}") for r in new.records if r not in old.records]
    changes += [
        Change(name, f"no longer takes {r}", f"{r} that is in the log becomes a dead letter", NOBODY)
        for r in old.records
        if r not in new.records
    ]
    if new.key != old.key:
        changes.append(Change(name, f"key {old.key!r} is now {new.key!r}", "a session is on two partitions", NOBODY))
    if new.partitions != old.partitions:
        what = f"{old.partitions} partitions are now {new.partitions}"
        changes.append(Change(name, what, "a key's partition changes: sessions lose their order", NOBODY))
    if new.retention != old.retention:
        lower = new.retention is not None and (old.retention is None or new.retention < old.retention)
        breaks = "what is older is deleted: replays, rebuilds and audits of it end" if lower else ""
        changes.append(Change(name, f"retention {old.retention} s is now {new.retention} s", breaks, OPERATORS))
    if new.max_bytes != old.max_bytes:
        breaks = "records that were taken are refused" if new.max_bytes < old.max_bytes else ""
        first = WRITERS if breaks else OPERATORS
        changes.append(Change(name, f"largest record {old.max_bytes} bytes is now {new.max_bytes}", breaks, first))
    return changes


def compare(old: Snapshot, new: Snapshot) -> list[Change]:
    """What changed from one revision to another."""
    changes = [Change(r, "new record") for r in new.schemas if r not in old.schemas]
    gone = "its events in the log cannot be read"
    changes += [Change(r, "record removed", gone, NOBODY) for r in old.schemas if r not in new.schemas]
    for record in [r for r in new.schemas if r in old.schemas]:
        changes += record_changes(record, old.schemas[record], new.schemas[record])
    changes += _id_changes(old, new)
    changes += [Change(t, "new topic", first=OPERATORS) for t in new.topics if t not in old.topics]
    changes += [Change(t, "topic removed", gone, NOBODY) for t in old.topics if t not in new.topics]
    for name in [t for t in new.topics if t in old.topics]:
        changes += topic_changes(name, old.topics[name], new.topics[name])
    return changes


def _id_changes(old: Snapshot, new: Snapshot) -> Iterable[Change]:
    owner = {n: record for record, numbers in new.ids.items() for n in numbers}
    for record, numbers in old.ids.items():
        for n in numbers:
            if owner.get(n) != record:
                now = f"now of {owner[n]}" if n in owner else "gone"
                yield Change(record, f"id {n} is {now}", "bytes written with it are misread, or not read", NOBODY)
            elif n in old.kept and n in new.kept and bare(old.kept[n]) != bare(new.kept[n]):
                yield Change(record, f"id {n} stands for another schema", "bytes written with it are misread", NOBODY)
    for record, numbers in new.ids.items():
        for n in numbers:
            if n not in old.ids.get(record, []) and record in old.ids:
                yield Change(record, f"id {n} pinned")


def transitive(now: Snapshot) -> list[Change]:
    """What breaks between any two versions of a record that are kept, the one in the Avro files included."""
    broken: list[Change] = []
    for record, schema in now.schemas.items():
        versions = [(f"id {n}", now.kept[n]) for n in now.ids.get(record, [])] + [("avro/", schema)]
        for i, (older_name, older) in enumerate(versions):
            for newer_name, newer in versions[i + 1 :]:
                for c in record_changes(record, older, newer):
                    if c.breaking:
                        broken.append(Change(c.subject, f"{older_name} to {newer_name}: {c.what}", c.breaks, c.first))
    return broken
