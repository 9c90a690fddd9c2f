"""One partition of a topic in an Avro container file, which any Avro tool reads, and which keeps every byte.

The file's schema says of a record: where and when it lay in the log, its key and headers, `size`, and `event`, a union
of the schemas that events of the topic were written with. The event's Avro body is put there as it was in the log; it
is not encoded again. `size` is the number of bytes that follow for `event`; a number of bytes and so many bytes are
also how Avro writes the type `bytes`, so this module reads and writes the two as one field of that type, fast.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from fastavro import block_reader, parse_schema, schemaless_reader, schemaless_writer
from fastavro.write import Writer

from schemas.catalogue import TOPICS
from schemas.codec import HEADER, UNREADABLE, Codec, Undecodable, expanded
from streams.replay.archive_index import ArchiveError
from streams.replay.source import Raw

Schema = dict[str, Any]

BLOCK: Final = 2000
"""Records in a block."""
TOMBSTONE: Final = b"\x00"
"""Branch 0 of the union: no value."""
ANYTHING: Final = b"\x02"
"""Branch 1: bytes that are no event of the topic, as they are."""
BRANCHES: Final = 62
"""So many schemas a file may have: their branches are written in one byte."""

_PLACE: Final[list[Schema]] = [
    {"name": "offset", "type": "long", "doc": "Where it lay in its partition."},
    {
        "name": "appended_at",
        "type": {"type": "long", "logicalType": "timestamp-micros"},
        "doc": "When the log took it.",
    },
    {"name": "key", "type": ["null", "bytes"], "doc": "The key it lay under: tenant, U+001F, session."},
    {
        "name": "headers",
        "type": {
            "type": "array",
            "items": {
                "type": "record",
                "name": "Header",
                "fields": [{"name": "name", "type": "string"}, {"name": "value", "type": ["null", "bytes"]}],
            },
        },
        "doc": "What else the record carried.",
    },
]
_FAST: Final = parse_schema(
    {
        "type": "array",
        "items": {
            "type": "record",
            "name": "Archived",
            "namespace": "spillway.archive",
            "fields": [
                *(f if f["name"] != "appended_at" else {**f, "type": "long"} for f in _PLACE),
                {"name": "event", "type": "bytes"},
            ],
        },
    }
)
"""A block as this module reads and writes it, between a count and a zero."""


def schema_of(codec: Codec, id_: int, record: str) -> Schema:
    """The schema that an id stands for, as a registry has it."""
    return expanded(record) if codec.ids.ids[record][-1] == id_ else codec.ids.older(id_, record)


def ids_of_topic(codec: Codec, topic: str) -> dict[int, str]:
    """The schema ids of a topic's events, and the records that they stand for."""
    names = sorted(record.__name__ for record in TOPICS[topic].records)
    return {id_: name for name in names for id_ in codec.ids.ids[name]}


def file_schema(codec: Codec, topic: str) -> tuple[Schema, dict[int, bytes]]:
    """The schema of a topic's files; and of each schema id, the union's branch as it is written before the body."""
    ids = ids_of_topic(codec, topic)
    if len(ids) > BRANCHES:
        raise ArchiveError(f"{topic} has {len(ids)} schemas; an archive has room for {BRANCHES}")
    events = [_apart(schema_of(codec, id_, name), id_) for id_, name in ids.items()]
    schema = {
        "type": "record",
        "name": "Archived",
        "namespace": "spillway.archive",
        "doc": f"A record of {topic}.",
        "fields": [
            *_PLACE,
            {"name": "size", "type": "long", "doc": "How many bytes `event` takes in this file."},
            {
                "name": "event",
                "type": ["null", "bytes", *events],
                "doc": "What happened, by the schema it was written with; bytes: what is no event of this topic.",
            },
        ],
    }
    return schema, {id_: bytes([(2 + n) << 1]) for n, id_ in enumerate(ids)}


def _apart(node: Any, id_: int) -> Any:
    """A schema with names of its own, so that versions of one record can stand side by side."""
    if isinstance(node, str):
        return node.replace("spillway.", f"spillway.id{id_}.", 1) if node.startswith("spillway.") else node
    if isinstance(node, list):
        return [_apart(each, id_) for each in node]
    if not isinstance(node, dict):
        return node
    changed = {k: _apart(v, id_) if k in ("type", "items", "values") else v for k, v in node.items()}
    if "fields" in node:
        changed["fields"] = [{**f, "type": _apart(f["type"], id_)} for f in node["fields"]]
    if "name" in node:
        changed["namespace"] = f"{node.get('namespace', 'spillway')}.id{id_}"
    return changed


