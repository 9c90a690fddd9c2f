"""Whether a confidence of 0.8 is right four times in five: reliability, calibration error, log loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infra.evaluation.figures import Bin, Calibration
from infra.evaluation.intervals import SEED

BINS = 15
DRAWS = 100
"""Of answers that are right by chance."""
LEAST = 1e-7
"""The probability that a right answer is given at least in the log loss, so that one row cannot make it infinite."""


def calibration(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], of_truth: NDArray[np.float64]
) -> Calibration | None:
    """All [n]: the confidence of the answer, whether it was right, the probability given to what was right.

    Bins are of equal width; a confidence on an edge belongs to the bin below. None of nothing.
    """
    if not len(confidence):
        return None
    number = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    bins = []
    for i in range(BINS):
        inside = number == i
        rows = int(inside.sum())
        if rows:
            sure, share = float(confidence[inside].mean()), float(right[inside].mean())
            bins.append(Bin(i / BINS, (i + 1) / BINS, rows, sure, share))
    loss = float(-np.log(np.maximum(of_truth, LEAST)).mean())
    return Calibration(_error(number, confidence, right), _by_chance(number, confidence), loss, tuple(bins))


def _error(number: NDArray[np.int64], confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    gaps = np.bincount(number, right, BINS) - np.bincount(number, confidence, BINS)
    return float(np.abs(gaps).sum() / len(number))


def _by_chance(number: NDArray[np.int64], confidence: NDArray[np.float64]) -> float:
    """The mean error where each answer is right just as often as it is sure."""
    draw = np.random.default_rng(SEED)
    errors = [_error(number, confidence, draw.random(len(number)) < confidence) for _ in range(DRAWS)]
    return float(np.mean(errors))
