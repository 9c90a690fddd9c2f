"""Avro to and from the tuples of `events.py` without a detour: functions written out for each record.

A record's schema does not change while a process runs, so what to do with each of its bytes is known beforehand. The
functions below write that down as Python, as `collections.namedtuple` does with its fields: three times as fast as
reading into dictionaries and building tuples from those. They do what fastavro does, which reads every record that was
written with an older schema, and which the tests hold these against.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import count
from typing import Any, Final

Schema = Mapping[str, Any]
Write = Callable[[Any], bytes]
Read = Callable[[bytes, int], tuple[Any, int]]

_DOUBLE: Final = struct.Struct("<d")
_LONGEST: Final = 10
"""Bytes of a long."""
_TIME: Final = 8
"""Bytes of a time of this century in microseconds: the longs that are long, and that come again and again."""
_KNOWN: Final = 8_192
_TIMES: Final[dict[bytes, int]] = {}
_MIN, _MAX = -(1 << 63), (1 << 63) - 1


@lru_cache(maxsize=8_192)
def long_bytes(value: int) -> bytes:
    """A long: zigzag, seven bits a byte, the lowest first. Raises OverflowError beyond 64 bits."""
    if not _MIN <= value <= _MAX:
        raise OverflowError(f"{value} does not fit into 64 bits")
    left = (value << 1) ^ (value >> 63)
    out = bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


class _Lengths(dict[int, bytes]):
    """The bytes of a length, those of short texts at hand."""

    def __missing__(self, length: int) -> bytes:
        return long_bytes(length)


_LENGTHS: Final = _Lengths({length: long_bytes(length) for length in range(1_024)})


def long_at(data: bytes, at: int) -> tuple[int, int]:
    """The long that begins at `at`, and where it ends. Raises IndexError where it is cut, ValueError for what is none.
    """
    known = _TIMES.get(data[at : at + _TIME])
    return _long_at(data, at) if known is None else (known, at + _TIME)


def _long_at(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for place in range(at, at + _LONGEST):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            found, end = (value >> 1) ^ -(value & 1), place + 1
            if end - at == _TIME:
                if len(_TIMES) >= _KNOWN:
                    _TIMES.clear()
                _TIMES[data[at:end]] = found
            return found, end
        shift += 7
    raise ValueError("no long has so many bits")


def size_at(data: bytes, at: int) -> tuple[int, int]:
    """The length of a text, and where the text begins. Raises ValueError for a negative one."""
    size, at = long_at(data, at)
    if size < 0:
        raise ValueError(f"a length of {size}")
    return size, at


def block_at(data: bytes, at: int) -> tuple[int, int]:
    """How many items follow, and where they begin."""
    items, at = long_at(data, at)
    if items < 0:  # a block that says how many bytes it takes
        _, at = long_at(data, at)
        items = -items
    return items, at


def writer(schema: Schema, cls: Any, records: Mapping[str, Any], header: bytes) -> Write:
    """The function from an event to its bytes behind `header`. records: the class of each record by its name.

    schema: as written, named records written out once. Raises ValueError for a type that no event has. The function
    raises what Python raises on a value of another type than the schema's.
    """
    made = _Maker(schema, records)
    made.begin("def write(value):")
    made.line("out = []", 1)
    made.line("add = out.append", 1)
    made.line(f"add({header!r})", 1)
    made.write(schema, "value", 1)
    made.line("return join(out)", 1)
    function: Write = made.function("write", cls)
    return function


def reader(schema: Schema, cls: Any, records: Mapping[str, Any]) -> Read:
    """The function from bytes, and where the body begins in them, to the event, and where it ends.

    Raises IndexError, ValueError, OverflowError or struct.error where they are no such record.
    """
    made = _Maker(schema, records)
    made.begin("def read(data, at):")
    name = made.read(schema, 1)
    made.line(f"return {name}, at", 1)
    function: Read = made.function("read", cls)
    return function


class _Maker:
    """Puts a function together, line by line."""

    def __init__(self, schema: Schema, records: Mapping[str, Any]) -> None:
        self._records = records
        self._named: dict[str, Schema] = {}
        self._lines: list[str] = []
        self._numbers = count()
        self._known: dict[str, Any] = {
            "join": b"".join,
            "new": tuple.__new__,
            "long_bytes": long_bytes,
            "lengths": _LENGTHS,
            "long_at": long_at,
            "size_at": size_at,
            "block_at": block_at,
            "pack": _DOUBLE.pack,
            "unpack": _DOUBLE.unpack_from,
        }
        self._learn(schema)

    def _learn(self, node: Any) -> None:
        if isinstance(node, list):
            for branch in node:
                self._learn(branch)
        elif isinstance(node, Mapping):
            if node["type"] in ("record", "enum"):
                self._named[node["name"].rpartition(".")[2]] = node
            for field in node.get("fields", ()):
                self._learn(field["type"])
            for inner in (node.get("items"), node.get("values"), node["type"]):
                if inner is not None:
                    self._learn(inner)

    def begin(self, line: str) -> None:
        self._lines.append(line)

    def line(self, text: str, depth: int) -> None:
        self._lines.append("    " * depth + text)

    def name(self) -> str:
        return f"v{next(self._numbers)}"

    def function(self, name: str, cls: Any) -> Any:
        code = compile("\n".join(self._lines), f"<{name} {cls.__name__}>", "exec")
        exec(code, self._known)  # of our own schemas alone
        return self._known[name]

    def _kind(self, node: Any) -> tuple[str, Any]:
        """What a schema is, and its full form."""
        if isinstance(node, list):
            return "union", node
        if isinstance(node, str):
            named = self._named.get(node.rpartition(".")[2])
            return (named["type"], named) if named is not None else (node, node)
        if isinstance(node["type"], str):
            return (node["type"], node) if node["type"] in _COMPLEX else self._kind(node["type"])
        return self._kind(node["type"])

    def _class(self, node: Schema) -> str:
        short = node["name"].rpartition(".")[2]
        self._known[f"c_{short}"] = self._records[short]
        return f"c_{short}"

    # Writing: one line or a few for each value.

    def write(self, schema: Any, value: str, depth: int) -> None:
        kind, node = self._kind(schema)
        match kind:
            case "string":
                text = self.name()
                self.line(f"{text} = {value}.encode()", depth)
                self.line(f"add(lengths[len({text})]); add({text})", depth)
            case "bytes":
                self.line(f"add(lengths[len({value})]); add({value})", depth)
            case "int" | "long":
                self.line(f"add(long_bytes({value}))", depth)
            case "double":
                self.line(f"add(pack({value}))", depth)
            case "boolean":
                self.line(f"add(b'\\x01' if {value} else b'\\x00')", depth)
            case "record":
                names = [self.name() for _ in node["fields"]]
                self.line(f"{', '.join(names)}{',' if len(names) == 1 else ''} = {value}", depth)
                for field, name in zip(node["fields"], names, strict=True):
                    self.write(field["type"], name, depth)
            case "union":
                self._write_union(node, value, depth)
            case "array":
                item = self.name()
                self.line(f"if {value}:", depth)
                self.line(f"add(lengths[len({value})])", depth + 1)
                self.line(f"for {item} in {value}:", depth + 1)
                self.write(node["items"], item, depth + 2)
                self.line("add(b'\\x00')", depth)
            case "map":
                key, item = self.name(), self.name()
                self.line(f"if {value}:", depth)
                self.line(f"add(lengths[len({value})])", depth + 1)
                self.line(f"for {key}, {item} in {value}.items():", depth + 1)
                self.write("string", key, depth + 2)
                self.write(node["values"], item, depth + 2)
                self.line("add(b'\\x00')", depth)
            case "enum":
                table = self.name()
                self._known[table] = {symbol: long_bytes(i) for i, symbol in enumerate(node["symbols"])}
                self.line(f"add({table}[{value}])", depth)
            case _:
                raise ValueError(f"no event has a field of the type {kind}")

    def _write_union(self, branches: list[Any], value: str, depth: int) -> None:
        if len(branches) != 2 or branches[0] != "null":
            raise ValueError(f"no event has a field of the types {branches}")
        self.line(f"if {value} is None:", depth)
        self.line("add(b'\\x00')", depth + 1)
        self.line("else:", depth)
        self.line("add(b'\\x02')", depth + 1)
        self.write(branches[1], value, depth + 1)

    # Reading: each leaves its value under the name that it gives back, and `at` behind it.

    def read(self, schema: Any, depth: int) -> str:
        kind, node = self._kind(schema)
        name = self.name()
        match kind:
            case "string" | "bytes":
                self._read_text(name, kind, depth)
            case "int" | "long":
                self.line(f"{name} = data[at]", depth)
                self.line(f"if {name} < 128:", depth)
                self.line(f"{name} = ({name} >> 1) ^ -({name} & 1)", depth + 1)
                self.line("at += 1", depth + 1)
                self.line("else:", depth)
                self.line(f"{name}, at = long_at(data, at)", depth + 1)
            case "double":
                self.line(f"{name}, = unpack(data, at)", depth)
                self.line("at += 8", depth)
            case "boolean":
                self.line(f"{name} = data[at] != 0", depth)
                self.line("at += 1", depth)
            case "record":
                fields = [self.read(field["type"], depth) for field in node["fields"]]
                self.line(f"{name} = new({self._class(node)}, ({', '.join(fields)},))", depth)
            case "union":
                self._read_union(node, name, depth)
            case "array":
                self.line(f"{name} = []", depth)
                self._read_blocks(lambda deep: f"{name}.append({self.read(node['items'], deep)})", depth)
                self.line(f"{name} = tuple({name})", depth)
            case "map":
                self.line(f"{name} = {{}}", depth)

                def entry(deep: int) -> str:
                    key = self.read("string", deep)
                    return f"{name}[{key}] = {self.read(node['values'], deep)}"

                self._read_blocks(entry, depth)
            case "enum":
                table = self.name()
                self._known[table] = dict(enumerate(node["symbols"]))
                number = self.read("long", depth)
                self.line(f"{name} = {table}[{number}]", depth)
            case _:
                raise ValueError(f"no event has a field of the type {kind}")
        return name

    def _read_text(self, name: str, kind: str, depth: int) -> None:
        self.line(f"{name} = data[at]", depth)
        self.line(f"if {name} < 128 and not {name} & 1:", depth)
        self.line("at += 1", depth + 1)
        self.line(f"{name} >>= 1", depth + 1)
        self.line("else:", depth)
        self.line(f"{name}, at = size_at(data, at)", depth + 1)
        self.line(f"end = at + {name}", depth)
        self.line(f"{name} = data[at:end]{'.decode()' if kind == 'string' else ''}", depth)
        self.line("at = end", depth)

    def _read_union(self, branches: list[Any], name: str, depth: int) -> None:
        if len(branches) != 2 or branches[0] != "null":
            raise ValueError(f"no event has a field of the types {branches}")
        branch = self.read("long", depth)
        self.line(f"if {branch} == 0:", depth)
        self.line(f"{name} = None", depth + 1)
        self.line(f"elif {branch} == 1:", depth)
        self.line(f"{name} = {self.read(branches[1], depth + 1)}", depth + 1)
        self.line("else:", depth)
        self.line("raise ValueError('no such branch')", depth + 1)

    def _read_blocks(self, item: Callable[[int], str], depth: int) -> None:
        left = self.name()
        self.line(f"{left}, at = block_at(data, at)", depth)
        self.line(f"while {left}:", depth)
        self.line(f"for _ in range({left}):", depth + 1)
        self.line(item(depth + 2), depth + 2)
        self.line(f"{left}, at = block_at(data, at)", depth + 1)


_COMPLEX: Final = frozenset({"record", "array", "map", "enum", "fixed"})
