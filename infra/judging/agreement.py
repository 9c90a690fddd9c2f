"""How far judges agree with each other, and one with itself when the order is turned round: kappas by statsmodels.

A kappa is agreement beyond chance: 1 always, 0 no more than chance would have it, below 0 less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from infra.judging.blind import Judged

CATEGORIES: Final = 3
"""A is better, neither, B is better."""


@dataclass(frozen=True)
class Agreement:
    """`equal`: the share of pairs with one opinion. `kappa` is None where there are too few pairs, or where everyone
    always said the same, since chance then explains it all. `low`, `high`: 95 %, of Cohen's alone.
    """

    kind: Literal["cohen", "fleiss"]
    pairs: int
    equal: float | None
    kappa: float | None
    low: float | None = None
    high: float | None = None


def with_itself(of: Judged) -> Agreement:
    """Of the pairs that were asked: the drawn order against the other one."""
    return _agreement([_categories(of.preferred[:, 0]), _categories(of.preferred[:, 1])], of.asked)


def between(judges: Sequence[Judged]) -> Agreement:
    """Of the same pairs, in the same order, by two judges (Cohen) or more (Fleiss).

    A judge prefers a reply if it does in both orders, or in one and has no preference in the other; else neither.
    Raises ValueError for fewer than two.
    """
    if len(judges) < 2:
        raise ValueError("agreement needs two judges or more")
    asked = np.logical_and.reduce([one.asked for one in judges])
    return _agreement([_categories(one.scores) for one in judges], asked)


def _categories(preferred: NDArray[np.float64]) -> NDArray[np.int64]:
    """0 A, 1 neither, 2 B; -1 no opinion."""
    category = 1 + np.sign(np.nan_to_num(preferred, nan=0.5) - 0.5)
    return np.where(np.isfinite(preferred), category, -1).astype(np.int64)


def _agreement(raters: Sequence[NDArray[np.int64]], where: NDArray[np.bool_]) -> Agreement:
    kind: Literal["cohen", "fleiss"] = "cohen" if len(raters) == 2 else "fleiss"
    ratings = np.stack(raters, axis=1)
    ratings = ratings[where & (ratings >= 0).all(axis=1)]
    if not len(ratings):
        return Agreement(kind, 0, None, None)
    equal = float((ratings == ratings[:, :1]).all(axis=1).mean())
    if len(ratings) < 2 or len(np.unique(ratings)) == 1:
        return Agreement(kind, len(ratings), equal, None)
    from statsmodels.stats.inter_rater import cohens_kappa, fleiss_kappa  # seconds to import, and rarely needed

    counts = np.stack([(ratings == c).sum(axis=1) for c in range(CATEGORIES)], axis=1)
    if kind == "fleiss":
        return Agreement(kind, len(ratings), equal, float(fleiss_kappa(counts)))
    table = np.zeros((CATEGORIES, CATEGORIES))
    np.add.at(table, (ratings[:, 0], ratings[:, 1]), 1)
    with np.errstate(all="ignore"):  # of a judge that always says the same, it divides by a spread of nothing
        found: Any = cohens_kappa(table)
    return Agreement(kind, len(ratings), equal, float(found.kappa), float(found.kappa_low), float(found.kappa_upp))
