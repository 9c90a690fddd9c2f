"""Events to bytes and back, in Confluent's wire format: 0x00, a 4-byte big-endian schema id, the Avro body.

The ids are pinned in `ids.json`. Decoding with the wrong writer schema succeeds with garbage, so the id is always
resolved; Avro readers accept trailing bytes, so the end of the body is always checked.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, cast, get_args, get_type_hints

from fastavro import parse_schema, schemaless_reader

from schemas.catalogue import RECORDS, TOPICS
from schemas.compiled import Read, Write, reader, writer
from schemas.events import Event
from schemas.upcasting import UPCASTERS, Upcast, Upcasters

Schema = dict[str, Any]
Builder = Callable[[Mapping[str, Any]], Any]

SHARED: Final = ("Meta", "DialogueState")
"""Records that events contain, in files of their own."""
HEADER: Final = struct.Struct(">bI")
UNREADABLE: Final = (
    EOFError, ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, StopIteration, struct.error
)  # fmt: skip
"""What readers raise on bytes that are no such record (seen by feeding them random and cut ones)."""


class Undecodable(ValueError):
    """These bytes are no event of this topic. `reason` is one of undecodable, unknown_schema, wrong_record."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def source(name: str) -> Schema:
    """The Avro file of a record, as it is written."""
    schema: Schema = json.loads(files("schemas").joinpath("avro", f"{name}.avsc").read_text(encoding="utf-8"))
    return schema


def expanded(name: str) -> Schema:
    """The schema of a record with every shared record written out where it is first used: what a registry holds."""
    seen: set[str] = set()

    def expand(node: Any) -> Any:
        if isinstance(node, str):
            short = node.removeprefix("spillway.")
            if short in SHARED and short not in seen:
                return expand(source(short))
            return node
        if isinstance(node, list):
            return [expand(x) for x in node]
        if isinstance(node, dict):
            if node.get("type") == "record":
                seen.add(node["name"])
                return {**node, "fields": [{**f, "type": expand(f["type"])} for f in node["fields"]]}
            return {k: expand(v) if k in ("type", "items", "values") else v for k, v in node.items()}
        return node

    schema: Schema = expand(source(name))
    return schema


def _plain(node: Any) -> Any:
    """Without logical types: timestamps stay integers, at two thirds of the cost of datetimes."""
    if isinstance(node, dict):
        return {k: _plain(v) for k, v in node.items() if k != "logicalType"}
    return [_plain(x) for x in node] if isinstance(node, list) else node


def parsed(schema: Schema) -> Schema:
    """A schema as this codec reads and writes with it: parsed once, times left as integers."""
    return cast(Schema, parse_schema(_plain(schema), named_schemas={}))


def _tuple_class(hint: Any) -> tuple[Any, bool] | None:
    """The record class that a type hint holds, and whether it holds many of it."""
    for part in (hint, *get_args(hint)):
        if isinstance(part, type) and hasattr(part, "_fields"):
            return part, getattr(hint, "__origin__", None) is tuple
    return None


@cache
def _nested(cls: Any) -> tuple[tuple[int, str, Any, bool], ...]:
    hints = get_type_hints(cls)
    found = ((i, f, _tuple_class(hints[f])) for i, f in enumerate(cls._fields))
    return tuple((i, f, *c) for i, f, c in found if c is not None)


@cache
def _lists(cls: Any) -> tuple[int, ...]:
    """Fields that hold a tuple of plain values: Avro gives a list."""
    hints = get_type_hints(cls)
    return tuple(
        i
        for i, f in enumerate(cls._fields)
        if getattr(hints[f], "__origin__", None) is tuple and _tuple_class(hints[f]) is None
    )


@cache
def _reordering_builder(cls: Any) -> Builder:
    """The same for a record written with an older schema, whose fields may come in another order."""
    nested = [(f, _reordering_builder(c), many) for _, f, c, many in _nested(cls)]
    lists = [cls._fields[i] for i in _lists(cls)]

    def build(values: Mapping[str, Any]) -> Any:
        row = dict(values)
        for f, inner, many in nested:
            v = row[f]
            if many:
                row[f] = tuple(inner(x) for x in v)
            elif v is not None:
                row[f] = inner(v)
        for f in lists:
            row[f] = tuple(row[f])
        return cls(**row)

    return build


def _classes(cls: Any) -> dict[str, Any]:
    """A record's class and those of the records in it, by name."""
    found = {cls.__name__: cls}
    for _, _, inner, _ in _nested(cls):
        found |= _classes(inner)
    return found


def _resolving(written: Schema, current: Schema, build: Builder) -> Read:
    """Reads what was written with another schema."""

    def read(data: bytes, at: int) -> tuple[Any, int]:
        body = io.BytesIO(data)
        body.seek(at)
        values = schemaless_reader(body, written, current)
        return build(cast(Mapping[str, Any], values)), body.tell()

    return read


def _upcast(read: Read, upcast: Upcast | None) -> Read:
    """Reads what is something else today."""
    if upcast is None:
        return read
    change = upcast

    def read_today(data: bytes, at: int) -> tuple[Any, int]:
        event, end = read(data, at)
        return change(event), end

    return read_today


