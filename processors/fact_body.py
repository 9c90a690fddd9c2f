"""JSON of an event's fields, written straight from its tuples.

A projection writes one for nearly every record of the log. So of each record class a function is written out once from
the types of its fields, as `schemas.compiled` does for its bytes, and no dictionary stands in between. `json.dumps` of
the same values gives the same text, but that what is no finite number is null.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from itertools import count
from json.encoder import encode_basestring as _quoted
from types import NoneType, UnionType
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

Encode = Callable[[Any], str]
as_text: Final[Encode] = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_NOTHING: Final[frozenset[str]] = frozenset()


@cache
def fields_of(cls: Any, left_out: frozenset[str] = _NOTHING) -> Encode:
    """What makes the JSON fields of a tuple of `cls`, in their order, without braces. left_out: are not written."""
    return _Function(cls, left_out).made("")


@cache
def object_of(cls: Any) -> Encode:
    """The same with braces."""
    return _Function(cls).made("{}")


def text(value: str) -> str:
    """A string in its quotes."""
    return _quoted(value)


def number(value: float) -> str:
    """A number; null for what is none."""
    if type(value) is not float:
        return as_text(value)
    return repr(value) if value - value == 0.0 else "null"


def _map(values: Mapping[str, Any]) -> str:
    """In the order of the keys, so that one map is one text."""
    return as_text({key: values[key] for key in sorted(values)}) if values else "{}"


def _array(encode: Encode) -> Encode:
    return lambda values: "[" + ",".join([encode(v) for v in values]) + "]" if values else "[]"


class _Function:
    """The lines of a function that unpacks a tuple, and returns one formatted string."""

    def __init__(self, cls: Any, left_out: frozenset[str] = _NOTHING) -> None:
        self._known: dict[str, Any] = {
            **{"quoted": _quoted, "number": number, "as_text": as_text, "map_": _map},
            **{"null": "null", "true": "true", "false": "false"},
        }
        self._lines: list[str] = []
        self._names = (f"v{i}" for i in count())
        self._format = self._fields(cls, "value", left_out)

    def made(self, braces: str) -> Encode:
        """The function. braces: "{}", or empty."""
        inside = f"{braces[:1] * 2}{self._format}{braces[1:] * 2}"
        source = ["def write(value):", *self._lines, f"    return f'{inside}'"]
        exec("\n".join(source), self._known)
        write: Encode = self._known["write"]
        return write

    def _fields(self, cls: Any, value: str, left_out: frozenset[str] = _NOTHING) -> str:
        hints = get_type_hints(cls)
        names = [next(self._names) for _ in cls._fields]
        self._lines.append(f"    {', '.join(names)}, = {value}")
        written = ((f, name) for f, name in zip(cls._fields, names, strict=True) if f not in left_out)
        return ",".join(f'"{field}":{self._value(hints[field], name)}' for field, name in written)

    def _value(self, hint: Any, name: str) -> str:
        """What stands for a value in the formatted string."""
        if hasattr(hint, "_fields"):
            return "{{" + self._fields(hint, name) + "}}"
        return "{" + self._expression(hint, name) + "}"

    def _expression(self, hint: Any, name: str) -> str:
        if get_origin(hint) is UnionType:
            (inner,) = (given for given in get_args(hint) if given is not NoneType)
            return f"null if {name} is None else {self._expression(inner, name)}"
        if get_origin(hint) is Literal or hint is str:
            return f"quoted({name})"
        if hint is bool:
            return f"true if {name} else false"
        if hint is int:
            return name
        return f"{self._encoder(hint)}({name})"

    def _encoder(self, hint: Any) -> str:
        """The name of the function that writes a value of this type."""
        if hint is float:
            return "number"
        if hasattr(hint, "_fields"):
            return self._remember(object_of(hint))
        if get_origin(hint) is tuple:
            of = get_args(hint)[0]
            encode = object_of(of) if hasattr(of, "_fields") else _quoted if of is str else as_text
            return self._remember(_array(encode))
        return "map_" if get_origin(hint) is not None and issubclass(get_origin(hint), Mapping) else "as_text"

    def _remember(self, encode: Encode) -> str:
        name = f"encode{len(self._known)}"
        self._known[name] = encode
        return name
