"""How well a score from 0 to 1 finds what is out of scope: recall, and what is kept of the rest."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from infra.evaluation.figures import OutOfScope
from infra.evaluation.intervals import wilson

THRESHOLD = 0.5
"""Of a bundle's out-of-scope score: at or above it a text is out of scope."""
KEPT = 0.95


def out_of_scope(score: NDArray[np.float64], outside: NDArray[np.bool_]) -> OutOfScope | None:
    """Figures of a score [n] for rows that are out of scope or not [n]; None where no row is.

    At 95 %: the lowest threshold that keeps at least 95 % of the in-scope rows; what scores above it is out of scope.
    """
    out, within = score[outside], score[~outside]
    if not len(out):
        return None
    recall = wilson(int((out >= THRESHOLD).sum()), len(out))
    kept = wilson(int((within < THRESHOLD).sum()), len(within))
    if not len(within):
        return OutOfScope(len(out), 0, recall, None, None, None, None, None)
    threshold = float(np.sort(within)[math.ceil(KEPT * len(within) - 1e-9) - 1])
    return OutOfScope(
        len(out),
        len(within),
        recall,
        kept,
        wilson(int((out > threshold).sum()), len(out)),
        float((within <= threshold).mean()),
        threshold,
        auroc(score, outside),
    )


def auroc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """The chance that a positive row scores above a negative one, ties half; None where either is missing."""
    many, others = int(positive.sum()), int((~positive).sum())
    if not many or not others:
        return None
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[positive].sum() - many * (many + 1) / 2) / (many * others))
