"""Two bundles on the same rows: the difference with its interval, an exact test, and what each alone got right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.evaluation.confusions import short
from infra.evaluation.figures import Evaluation
from infra.evaluation.intervals import Estimate, mcnemar, paired_share
from infra.evaluation.outside import THRESHOLD
from infra.evaluation.scoring import Answers

EXAMPLES: Final = 10
SURE: Final = 0.05
"""Below this p-value a difference is called one."""


@dataclass(frozen=True)
class Disagreement:
    """A text that one of the two got right: what is right, and what each said."""

    text: str
    truth: str
    this: str
    other: str


@dataclass(frozen=True)
class Pairs:
    """In-scope rows by who was right, and the difference in accuracy: this minus other. p: McNemar, exact."""

    name: str
    both: int
    only_this: int
    only_other: int
    neither: int
    difference: Estimate | None
    p: float


@dataclass(frozen=True)
class Comparison:
    """This bundle against `other`, whose own figures are `evaluation`.

    out_of_scope_recall: the paired difference at each one's own threshold. fixed, broken: texts that only this, or
    only the other, got right.
    """

    evaluation: Evaluation
    all: Pairs
    groups: tuple[Pairs, ...]
    out_of_scope_recall: Estimate | None
    fixed: tuple[Disagreement, ...]
    broken: tuple[Disagreement, ...]

    @property
    def verdict(self) -> str:
        """better, worse, or no difference shown."""
        if self.all.p >= SURE or self.all.difference is None:
            return "no difference shown"
        return "better" if self.all.difference.value > 0 else "worse"


def compare(this: Sequence[Answers], other: Sequence[Answers], evaluation: Evaluation) -> Comparison:
    """Both hold the answers to the same groups, in order; `evaluation`: the figures of `other`."""
    groups = tuple(_pairs(a.question.group.name, _right(a), _right(b)) for a, b in zip(this, other, strict=True))
    first, second = np.concatenate([_right(a) for a in this]), np.concatenate([_right(b) for b in other])
    pairs = list(zip(this, other, strict=True))
    return Comparison(
        evaluation,
        _pairs("all", first, second),
        groups,
        _recall(pairs),
        _disagreements(pairs, lambda a, b: a & ~b),
        _disagreements(pairs, lambda a, b: b & ~a),
    )


def _right(answers: Answers) -> NDArray[np.bool_]:
    return answers.right[answers.in_scope]


def _pairs(name: str, this: NDArray[np.bool_], other: NDArray[np.bool_]) -> Pairs:
    only_this, only_other = int((this & ~other).sum()), int((other & ~this).sum())
    both, neither = int((this & other).sum()), int((~this & ~other).sum())
    return Pairs(name, both, only_this, only_other, neither, paired_share(this, other), mcnemar(only_this, only_other))


def _recall(pairs: Sequence[tuple[Answers, Answers]]) -> Estimate | None:
    found = [(a.second[~a.in_scope], b.second[~a.in_scope]) for a, b in pairs if not a.question.sentiment]
    if not found:
        return None
    this, other = (np.concatenate(side) >= THRESHOLD for side in zip(*found, strict=True))
    return paired_share(this, other)


def _disagreements(
    pairs: Sequence[tuple[Answers, Answers]],
    chosen: Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.bool_]],
) -> tuple[Disagreement, ...]:
    """Those where the one that was wrong was surest, spread over the groups."""
    found = []
    for a, b in pairs:
        rows = np.flatnonzero(chosen(a.right, b.right) & a.in_scope)
        rows = rows[np.argsort(-np.maximum(a.confidence, b.confidence)[rows], kind="stable")]
        found += [(place, _disagreement(a, b, row)) for place, row in enumerate(rows[:EXAMPLES].tolist())]
    found.sort(key=lambda item: item[0])
    return tuple(each for _, each in found[:EXAMPLES])


def _disagreement(a: Answers, b: Answers, row: int) -> Disagreement:
    said, said_by_other = a.question.classes[a.predicted[row]], b.question.classes[b.predicted[row]]
    return Disagreement(short(a.question.group.rows[row].text), a.question.names[row], said, said_by_other)
