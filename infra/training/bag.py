"""A bag of hashed n-grams trained by gradient: one table of vectors for all heads, a linear layer a head.

A text is the weighted mean of the vectors of its n-grams, weighted by how rare they are, at length one (in the sense
of its weights, as TF-IDF has it). Only the rows that a batch touches are moved, each at its own pace (Adagrad by row).
Everything is numpy and scipy on one thread, so that a seed gives the same table every time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Second = Literal["outside", "anger", ""]

_LENGTH: Final = 1e-6
_CALM: Final = 1e-8


class HeadText(NamedTuple):
    """The examples of a head as rows of the feature matrix.

    `rows` with `classes`; `outside` are rows of no class. `anger` [rows]: 0..1, or not a number where unknown.
    `classes_in_all`: how many classes the head has. `second`: what its last column means.
    """

    name: str
    rows: NDArray[np.intp]
    classes: NDArray[np.intp]
    classes_in_all: int
    outside: NDArray[np.intp]
    anger: Floats
    second: Second
    epochs: float


class Pace(NamedTuple):
    """How to train. `drop`: share of n-grams left out at random. `smooth`: label smoothing. `scale`: of the logits.
    `outside_share`: rows outside that go with a batch, as a share of it."""

    width: int
    batch: int
    rate: float
    drop: float
    smooth: float
    scale: float
    outside_share: float


class Linear(NamedTuple):
    """A head: logits are `bag @ weights + bias`; columns are its classes, then its second figure if it has one."""

    weights: Floats
    bias: Floats


class Trained(NamedTuple):
    """`table` [features, width] and the heads by name."""

    table: Floats
    heads: dict[str, Linear]


def weighed(counts: sparse.csr_matrix, rarity: Floats) -> sparse.csr_matrix:
    """Counts of n-grams as the weights of a mean: by rarity, at length one. As the exported graph does it: there an
    n-gram that comes twice is two entries, also in the length."""
    weights = counts.astype(np.float32)
    squares = weights.data * rarity[counts.indices] ** 2
    weights.data = weights.data * rarity[counts.indices]
    lengths = np.sqrt(np.add.reduceat(np.append(squares, np.float32(0)), counts.indptr[:-1])).astype(np.float32)
    lengths[np.diff(counts.indptr) == 0] = 1
    weights.data /= np.repeat(lengths + np.float32(_LENGTH), np.diff(counts.indptr))
    return weights


def rarity(counts: sparse.csr_matrix, power: float, at_least: int) -> Floats:
    """[features]: how much an n-gram counts: the rarer the more; 0 for one in fewer than `at_least` texts."""
    texts = np.bincount(counts.indices, minlength=counts.shape[1])
    weight = np.log((1 + counts.shape[0]) / (1 + texts)) + 1
    weight[texts < at_least] = 0
    return np.asarray(weight**power, np.float32)


def train(
    features: sparse.csr_matrix, heads: Sequence[HeadText], pace: Pace, seed: int, report: Callable[[float], None]
) -> Trained:
    """Trains table and heads on `features` [texts, features], from `weighed`. `report`: the share done, 0..1."""
    random = np.random.default_rng(seed)
    trainer = _Trainer(features, heads, pace, random)
    batches = _batches(heads, pace, random)
    for number, (head, rows) in enumerate(batches):
        if number % 50 == 0:
            report(number / len(batches))
        trainer.step(head, rows, pace.rate * (1 - number / len(batches)))
    return Trained(trainer.table, {h.name: trainer.heads[h.name] for h in heads})


def _batches(
    heads: Sequence[HeadText], pace: Pace, random: np.random.Generator
) -> list[tuple[HeadText, NDArray[np.intp]]]:
    """Which rows of which head (places in its `rows`), batch by batch, the heads mixed evenly."""
    placed: list[tuple[float, int, NDArray[np.intp]]] = []
    for number, head in enumerate(heads):
        wanted = round(head.epochs * len(head.rows))
        epochs = [random.permutation(len(head.rows)) for _ in range(-(-wanted // max(1, len(head.rows))))]
        order = np.concatenate(epochs)[:wanted] if epochs else np.zeros(0, np.intp)
        starts = range(0, len(order), pace.batch)
        for place, start in enumerate(starts):
            when = (place + random.random()) / len(starts)
            placed.append((when, number, order[start : start + pace.batch]))
    return [(heads[number], rows) for _, number, rows in sorted(placed, key=lambda entry: entry[:2])]


class _Trainer:
    def __init__(
        self, features: sparse.csr_matrix, heads: Sequence[HeadText], pace: Pace, random: np.random.Generator
    ) -> None:
        self._features = features
        self._pace = pace
        self._random = random
        width = pace.width
        self.table: Floats = self._normal((features.shape[1], width), 0.05 / width**0.5)
        self._moved: Floats = np.full(features.shape[1], _CALM, np.float32)
        self.heads: dict[str, Linear] = {}
        self._speeds: dict[str, Linear] = {}
        for head in heads:
            columns = head.classes_in_all + (1 if head.second else 0)
            self.heads[head.name] = Linear(self._normal((width, columns), width**-0.5), np.zeros(columns, np.float32))
            self._speeds[head.name] = Linear(
                np.full((width, columns), _CALM, np.float32), np.full(columns, _CALM, np.float32)
            )

    def step(self, head: HeadText, chosen: NDArray[np.intp], rate: float) -> None:
        """One batch: `chosen` are places in the head's rows."""
        pace, linear = self._pace, self.heads[head.name]
        beside = self._beside(head, len(chosen))
        own = self._features[np.concatenate((head.rows[chosen], beside))]
        kept = self._random.random(len(own.data), dtype=np.float32) >= pace.drop
        own.data *= kept
        own.data /= np.float32(1 - pace.drop)
        touched, places = np.unique(own.indices, return_inverse=True)
        entries = sparse.csr_matrix((own.data, places.astype(np.int32), own.indptr), (own.shape[0], len(touched)))
        bags = entries @ self.table[touched]
        scale = np.float32(pace.scale)
        wrong = self._wrong(head, chosen, len(beside), scale * (bags @ linear.weights) + linear.bias)
        wrong *= np.float32(1 / len(chosen))
        back = entries.T @ (scale * (wrong @ linear.weights.T))
        self._move(head.name, scale * (bags.T @ wrong), wrong.sum(axis=0), np.float32(rate))
        self._moved[touched] += np.square(back).mean(axis=1)
        self.table[touched] -= np.float32(rate) * back / np.sqrt(self._moved[touched])[:, None]

    def _wrong(self, head: HeadText, chosen: NDArray[np.intp], beside: int, logits: Floats) -> Floats:
        """How far the answers are from what they should be: the gradient at the logits."""
        count = len(chosen)
        columns = logits.shape[1] - (1 if head.second == "anger" else 0)
        wanted = np.full((count + beside, columns), self._pace.smooth / columns, np.float32)
        wanted[np.arange(count), head.classes[chosen]] += 1 - self._pace.smooth
        wanted[count:, -1] += 1 - self._pace.smooth
        answers = logits[:, :columns]
        answers = np.exp(answers - answers.max(axis=1, keepdims=True))
        wrong: Floats = np.zeros_like(logits)
        wrong[:, :columns] = answers / answers.sum(axis=1, keepdims=True) - wanted
        if head.second == "anger":
            known = np.nan_to_num(head.anger[chosen], nan=-1.0)
            wrong[:, -1] = np.where(known >= 0, 1 / (1 + np.exp(-logits[:, -1])) - known, 0)
        return wrong

    def _beside(self, head: HeadText, count: int) -> NDArray[np.intp]:
        if head.second != "outside":
            return np.zeros(0, np.intp)
        places = self._random.integers(0, len(head.outside), max(1, round(count * self._pace.outside_share)))
        return np.asarray(head.outside[places])

    def _move(self, name: str, weights: Floats, bias: Floats, rate: np.float32) -> None:
        for value, speed, slope in zip(self.heads[name], self._speeds[name], (weights, bias), strict=True):
            speed += slope**2
            value -= rate * slope / np.sqrt(speed)

    def _normal(self, size: tuple[int, int], spread: float) -> Floats:
        return self._random.standard_normal(size, dtype=np.float32) * np.float32(spread)
