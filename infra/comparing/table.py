"""Turns as columns: what the metrics are worked out from, whether they were read from ClickHouse or simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Ids = NDArray[np.uint64]
Words = NDArray[np.object_]


@dataclass(frozen=True)
class Turns:
    """n turns of one run, ordered by session, then time.

    key: 64 bits of tenant, session and turn, the same in every run; session: of tenant and session. started: when the
    customer wrote, microseconds UTC. numbers: columns of figures, NaN where a turn has none; flags are 0 or 1, times in
    seconds. words: columns of words, "" where a turn has none. fields: a hash a decision field, equal where the
    decision is the same. models: by task, a hash of the model that made the signal, 0 where there is none. computed: a
    hash of the parts that the run worked out anew, by which times can be compared; 0 where it was not measured.
    """

    key: Ids
    session: Ids
    started: NDArray[np.int64]
    numbers: Mapping[str, Numbers]
    words: Mapping[str, Words]
    fields: Mapping[str, Ids] = field(default_factory=dict)
    models: Mapping[str, Ids] = field(default_factory=dict)
    computed: Ids | None = None

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """These rows, in this order."""
        return type(self)(
            self.key[rows],
            self.session[rows],
            self.started[rows],
            {name: column[rows] for name, column in self.numbers.items()},
            {name: column[rows] for name, column in self.words.items()},
            {name: column[rows] for name, column in self.fields.items()},
            {name: column[rows] for name, column in self.models.items()},
            None if self.computed is None else self.computed[rows],
        )

    def in_order(self) -> Self:
        """The same turns by session, then time."""
        return self.take(np.lexsort((self.key, self.started, self.session)))

    def number(self, name: str) -> Numbers:
        """A column of figures; all NaN where the table has none of that name."""
        found = self.numbers.get(name)
        return np.full(len(self), np.nan) if found is None else found

    def word(self, name: str) -> Words:
        """A column of words; all empty where the table has none of that name."""
        found = self.words.get(name)
        return np.full(len(self), "", dtype=object) if found is None else found

    @property
    def firsts(self) -> NDArray[np.bool_]:
        """Whether a turn is its session's first here."""
        starts = np.ones(len(self), dtype=bool)
        starts[1:] = self.session[1:] != self.session[:-1]
        return starts

    @property
    def codes(self) -> NDArray[np.int64]:
        """Each turn's session, numbered from 0 in the order of the rows."""
        return np.cumsum(self.firsts) - 1

    @property
    def sessions(self) -> int:
        return int(self.firsts.sum())


@dataclass(frozen=True)
class Pairs:
    """The turns that both runs have, row by row, and how many turns only one of them has."""

    a: Turns
    b: Turns
    only_a: int
    only_b: int

    def take(self, rows: NDArray[np.bool_]) -> Pairs:
        """The pairs of these rows; what was unpaired stays as it was counted."""
        return Pairs(self.a.take(rows), self.b.take(rows), self.only_a, self.only_b)


def pair(a: Turns, b: Turns) -> Pairs:
    """Pairs the turns of two runs by tenant, session and turn; ordered by session, then time in `a`."""
    _, of_a, of_b = np.intersect1d(a.key, b.key, assume_unique=True, return_indices=True)
    order = np.argsort(of_a, kind="stable")
    paired = len(order)
    return Pairs(a.take(of_a[order]), b.take(of_b[order]), len(a) - paired, len(b) - paired)
