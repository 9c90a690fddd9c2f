"""The operator sets an ONNX file asks for, read without the onnx package: a file's outermost protobuf fields."""

from __future__ import annotations

from collections.abc import Iterator

_OPSETS = 8
"""ModelProto.opset_import"""
_DOMAIN, _VERSION = 1, 2
"""OperatorSetIdProto"""


def opsets(content: bytes) -> dict[str, int]:
    """Version by domain ("" is ONNX's own). Raises ValueError for what is no ONNX file."""
    found: dict[str, int] = {}
    for number, value in _fields(content):
        if number == _OPSETS and isinstance(value, bytes):
            entry = dict(_fields(value))
            domain, version = entry.get(_DOMAIN, b""), entry.get(_VERSION, 0)
            if isinstance(domain, bytes) and isinstance(version, int):
                name = domain.decode("utf-8")
                found["" if name == "ai.onnx" else name] = version
    if not found:
        raise ValueError("names no operator set")
    return found


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values; long ones are cut out, never entered."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(content, at)
            yield key >> 3, value
            continue
        if kind == 2:
            size, at = _varint(content, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError("is not protobuf")
        if at + size > len(content):
            raise ValueError("is cut short")
        # A graph is megabytes and not looked into.
        yield key >> 3, content[at : at + size] if size < 4096 else b""
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(content) and shift < 70:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("is cut short")
