"""Asking a judge blind: which reply stands first is drawn by seed, and every pair is asked both ways round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.models.judge import Asked, Judge, Opinion

NOT_ASKED: Final = np.nan


class Pair(NamedTuple):
    """Two replies to one message. `key`: the turn's id, by which the order is drawn. See `Asked` for the rest."""

    key: str
    question: str
    history: str
    a: str
    b: str


@dataclass(frozen=True)
class Judged:
    """What a judge said of pairs, row by row. NaN: it said nothing that can be understood, or had nothing to judge.

    preferred: [pairs, 2], once for each order: 1 the reply of B is better, 0 that of A, 0.5 neither. The first column
    is the order that was drawn, the second the other one. confidence: [pairs, 2]. why: of the drawn order.
    drawn: whether A stood first in it. asked: whether the pair was asked; equal replies are a tie without asking, and
    a pair without any reply on a side is not judged at all. unreadable: answers that could not be understood.
    """

    judge: str
    fingerprint: str
    preferred: NDArray[np.float64]
    confidence: NDArray[np.float64]
    why: tuple[str, ...]
    drawn: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    unreadable: int

    @property
    def scores(self) -> NDArray[np.float64]:
        """[pairs]: B's share of the two judgements, 0 to 1; A's is one minus it. A judge that follows the place gives
        0.5. NaN unless both orders were answered."""
        scores: NDArray[np.float64] = self.preferred.mean(axis=1)
        return scores

    @property
    def position_bias(self) -> float:
        """How much more often than not the reply that stands first wins, -1 to 1, of the asked pairs that were not a
        tie; 0 for a judge to whom the place is nothing. NaN where there is none."""
        first_is_b = np.stack([~self.drawn, self.drawn], axis=1)
        decided = self.asked[:, None] & np.isfinite(self.preferred) & (self.preferred != 0.5)
        won = np.where(first_is_b, self.preferred, 1 - self.preferred)[decided]
        return float(2 * won.mean() - 1) if len(won) else float("nan")


def judged(judge: Judge, pairs: Sequence[Pair], seed: int) -> Judged:
    """Asks a judge about every pair whose replies differ, both ways round, in an order that says nothing of whose they
    are. Raises CannotRun where what judges is away.
    """
    drawn = np.array([_bit(seed, pair.key) for pair in pairs], bool)
    asked = np.array([bool(pair.a and pair.b and pair.a != pair.b) for pair in pairs], bool)
    preferred = np.full((len(pairs), 2), NOT_ASKED)
    preferred[[bool(pair.a) and pair.a == pair.b for pair in pairs]] = 0.5
    confidence = np.full((len(pairs), 2), np.nan)
    why = [""] * len(pairs)
    questions = [(int(row), way) for row in np.flatnonzero(asked) for way in (0, 1)]
    questions.sort(key=lambda question: _digest(seed, pairs[question[0]].key, question[1]))
    given = [_asked(pairs[row], bool(drawn[row]) != bool(way)) for row, way in questions]
    answers = judge.judge(given) if given else ()
    for (row, way), opinion in zip(questions, answers, strict=True):
        if opinion is None:
            continue
        preferred[row, way] = _of_b(opinion, bool(drawn[row]) != bool(way))
        confidence[row, way] = opinion.confidence
        why[row] = opinion.why if way == 0 else why[row]
    unreadable = sum(opinion is None for opinion in answers)
    return Judged(judge.name, judge.fingerprint, preferred, confidence, tuple(why), drawn, asked, unreadable)


def _asked(pair: Pair, a_first: bool) -> Asked:
    first, second = (pair.a, pair.b) if a_first else (pair.b, pair.a)
    return Asked(pair.question, pair.history, first, second)


def _of_b(opinion: Opinion, a_first: bool) -> float:
    if opinion.better == "tie":
        return 0.5
    return float((opinion.better == "second") == a_first)


def _bit(seed: int, key: str) -> bool:
    return _digest(seed, key, "first")[0] < 128


def _digest(seed: int, key: str, what: object) -> bytes:
    return sha256(f"{seed}|{key}|{what}".encode("utf-8", "replace")).digest()
