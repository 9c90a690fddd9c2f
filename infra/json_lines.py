"""Files of JSON lines, packed or not: each object with the number of its line, or an error that says what to mend."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def content_of(path: Path, error: type[Exception]) -> bytes:
    """The bytes of the file as they lie there. Raises `error`."""
    try:
        return path.read_bytes()
    except IsADirectoryError as err:
        raise error(f"{path}: is a folder; name the files in it, as {path}/*.jsonl.gz") from err
    except OSError as err:
        raise error(f"{path}: cannot be read ({err.strerror}); check the name") from err


def objects_in(
    path: Path, content: bytes, expected: str, error: type[Exception]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line number, from 1, and object of each line of `content`, the bytes of the file; empty lines are passed over.

    `expected`: what an object should look like, for the message. Raises `error`, naming file, line and remedy.
    """
    try:
        raw = gzip.decompress(content) if path.name.endswith(".gz") else content
    except (OSError, EOFError, zlib.error) as err:
        raise error(f"{path}: is not a whole gzip file ({err}); copy it again") from err
    try:
        lines = raw.decode("utf-8").split("\n")
    except UnicodeDecodeError as err:
        number = raw.count(b"\n", 0, err.start) + 1
        raise error(f"{path}:{number}: is not UTF-8 (byte {err.start}); save the file as UTF-8") from err
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as err:
            raise error(f"{path}:{number}: is not JSON ({err.msg}, column {err.colno}); mend the line") from err
        except (ValueError, RecursionError) as err:
            raise error(f"{path}:{number}: is not JSON that can be read ({err}); mend the line") from err
        if not isinstance(record, dict):
            raise error(f"{path}:{number}: is not a JSON object; expected {expected}")
        yield number, record
