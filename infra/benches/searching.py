"""Finds the highest rate that is held, with as few tries as that takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FASTER: Final = 1.5
NEAR: Final = 0.05
"""The search ends where what is held and what is not lie so near to each other, as a share of the former."""
LEAST: Final = 1.0


def highest(begin: float, most: float, held: Callable[[float], bool], near: float = NEAR) -> float | None:
    """The highest rate found held. Upwards from `begin` by halves until one is not held, or `most` is; then between.

    held: tries a rate. None where not even one turn a second is held. Rates come to two digits and a half, as people
    write them.
    """
    low: float | None = None
    high: float | None = None
    rate = min(begin, most)
    while True:
        if held(rate):
            low = rate
            if low >= most:
                return low
        else:
            high = rate
        if low is None:
            if rate <= LEAST:
                return None
            rate = max(LEAST, tidy(rate / 2))
        elif high is None:
            rate = min(most, tidy(low * FASTER))
        elif high - low <= near * low + 1e-9 or tidy((low + high) / 2) in (low, high):
            return low
        else:
            rate = tidy((low + high) / 2)


def tidy(rate: float) -> float:
    """The rate to about two digits and a half: 1,640 rather than 1,637.5."""
    step = 10.0 ** max(0, len(str(int(rate))) - 3) * (1 if rate < 200 else 2)
    return max(LEAST, round(rate / step) * step)
