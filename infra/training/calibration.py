"""From a model's scores to figures that mean what they say: temperature, calibration error, out-of-scope threshold.

Only numpy. Logits are [n, classes], labels class numbers [n]; a score is higher the more a text is in scope.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

KEPT: Final = 0.95
"""The share of in-scope text that the threshold keeps."""
BINS: Final = 15
SHARES: Final = (0.0, 0.01, 0.03, 0.06, 0.1)
"""Of chance, that are tried."""
_SMALLEST: Final = 1e-12


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities [n, classes]."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    raised = np.exp(scaled)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def fit_temperature(logits: Floats, labels: Ints) -> float:
    """The temperature, 0.05 to 20, under which the labels are most likely; 1 where there is nothing to fit by."""
    if len(labels) == 0:
        return 1.0
    return _lowest(lambda temperature: _surprise(logits, labels, temperature))


def fit_calibration(logits: Floats, labels: Ints) -> tuple[float, float]:
    """(temperature, share): under which the confidence in the best label, softmax(logits, temperature) blended with
    that share of sheer chance, best says how often it is right. The share is for errors however sure the model is,
    which no temperature can say."""
    if len(labels) == 0:
        return 1.0, 0.0
    # A few thousand rows say it as well as more, and it is asked some thousand times.
    some = slice(None, None, 1 + len(labels) // 4000)
    right = logits[some].argmax(axis=1) == labels[some]
    behind = np.asarray(logits[some] - logits[some].max(axis=1, keepdims=True), np.float32)

    def at(temperature: float, share: float) -> float:
        sure = 1 / np.exp(behind / np.float32(temperature)).sum(axis=1)
        sure = sure * (1 - share) + share / behind.shape[1]
        return float(-np.log(np.where(right, sure, 1 - sure) + _SMALLEST).mean())

    found = [(_lowest(partial(at, share=share)), share) for share in SHARES]
    return min(found, key=lambda pair: at(*pair))


def blended(probabilities: Floats, share: float) -> Floats:
    """Probabilities with a share of sheer chance."""
    return np.asarray(probabilities * (1 - share) + share / probabilities.shape[1])


def calibration_error(probabilities: Floats, labels: Ints, bins: int = BINS) -> float:
    """Expected calibration error (ECE): how far confidence is from accuracy, in bins of equal width; 0 for no rows."""
    if len(labels) == 0:
        return 0.0
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    at = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(at, right.astype(float), bins) - np.bincount(at, confidence, bins)
    return float(np.abs(gaps).sum() / len(labels))


def crossed_error(logits: Floats, labels: Ints, folds: int = 5, chance: bool = False) -> float:
    """The calibration error where each row's calibration was fitted on the other folds: none judges itself.

    `chance`: by temperature and share of chance, else by temperature alone.
    """
    if len(labels) < 2 * folds:
        return calibration_error(softmax(logits), labels)
    fold = np.arange(len(labels)) % folds
    probabilities = np.empty(logits.shape)
    for number in range(folds):
        own = fold == number
        others = logits[~own], labels[~own]
        temperature, share = fit_calibration(*others) if chance else (fit_temperature(*others), 0.0)
        probabilities[own] = blended(softmax(logits[own], temperature), share)
    return calibration_error(probabilities, labels)


def threshold(scores: Floats, kept: float = KEPT) -> float:
    """The score that the share `kept` of in-scope texts reaches; minus infinity for no texts."""
    if len(scores) == 0:
        return float("-inf")
    return float(np.quantile(scores, 1 - kept))


def outside_recall(inside: Floats, outside: Floats, kept: float = KEPT) -> float:
    """The share of out-of-scope texts below the threshold that keeps `kept` of the in-scope ones."""
    if len(outside) == 0:
        return 0.0
    return float((np.asarray(outside) < threshold(inside, kept)).mean())


def ranking(lower: Floats, higher: Floats) -> float:
    """The chance that one of `higher` has the greater score than one of `lower` (area under the ROC curve)."""
    if len(lower) == 0 or len(higher) == 0:
        return 0.5
    ordered = np.sort(np.asarray(lower))
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    return float(below.mean() / 2 / len(ordered))


def _lowest(cost: Callable[[float], float]) -> float:
    """The temperature, 0.05 to 20, of the lowest cost, which has one valley: by golden section on the logarithm."""
    ratio = (np.sqrt(5) - 1) / 2
    low, high = np.log(0.05), np.log(20.0)
    for _ in range(24):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if cost(float(np.exp(left))) < cost(float(np.exp(right))):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _surprise(logits: Floats, labels: Ints, temperature: float) -> float:
    probabilities = softmax(logits, temperature)
    return float(-np.log(probabilities[np.arange(len(labels)), labels] + _SMALLEST).mean())
