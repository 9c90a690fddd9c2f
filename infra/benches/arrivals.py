"""When messages arrive: curves for an open-loop load, as seconds from its start.

Each curve is an iterator that rises (never falls), so that a load takes from it as it goes. Nothing here knows a clock:
the same arguments give the same times, always.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Final, Literal

Spacing = Literal["poisson", "even"]
SECONDS: Final = 1_000_000
"""Microseconds."""


def steady(rate: float, seconds: float, seed: int = 0, spacing: Spacing = "poisson") -> Iterator[float]:
    """Arrivals at `rate` a second for `seconds`: as independent customers come (Poisson), or evenly spaced.

    Even spacing begins at 0 and gives exactly ceil(rate × seconds) arrivals. Poisson gives that many on average, and
    what a queue sees in life: bunches. Raises ValueError where rate or seconds is negative, or no finite number.
    """
    _sensible(rate=rate, seconds=seconds)
    return _even(rate, seconds) if spacing == "even" else _poisson(rate, 0.0, seconds, random.Random(seed))


def bursts(
    base: float,
    times: float,
    at: float,
    lasts: float,
    seconds: float,
    seed: int = 0,
    spacing: Spacing = "poisson",
) -> Iterator[float]:
    """A base load with one burst in it: `base` a second, but `times` as much from `at` on, for `lasts` seconds.

    Ends at `seconds`, in the burst where that is within it. Raises ValueError for a negative or endless number.
    """
    _sensible(base=base, times=times, at=at, lasts=lasts, seconds=seconds)
    begins, ends = min(at, seconds), min(at + lasts, seconds)
    stretches = ((base, 0.0, begins), (base * times, begins, ends), (base, ends, seconds))
    return _joined(stretches, random.Random(seed), spacing)


def recorded(times: Iterable[float], compress: float = 1.0) -> Iterator[float]:
    """A recorded curve, `compress` times as fast: gaps and bunches stay in proportion.

    times: when messages arrived, in seconds of any beginning, in any order. The first arrives at 0. Raises ValueError
    where `compress` is not above 0.
    """
    if not compress > 0:
        raise ValueError(f"an arrival curve is compressed by a number above 0, not by {compress}")
    ordered = sorted(times)
    return ((time - ordered[0]) / compress for time in ordered)


def from_microseconds(times: Iterable[int]) -> list[float]:
    """Log times (microseconds UTC) as `recorded` takes them: seconds from the first, in order."""
    ordered = sorted(times)
    return [(time - ordered[0]) / SECONDS for time in ordered]


def rate_of(times: Iterable[float]) -> float:
    """Arrivals a second of a curve, over the time from its first to its last; 0 of fewer than two, or of one moment."""
    ordered = sorted(times)
    lasted = ordered[-1] - ordered[0] if ordered else 0.0
    return (len(ordered) - 1) / lasted if lasted > 0 else 0.0


def peak_of(times: Iterable[float], window: float = 1.0) -> float:
    """The highest rate (a second) over any `window` seconds of a curve."""
    ordered, first, most = sorted(times), 0, 0
    for last, time in enumerate(ordered):
        while ordered[first] <= time - window:
            first += 1
        most = max(most, last - first + 1)
    return most / window


def _even(rate: float, seconds: float) -> Iterator[float]:
    n = 0
    while rate > 0 and (time := n / rate) < seconds:
        yield time
        n += 1


def _poisson(rate: float, begins: float, ends: float, drawn: random.Random) -> Iterator[float]:
    time = begins
    while rate > 0 and (time := time + drawn.expovariate(rate)) < ends:
        yield time


def _joined(stretches: Iterable[tuple[float, float, float]], drawn: random.Random, spacing: Spacing) -> Iterator[float]:
    for rate, begins, ends in stretches:
        if spacing == "even":
            yield from (begins + time for time in _even(rate, ends - begins))
        else:
            yield from _poisson(rate, begins, ends, drawn)


def _sensible(**given: float) -> None:
    for name, value in given.items():
        if not 0 <= value < float("inf"):
            raise ValueError(f"{name} is {value}: give a number of 0 or more")