class Written(NamedTuple):
    """What is in a file, and its hash. `ids`: the schema ids that its records have."""

    records: int
    first: Raw
    last: Raw
    bytes: int
    sha256: str
    ids: frozenset[int]


class _Block(NamedTuple):
    """What fastavro's writer takes for a block that is made."""

    num_records: int
    bytes_: io.BytesIO


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is written."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self.sha256, self.size = hashlib.sha256(), 0

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def close(self) -> None:
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        super().close()


class PartitionFile:
    """A file that is being written, in offset order. Raises OSError; the file must be new."""

    def __init__(self, path: Path, topic: str, codec: Codec) -> None:
        schema, self._branches = file_schema(codec, topic)
        ids = {branch[0]: id_ for id_, branch in self._branches.items()}
        self._topic, self._codec = topic, codec
        self._file = _Hashing(path)
        metadata = {"spillway.topic": topic, "spillway.ids": json.dumps(ids)}
        self._writer = Writer(cast(Any, self._file), schema, codec="deflate", metadata=metadata)
        self._waiting: list[dict[str, Any]] = []
        self._first: Raw | None = None
        self._last: Raw | None = None
        self._records = 0
        self._ids: set[int] = set()

    def append(self, raw: Raw) -> None:
        """One record more."""
        headers = [{"name": name, "value": value} for name, value in raw.headers]
        self._waiting.append(
            {
                "offset": raw.offset,
                "appended_at": raw.appended_at,
                "key": raw.key,
                "headers": headers,
                "event": self._event(raw.value),
            }
        )
        self._first, self._last = self._first or raw, raw
        self._records += 1
        if len(self._waiting) >= BLOCK:
            self._flush()

    def _event(self, value: bytes | None) -> bytes:
        if value is None:
            return TOMBSTONE
        try:
            # Only what is wholly an event may stand where tools expect one.
            self._codec.decode(self._topic, value)
        except Undecodable:
            return ANYTHING + _varint(len(value)) + value
        id_ = HEADER.unpack_from(value)[1]
        self._ids.add(id_)
        return self._branches[id_] + value[HEADER.size :]

    def _flush(self) -> None:
        if not self._waiting:
            return
        out = io.BytesIO()
        schemaless_writer(out, _FAST, self._waiting)
        count = len(_varint(len(self._waiting)))
        body = out.getvalue()[count:-1]
        self._writer.write_block(cast(Any, _Block(len(self._waiting), io.BytesIO(body))))
        self._waiting.clear()

    def close(self) -> Written:
        """The last block, and what was written: one record at least."""
        assert self._first is not None
        assert self._last is not None
        self._flush()
        self._writer.flush()
        self._file.close()
        found = self._file
        return Written(
            self._records, self._first, self._last, found.size, found.sha256.hexdigest(), frozenset(self._ids)
        )

    def abandon(self) -> None:
        """Lets go of the file as it is."""
        self._file.close()


def records_in(path: Path, ids: Mapping[int, int]) -> Iterator[Raw]:
    """Every record of a file, as it lay in the log. `ids`: what a schema id is called here. Raises ArchiveError."""
    try:
        with path.open("rb") as file:
            blocks = block_reader(file)
            branches = json.loads(blocks.metadata["spillway.ids"])
            headers = {int(branch): HEADER.pack(0, ids.get(id_, id_)) for branch, id_ in branches.items()}
            for block in blocks:
                count = block.num_records
                body = b"".join((_varint(count), cast(Any, block).bytes_.getvalue(), b"\x00"))
                rows = cast("Sequence[Any]", schemaless_reader(io.BytesIO(body), _FAST, None))
                yield from _raws(rows, headers)
    except OSError as err:
        raise ArchiveError(f"{path} cannot be read: {err.strerror or err}; copy it again") from err
    except (*UNREADABLE, zlib.error) as err:
        raise ArchiveError(
            f"{path} is damaged ({type(err).__name__}: {err}): copy it again from where it was written"
        ) from err


def _raws(rows: Iterable[Mapping[str, Any]], headers: Mapping[int, bytes]) -> Iterator[Raw]:
    for offset, appended_at, key, extra, event in (row.values() for row in rows):
        branch = event[:1]
        if branch == TOMBSTONE:
            value = None
        elif branch == ANYTHING:
            value = event[1 + _varint_length(event[1:11]) :]
        else:
            value = headers[branch[0]] + event[1:]
        yield Raw(offset, appended_at, key, value, None, tuple((h["name"], h["value"]) for h in extra))


def _varint(number: int) -> bytes:
    """Avro's long."""
    rest, out = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _varint_length(data: bytes) -> int:
    return next(n for n, byte in enumerate(data, 1) if byte < 0x80)
