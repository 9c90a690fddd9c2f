"""Two runs of the same turns: every metric's difference, with sessions as the units of chance.

The turns of a session are not independent, so that a test of single turns (McNemar's) would find differences where
there are none. Here sessions are exchanged between the sides for the test, and drawn again for the interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.comparing import resampling
from infra.comparing.mde import detectable
from infra.comparing.metrics import METRICS, Metric
from infra.comparing.resampling import FEW, Draws, Floats, quantiles, steps, unseen, weights
from infra.comparing.result import Effect
from infra.comparing.table import Numbers, Pairs

RATE_TEST: Final = "paired permutation of sessions"
QUANTILE_TEST: Final = "paired permutation of sessions, of the share beyond the common quantile"
NOT_TESTED: Final = "not tested"
_LEVEL: Final = 0.95


@dataclass(frozen=True)
class Cell:
    """One metric of one scenario (None: all): both sides' values at the turns that have both.

    session: each value's session, from 0 to `of` over all turns of the comparison.
    """

    metric: Metric
    scenario: str | None
    a: Floats
    b: Floats
    session: NDArray[np.int64]
    of: int

    @cached_property
    def informative(self) -> int:
        """Sessions in which the sides differ."""
        return int(np.count_nonzero(np.bincount(self.session[self.a != self.b], minlength=1)))

    @cached_property
    def sessions(self) -> int:
        return int(np.count_nonzero(np.bincount(self.session, minlength=1)))

    def estimate(self) -> tuple[float, float]:
        """Both sides' figures."""
        if self.metric.quantile is not None:
            return float(np.quantile(self.a, self.metric.quantile)), float(np.quantile(self.b, self.metric.quantile))
        return float(self.a.mean()), float(self.b.mean())

    def redraw(self) -> tuple[Floats, Floats]:
        """Both sides' figures in resamples of sessions."""
        return draws([self], 0, resampling.RESAMPLES)[0]

    def unseen(self) -> float:
        """See `infra.comparing.verdict.Cell`."""
        return unseen(self.informative, self.sessions) if self.metric.kind == "rate" else 0.0

    def tested(self) -> Floats:
        """By session, the sum that is zero where the sides are alike."""
        a, b = self.a, self.b
        if self.metric.quantile is not None:
            # Exchanging sides leaves both sides' common quantile where it is, so it may be taken from the values.
            common = np.quantile(np.concatenate((a, b)), self.metric.quantile)
            a, b = (a > common).astype(float), (b > common).astype(float)
        return np.bincount(self.session, b - a, self.of).astype(float)


def cells_of(values: Mapping[str, tuple[Numbers, Numbers]], pairs: Pairs, by_scenario: bool = True) -> list[Cell]:
    """The cells of all metrics: of all turns, and by scenario where enough sessions are.

    A scenario has the turns that either run routed there. Those of A alone would be chosen by A's mistakes: of two runs
    that err equally often, the other one would look worse in what A is surest of.
    """
    codes, count = pairs.a.codes, pairs.a.sessions
    sides = pairs.a.word("scenario"), pairs.b.word("scenario")
    names = sorted({str(s) for side in sides for s in set(side) if s}) if by_scenario else []
    within = {name: (sides[0] == name) | (sides[1] == name) for name in names}
    cells = []
    for metric_name, (a, b) in values.items():
        metric = METRICS[metric_name]
        both = np.isfinite(a) & np.isfinite(b)
        cells.append(Cell(metric, None, a[both], b[both], codes[both], count))
        for name in names:
            rows = both & within[name]
            cell = Cell(metric, name, a[rows], b[rows], codes[rows], count)
            if cell.sessions >= FEW:
                cells.append(cell)
    return cells


def effects_of(
    cells: Sequence[Cell], seed: int, resamples: int = resampling.RESAMPLES, flips: int = resampling.FLIPS
) -> tuple[list[Effect], Draws]:
    """Each cell's effect, with its own p, not corrected, and a 95 % interval; and what the interval was drawn from."""
    moved = [n for n, cell in enumerate(cells) if cell.informative]
    asked = [n for n in moved if cells[n].metric.tested]
    p = np.ones(len(cells))
    if asked:
        p[asked] = resampling.sign_flip_p(np.column_stack([cells[n].tested() for n in asked]), seed, flips)
    drawn = dict(zip(moved, draws([cells[n] for n in moved], seed, resamples), strict=True))
    return [_effect(cell, float(p[n]), drawn.get(n), len(asked)) for n, cell in enumerate(cells)], drawn


def _effect(cell: Cell, p: float, drawn: tuple[Floats, Floats] | None, tests: int) -> Effect:
    a, b = cell.estimate()
    low = high = b - a
    sessions = cell.sessions
    mde = None
    if drawn is not None:
        spread = drawn[1] - drawn[0]
        low, high = (float(v) for v in np.quantile(spread, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]))
        low, high = min(low, b - a), max(high, b - a)
        mde = detectable(float(spread.std()), sessions, tests)
    test = NOT_TESTED
    if cell.metric.tested:
        test = RATE_TEST if cell.metric.quantile is None else QUANTILE_TEST
    turns = len(cell.a)
    return Effect(
        cell.metric.name, cell.scenario, a, b, b - a, low, high, p, p, turns, sessions, mde, test, _LEVEL,
        cell.informative,
    )  # fmt: skip


def draws(cells: Sequence[Cell], seed: int, resamples: int) -> list[tuple[Floats, Floats]]:
    """Both sides' figures in `resamples` resamples of sessions, cell by cell; the same resamples for every cell."""
    if not cells:
        return []
    means = [n for n, cell in enumerate(cells) if cell.metric.quantile is None]
    sums = np.column_stack([_sums(cells[n]) for n in means]) if means else None
    curves = {n: _Curves.of(cell) for n, cell in enumerate(cells) if cell.metric.quantile is not None}
    found: list[list[tuple[Floats, Floats]]] = [[] for _ in cells]
    for block in weights(cells[0].of, resamples, seed):
        if sums is not None:
            for n, (a, b, of) in zip(means, np.split((block.astype(float) @ sums).T, len(means)), strict=True):
                found[n].append((a / np.maximum(of, 1e-9), b / np.maximum(of, 1e-9)))
        for n, curve in curves.items():
            found[n].append(curve.draw(block))
    return [(np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts])) for parts in found]


def _sums(cell: Cell) -> Floats:
    """By session: A's sum, B's sum, values. [sessions, 3]."""
    of = np.bincount(cell.session, minlength=cell.of)
    return np.column_stack((np.bincount(cell.session, cell.a, cell.of), np.bincount(cell.session, cell.b, cell.of), of))


@dataclass(frozen=True)
class _Curves:
    """A quantile cell's steps, over the sessions that it has."""

    present: NDArray[np.int64]
    whole: bool
    a: resampling.Steps
    b: resampling.Steps

    @classmethod
    def of(cls, cell: Cell) -> _Curves:
        present, place = np.unique(cell.session, return_inverse=True)
        level = cell.metric.quantile
        assert level is not None
        count = len(present)
        sides = (steps(side, place, count, level) for side in (cell.a, cell.b))
        return cls(present, count == cell.of, *sides)

    def draw(self, block: NDArray[np.float32]) -> tuple[Floats, Floats]:
        mine = block if self.whole else block[:, self.present]
        return quantiles(mine, self.a), quantiles(mine, self.b)
