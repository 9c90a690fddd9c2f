"""Chance, made by drawing: sign flips and resamples of whole sessions, for many metrics at once.

scipy draws for one statistic at a time, which for three hundred metrics and scenarios over twenty thousand sessions
takes minutes. Here one draw serves all of them, as one product of matrices: a resample of sessions is how often each
was drawn, a permutation of the two sides is a sign a session. Small cases go to scipy, which enumerates them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

Floats = NDArray[np.float64]
Draws = Mapping[int, tuple[Floats, Floats]]
"""By a cell's number, both sides' figures in each resample of sessions; none of a cell whose sides are the same."""
FEW: Final = 30
"""Sessions that any comparison needs, of a scenario too."""
FLIPS: Final = 9_999
RESAMPLES: Final = 3_999
EXACT: Final = 10
"""So many informative sessions or fewer are enumerated: 2^10 sign patterns."""
_RARE: Final = 10
"""Fewer sessions that differ than this say too little about those that were not drawn."""
_FIRST: Final = 999
_GO_ON: Final = 0.1
"""A p above this after the first flips cannot come under 5 % by more of them, but for the unlikely."""
_CELLS: Final = 2_500_000
"""Numbers in a block of weights or signs: 10 MB."""
_STEPS: Final = 64
"""Thresholds around a quantile at which its distribution is counted."""


def sign_flip_p(difference: Floats, seed: int, flips: int = FLIPS) -> Floats:
    """The two-sided p of a sum over sessions being zero, for each column of [sessions, columns]. Returns [columns].

    Whether a session is A's or B's is exchanged for all metrics of a session together: under the hypothesis that the
    sides are alike every pattern of exchanges is equally likely. Sessions with a difference of zero say nothing.
    """
    counts = np.count_nonzero(difference, axis=0)
    p = np.ones(difference.shape[1])
    for column in np.flatnonzero((counts > 1) & (counts <= EXACT)):  # one alone is as far from zero either way
        p[column] = _enumerated(difference[difference[:, column] != 0, column])
    many = np.flatnonzero(counts > EXACT)
    rng = np.random.default_rng([seed, 1])
    at_least = np.zeros(len(many))
    open_, drawn = np.arange(len(many)), 0
    for upto in (min(_FIRST, flips), flips):
        if upto > drawn and len(open_):
            at_least[open_] += _extreme(difference[:, many[open_]], upto - drawn, rng)
            p[many[open_]] = (at_least[open_] + 1) / (upto + 1)
            open_, drawn = open_[p[many[open_]] <= _GO_ON], upto
    return p


def _enumerated(values: Floats) -> float:
    result = stats.permutation_test(
        (values,), np.sum, permutation_type="samples", vectorized=True, n_resamples=np.inf, alternative="two-sided"
    )
    return float(result.pvalue)


def _extreme(difference: Floats, flips: int, rng: np.random.Generator) -> Floats:
    """How many random flips give a sum at least as far from zero as the observed one."""
    told = np.any(difference != 0, axis=1)
    # Divided by its spread, each column can be summed in single precision, with a margin for what that rounds away.
    scaled = difference[told] / np.sqrt(np.square(difference).sum(axis=0))
    observed = np.abs(scaled.sum(axis=0)) - 1e-4
    single = scaled.astype(np.float32)
    found = np.zeros(difference.shape[1])
    for rows in _blocks(flips, len(single)):
        found += (np.abs(_signs(rng, rows, len(single)) @ single) >= observed).sum(axis=0)
    return found


def _signs(rng: np.random.Generator, rows: int, width: int) -> NDArray[np.float32]:
    bits = np.unpackbits(np.frombuffer(rng.bytes((rows * width + 7) // 8), np.uint8), count=rows * width)
    return bits.reshape(rows, width).astype(np.float32) * np.float32(2) - np.float32(1)


def _blocks(total: int, width: int) -> Iterator[int]:
    size = max(1, _CELLS // max(1, width))
    for begun in range(0, total, size):
        yield min(size, total - begun)


def weights(sessions: int, resamples: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Resamples of sessions with replacement, as how often each is drawn: blocks of [resamples, sessions]."""
    rng = np.random.default_rng([seed, 2])
    for rows in _blocks(resamples, sessions):
        drawn = rng.integers(0, sessions, size=(rows, sessions), dtype=np.int32) + np.arange(rows)[:, None] * sessions
        yield np.bincount(drawn.ravel(), minlength=rows * sessions).reshape(rows, sessions).astype(np.float32)


class Steps(NamedTuple):
    """Values of one side around a quantile: at each threshold, how many of each session lie at or below it.

    below: [sessions, thresholds]; of: [sessions], how many there are in all.
    """

    thresholds: Floats
    below: NDArray[np.float32]
    of: NDArray[np.float32]
    level: float


def steps(values: Floats, sessions: NDArray[np.int64], count: int, level: float) -> Steps:
    """Thresholds where the resampled quantile `level` can come to lie; `sessions` in 0 to `count`, row by row."""
    near = 12 * np.sqrt(level * (1 - level) / max(1, len(values))) * np.sqrt(max(1.0, len(values) / max(1, count)))
    levels = np.linspace(max(0.0, level - near), min(1.0, level + near), _STEPS)
    thresholds = np.unique(np.quantile(values, levels))
    place = np.searchsorted(thresholds, values, side="left")
    width = len(thresholds) + 1
    table = np.bincount(sessions * width + place, minlength=count * width).reshape(count, width)
    return Steps(
        thresholds, table.cumsum(axis=1)[:, :-1].astype(np.float32), table.sum(axis=1).astype(np.float32), level
    )


def quantiles(block: NDArray[np.float32], side: Steps) -> Floats:
    """The quantile in each resample of a block [resamples, sessions]; between thresholds by straight lines."""
    below, wanted = block @ side.below, np.float32(side.level) * (block @ side.of)
    upper = np.minimum(np.count_nonzero(below < wanted[:, None], axis=1), len(side.thresholds) - 1)
    lower = np.maximum(upper - 1, 0)
    rows = np.arange(len(below))
    low, high = below[rows, lower].astype(float), below[rows, upper].astype(float)
    part = np.clip((wanted - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    result: Floats = side.thresholds[lower] + part * (side.thresholds[upper] - side.thresholds[lower])
    return result


def unseen(informative: int, sessions: int) -> float:
    """How large a share of sessions may differ, at 95 %, where so few do that resampling cannot tell; 0 where it can.

    No session of a hundred differing leaves room for three in a hundred that would.
    """
    if informative >= _RARE or not sessions:
        return 0.0
    return float(proportion_confint(informative, sessions, 0.1, "beta")[1])
