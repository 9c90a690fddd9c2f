"""The figures that a trainer writes into model.yaml, from its dev rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from infra.training.calibration import Floats, Ints, crossed_error, outside_recall, ranking


class Judged(NamedTuple):
    """Dev rows as a head answers them. `logits` [n, classes] before the temperature, `labels` [n] class numbers;
    `inside`, `outside`: scope scores, the higher the more in scope; `anger`: scores, with `angry` 0..1 or NaN;
    `chance`: whether the calibration blends in a share of chance."""

    logits: Floats
    labels: Ints
    inside: Floats
    outside: Floats
    anger: Floats | None
    angry: Floats
    chance: bool = False


def figures(judged: Judged) -> Mapping[str, float]:
    """Accuracy, macro-F1, calibration error (each row judged by the others' temperature), out-of-scope recall at 95 %
    of in-scope text kept, how well anger ranks. Shares, rounded to four places."""
    told = judged.logits.argmax(axis=1)
    found = {
        "rows": len(judged.labels),
        "accuracy": float((told == judged.labels).mean()),
        "macro_f1": macro_f1(told, judged.labels),
        "ece": crossed_error(judged.logits, judged.labels, chance=judged.chance),
    }
    if len(judged.outside):
        found["outside_rows"] = len(judged.outside)
        found["outside_recall"] = outside_recall(judged.inside, judged.outside)
    if judged.anger is not None:
        known = ~np.isnan(judged.angry)
        angry = known & (judged.angry >= 0.5)
        found["anger_auc"] = ranking(judged.anger[known & ~angry], judged.anger[angry])
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}


def macro_f1(told: Ints, labels: Ints) -> float:
    """The mean of F1 over the classes that are there; a class never told has 0."""
    scores = []
    for label in np.unique(labels):
        hits = int(((told == label) & (labels == label)).sum())
        scores.append(2 * hits / (int((told == label).sum()) + int((labels == label).sum())))
    return float(np.mean(scores)) if scores else 0.0
