"""Whether something grows: a robust slope through samples, with an interval, over the lives of one process or several.

The slope is Theil and Sen's, the median of the slopes between all pairs of samples; of a process that was restarted,
between pairs of one life only (the seasonal Kendall slope of Hirsch, Slack and Smith), so that a new life's lower start
is no shrinking. The interval is Sen's. Samples are put together to medians of a stretch of time first: what lies close
together is not independent, and would make the interval narrower than it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

import numpy as np
from scipy.stats import norm

Points = Sequence[tuple[float, float]]
"""Seconds and value, in the order of time."""
Word = Literal["flat", "growing", "unclear"]

CONFIDENCE: Final = 0.95
LEAST: Final = 8
"""Points below which nothing is said."""
HOUR: Final = 3600.0


@dataclass(frozen=True)
class Slope:
    """Growth an hour, and the interval in which it lies with 95 %. points: how many it is of."""

    per_hour: float
    low: float
    high: float
    points: int


def thinned(points: Points, seconds: float) -> list[tuple[float, float]]:
    """The median of each stretch of so many seconds, at its middle."""
    found = []
    for _, group in groupby(points, key=lambda point: int(point[0] // seconds)):
        times, values = zip(*group, strict=True)
        found.append((float(np.median(times)), float(np.median(values))))
    return found


def slope(lives: Iterable[Points]) -> Slope | None:
    """Of the lives of one process; None where they are too short to say anything."""
    slopes: list[np.ndarray] = []
    variance, number = 0.0, 0
    for life in lives:
        n = len(life)
        if n < 2:
            continue
        times, values = (np.array(column, dtype=float) for column in zip(*life, strict=True))
        first, second = np.triu_indices(n, 1)
        slopes.append((values[second] - values[first]) / (times[second] - times[first]))
        variance += _variance(values)
        number += n
    if number < LEAST:
        return None
    ordered = np.sort(np.concatenate(slopes)) * HOUR
    reach = norm.ppf(0.5 + CONFIDENCE / 2) * math.sqrt(variance)
    last = len(ordered) - 1
    low = min(last, max(0, round((len(ordered) - reach) / 2)))
    high = max(0, min(last, round((len(ordered) + reach) / 2) - 1))
    return Slope(float(np.median(ordered)), float(ordered[low]), float(ordered[high]), number)


def _variance(values: np.ndarray) -> float:
    """Kendall's, of how many pairs rise, with ties taken off."""
    n = len(values)
    _, ties = np.unique(values, return_counts=True)
    of = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in ties.tolist())) / 18
    return float(of)


def word(found: Slope, most: float) -> Word:
    """Flat: growth of more than `most` an hour is ruled out. Growing: as much is certain. Else it was too short."""
    if found.high <= most:
        return "flat"
    return "growing" if found.low > most else "unclear"
