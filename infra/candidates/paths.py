"""Paths that a candidate file names: relative to it, and such as a file system can have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from processors.policy.reading import Fields

_NAME: Final = 255
_PATH: Final = 4_000


def named_path(fields: Fields, key: str, folder: Path, name: str) -> Path | None:
    """The path, whether anything is there or not. None, and a problem noted, for what can be no path."""
    try:
        whole = os.fsencode(name)
    except UnicodeEncodeError:
        whole = b"\0"
    if b"\0" in whole:
        fields.wrong(key, f"{name!r} is no path", "leave out characters that no file's name has")
        return None
    if len(whole) > _PATH or max(map(len, whole.split(os.fsencode(os.sep)))) > _NAME:
        fields.wrong(key, f"{name[:40]!r}… is too long for a path", "name a file or folder, relative to this file")
        return None
    return folder / name