def _then(build: Builder, upcast: Upcast | None) -> Builder:
    return build if upcast is None else lambda values: upcast(build(values))


@cache
def _dumper(cls: Any) -> Callable[[Any], dict[str, Any]]:
    nested = [(f, _dumper(c), many) for _, f, c, many in _nested(cls)]
    fields = cls._fields

    def dump(value: Any) -> dict[str, Any]:
        row = dict(zip(fields, value, strict=True))
        for f, inner, many in nested:
            v = row[f]
            if many:
                row[f] = [inner(x) for x in v]
            elif v is not None:
                row[f] = inner(v)
        return row

    return dump


def to_dict(event: Event) -> dict[str, Any]:
    """An event as nested dictionaries, as JSON would have it (bytes stay bytes)."""
    return _dumper(cast(Hashable, type(event)))(event)


def from_dict(record: str, values: Mapping[str, Any]) -> Event:
    """The event of the record named `record` from nested dictionaries; fields in any order, none missing."""
    event: Event = _reordering_builder(cast(Hashable, RECORDS[record]))(values)
    return event


class Ids:
    """Which schema id stands for which record: `ids.json`, or what a registry with ids of its own gave.

    ids: record name to its ids, oldest first; the last is written with.
    older: the expanded schemas of ids that are no longer written with; those of pinned ids are in `pinned/`.
    """

    def __init__(self, ids: Mapping[str, list[int]], older: Mapping[int, Schema] | None = None) -> None:
        self.ids = {record: list(numbers) for record, numbers in ids.items()}
        self._older = dict(older or {})

    def older(self, id_: int, record: str) -> Schema:
        """The expanded schema of an id that is no longer written with."""
        return self._older.get(id_) or pinned_schema(id_, record)

    @classmethod
    def pinned(cls) -> Ids:
        entries = json.loads(files("schemas").joinpath("ids.json").read_text(encoding="utf-8"))
        return cls({record: [v["id"] for v in versions] for record, versions in entries.items()})


def pinned_schema(id_: int, record: str) -> Schema:
    """The expanded schema that a pinned id stands for, for ever."""
    path = files("schemas").joinpath("pinned", f"{id_}.{record}.avsc")
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema


class Codec:
    """Encodes and decodes events. One is enough for a process; it is safe to share between threads.

    Either takes about 4 microseconds an event with 25 fields; what was written with an older schema three times that.
    """

    def __init__(self, ids: Ids | None = None, upcasters: Upcasters = UPCASTERS) -> None:
        self.ids = ids = ids or Ids.pinned()
        self._writers: dict[type, Write] = {}
        self._readers: dict[int, tuple[str, Read]] = {}
        for name, cls in RECORDS.items():
            numbers = ids.ids.get(name)
            if not numbers:
                raise ValueError(f"schemas/ids.json has no id of {name}: add one with: spillway schemas pin")
            current, key = parsed(expanded(name)), cast(Hashable, cls)
            classes = _classes(cls)
            self._writers[cls] = writer(current, cls, classes, HEADER.pack(0, numbers[-1]))
            upcast = upcasters.of(cls)
            self._readers[numbers[-1]] = (name, _upcast(reader(current, cls, classes), upcast))
            for id_ in numbers[:-1]:
                build = _then(_reordering_builder(key), upcast)
                self._readers[id_] = (name, _resolving(parsed(ids.older(id_, name)), current, build))
        self._allowed = {t.name: frozenset(r.__name__ for r in t.records) for t in TOPICS.values()}

    def encode(self, event: Event) -> bytes:
        """The bytes of an event."""
        return self._writers[type(event)](event)

    def record(self, value: bytes | None) -> str | None:
        """The name of the record that these bytes say they are, by the header alone; None where it says none."""
        if value is None or len(value) < HEADER.size or value[0] != 0:
            return None
        found = self._readers.get(HEADER.unpack_from(value)[1])
        return None if found is None else found[0]

    def decode(self, topic: str, value: bytes | None) -> Event:
        """The event in these bytes of this topic. Raises Undecodable, and nothing else, whatever the bytes are."""
        if value is None or len(value) < HEADER.size or value[0] != 0:
            raise Undecodable("undecodable", "not in the wire format: a zero byte, a 4-byte schema id, an Avro body")
        id_ = HEADER.unpack_from(value)[1]
        found = self._readers.get(id_)
        if found is None:
            raise Undecodable("unknown_schema", f"schema id {id_} is not pinned: deploy the version that knows it")
        name, read = found
        if name not in self._allowed[topic]:
            raise Undecodable("wrong_record", f"{name} does not belong on {topic}")
        try:
            event, end = read(value, HEADER.size)
        except UNREADABLE as err:
            raise Undecodable("undecodable", f"the body is no {name}: {type(err).__name__}: {err}") from err
        if end != len(value):
            more = len(value) - end
            how = f"{more} bytes after the end of {name}" if more > 0 else f"the body is no {name}: it is cut"
            raise Undecodable("undecodable", how)
        decoded: Event = event
        return decoded
