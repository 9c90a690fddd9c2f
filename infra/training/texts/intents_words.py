"""The word lists of intents_words.yaml, by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

_FILE: Final = Path(__file__).with_suffix(".yaml")


@cache
def words(name: str) -> tuple[str, ...]:
    """A list of words. Raises KeyError where the file has none of that name."""
    return tuple(_document()[name])


@cache
def pairs(name: str) -> Mapping[str, str]:
    """What is written for what. Raises KeyError where the file has none of that name."""
    return dict(_document()[name])


@cache
def _document() -> Mapping[str, Any]:
    document: Mapping[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return document
