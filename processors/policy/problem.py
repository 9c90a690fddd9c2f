"""A mistake in a file that people write: where, what, and what mends it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple


class Problem(NamedTuple):
    """One mistake. `line` counts from 1; `field` is the path of keys, such as scenarios.logistics.rungs."""

    file: str
    line: int
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.problem}; {self.remedy}"


def instead(word: str, known: Iterable[str]) -> str:
    """The remedy for a word that is none of the known ones."""
    known = sorted(set(known))
    close = get_close_matches(word, known, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"use one of: {', '.join(known)}" if known else "remove it"
