"""Inserts whose data came in the request: the data goes to a file, and the engine reads it from there."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_SPACE_OR_COMMENT = rb"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_INSERT = re.compile(
    _SPACE_OR_COMMENT
    + rb"(?P<into>INSERT\s+INTO\s+(?:TABLE\s+)?(?!FUNCTION\b)[^\s(]+\s*(?:\((?:[^()]|\([^()]*\))*\))?)"
    + rb"\s*(?P<settings>SETTINGS\s+.*?)?"
    + rb"\s*\bFORMAT\s+(?P<format>\w+)[ \t\r;]*(?:\n|\Z|(?=[\[{(]))",
    re.IGNORECASE | re.DOTALL,
)
_HEAD_BYTES = 64 * 1024


CORRUPT = (OSError, RuntimeError, EOFError, ValueError, zlib.error, zstd.ZstdError)
"""What a decompressor raises on a body that is not what it should be."""


class UnknownEncoding(ValueError):
    """The body is compressed in a way that this server does not know."""


def insert_head(head: bytes) -> tuple[re.Match[bytes], str] | None:
    """The opening `INSERT INTO t (…) FORMAT f` of a request, if that is what it is, and the name of its format."""
    found = _INSERT.match(head[:_HEAD_BYTES])
    if found is None or found.group("format").upper() == b"VALUES":
        return None
    return found, found.group("format").decode()


def from_file(head: re.Match[bytes], file: Path, settings: Mapping[str, str] | None = None) -> str:
    """The same insert, reading its data from `file`. The path must need no quoting.

    settings: of the request. They go into the statement, so that the connection need not be told before and after; what
    the statement says itself holds. Their names must be names.
    """
    into = head.group("into").decode()
    said = (head.group("settings") or b"").decode().strip()
    given = [f"{name} = {_quoted(value)}" for name, value in (settings or {}).items()]
    own = [said[len("SETTINGS") :].strip()] if said else []
    clause = f"SETTINGS {', '.join([*given, *own])} " if given or own else ""
    return f"{into} FROM INFILE '{file}' COMPRESSION 'none' {clause}FORMAT {head.group('format').decode()}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def decompressor(encoding: str) -> Callable[[bytes], bytes]:
    """A function from the compressed pieces of a body to its plain pieces. A body may be several frames in a row.

    Raises:
        UnknownEncoding: of what `Content-Encoding` names, only identity, gzip, deflate, lz4 and zstd are known.
    """
    if encoding in ("", "identity"):
        return bytes
    new_frame = _FRAMES.get(encoding)
    if new_frame is None:
        raise UnknownEncoding(f"Content-Encoding {encoding} is not known here; use lz4, zstd, gzip or none")
    frame = new_frame()

    def plain(piece: bytes) -> bytes:
        nonlocal frame
        out = []
        while piece:
            if frame.eof:
                frame = new_frame()
            out.append(frame.decompress(piece))
            piece = frame.unused_data if frame.eof else b""
        return b"".join(out)

    return plain


def _zlib() -> Any:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)


def _lz4() -> Any:
    from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]

    return LZ4FrameDecompressor()


def _zstd() -> Any:
    return zstd.ZstdDecompressor()


_FRAMES: dict[str, Callable[[], Any]] = {"gzip": _zlib, "deflate": _zlib, "lz4": _lz4, "zstd": _zstd}
