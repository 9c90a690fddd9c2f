"""What a bag of n-grams loses of a text: how loud, how long, how much of it is digits, marks and emoji."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.intp]

_NEWLINE: Final = 10
_STEPS: Final = np.array([1, 2, 3, 5, 8, 12, 20, 40, 80, 160, 320, 640])
"""A count is told by how many of these it reaches."""


def shape(codes: NDArray[np.uint32]) -> Iterator[Counts]:
    """Of texts parted by newlines, before case is folded: one small whole number each, for one aspect after another.

    Capitals (0 few letters, 1 none … 4 nearly all), characters, longest run of digits, exclamation marks, question
    marks, repeated marks, emoji.
    """
    newlines = codes == _NEWLINE
    owners = np.cumsum(newlines)
    texts = int(owners[-1]) + 1 if len(codes) else 1
    here = codes != _NEWLINE

    def count(mask: NDArray[np.bool_]) -> Counts:
        return np.bincount(owners[mask], minlength=texts)

    upper = count((codes >= 0x41) & (codes <= 0x5A))
    letters = upper + count((codes >= 0x61) & (codes <= 0x7A))
    share = 1 + np.minimum(3, upper * 5 // np.maximum(letters, 1))
    yield np.where(letters < 4, 0, np.where(upper == 0, 1, share))
    yield _steps(count(here))
    yield _steps(_longest((codes >= 0x30) & (codes <= 0x39), owners, texts))
    exclaiming, asking = codes == 0x21, codes == 0x3F
    yield _steps(count(exclaiming))
    yield _steps(count(asking))
    repeated = np.zeros(len(codes), np.bool_)
    marks = exclaiming | asking | (codes == 0x2E) | (codes == 0x3002) | (codes == 0x7E)
    repeated[1:] = marks[1:] & marks[:-1]
    yield _steps(count(repeated))
    yield _steps(count((codes >= 0x1F300) & (codes <= 0x1FAFF)))


def _steps(counts: Counts) -> Counts:
    return np.searchsorted(_STEPS, counts, side="right")


def _longest(mask: NDArray[np.bool_], owners: Counts, texts: int) -> Counts:
    """The longest run of the mask in each text."""
    found = np.zeros(texts, np.intp)
    at = np.flatnonzero(mask)
    if len(at):
        starts = np.concatenate(([0], np.flatnonzero(np.diff(at) != 1) + 1))
        np.maximum.at(found, owners[at[starts]], np.diff(np.append(starts, len(at))))
    return found
