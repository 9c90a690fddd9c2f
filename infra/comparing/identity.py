"""How alike two runs' decisions are: worked out from the facts themselves, not from what a replay says of itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from infra.comparing.data import PART_SECONDS, SCORES
from infra.comparing.result import Confusion, Curve, Identity, Survival
from infra.comparing.table import Numbers, Pairs
from streams.replay.differences import TOLERANCE, not_compared

SCORES_DIFFER: Final = "scores"
LEVELS: Final = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
_LONGEST: Final = 12
"""Turns into a session that survival is shown for."""
_WEIGHTS: Final[Mapping[str, float]] = {
    "owner": 8.0,
    "handoff": 8.0,
    "scenario": 4.0,
    "reply.rung": 2.0,
    "template": 1.5,
    "step": 1.5,
    "intent.label": 1.0,
    "reply.text": 1.0,
}
"""What a reader wants to see first: who answers, then which scenario, by which rung, in which words."""
_OTHER: Final = 0.1


def differing(pairs: Pairs, changed: Collection[str] = ()) -> dict[str, NDArray[np.bool_]]:
    """By decision field, whether each pair differs; `scores` for any score further off than rounding explains.

    changed: what either run's candidate replaces. Fields that only name it are left out.
    """
    left_out = not_compared(changed)
    names = [name for name in pairs.a.fields if name in pairs.b.fields and name not in left_out]
    found = {name: pairs.a.fields[name] != pairs.b.fields[name] for name in names}
    return {**found, SCORES_DIFFER: np.nan_to_num(_scores(pairs)) > TOLERANCE}


def _scores(pairs: Pairs) -> Numbers:
    """The biggest difference, turn by turn, of the scores that one model gave on both sides; NaN where none did."""
    result = np.full(len(pairs.a), np.nan)
    for score, task in SCORES.items():
        if task in pairs.a.models and task in pairs.b.models:
            models = pairs.a.models[task], pairs.b.models[task]
            off = np.abs(pairs.a.number(score) - pairs.b.number(score))
            result = np.fmax(result, np.where((models[0] == models[1]) & (models[0] != 0), off, np.nan))
    return result


def identity_of(pairs: Pairs, differ: Mapping[str, NDArray[np.bool_]], changed: Collection[str] = ()) -> Identity:
    """The share of pairs with every decision the same, and what differs. changed: as for `differing`."""
    turns = len(pairs.a)
    any_field = np.zeros(turns, dtype=bool)
    for rows in differ.values():
        any_field |= rows
    different = int(any_field.sum())
    by_field = {name: int(rows.sum()) for name, rows in differ.items() if rows.any()}
    scores = _scores(pairs)
    scored = int(np.isfinite(scores).sum())
    share = (turns - different) / turns if turns else float("nan")
    ordered = dict(sorted(by_field.items(), key=lambda item: -item[1]))
    score = float(np.nanmax(scores)) if scored else 0.0
    left_out = tuple(sorted(not_compared(changed)))
    return Identity(share, turns, different, ordered, pairs.only_a, pairs.only_b, score, scored, left_out)


def ranked(pairs: Pairs, differ: Mapping[str, NDArray[np.bool_]], most: int) -> list[tuple[int, float]]:
    """Rows of the pairs that differ most, with their weights, heaviest first; of equals the earliest."""
    weight = np.zeros(len(pairs.a))
    for name, rows in differ.items():
        weight += rows * _WEIGHTS.get(name, _OTHER)
    order = np.lexsort((pairs.a.key, pairs.a.started, -weight))[:most]
    return [(int(row), round(float(weight[row]), 3)) for row in order if weight[row] > 0]


def confusions(pairs: Pairs) -> tuple[Confusion, ...]:
    """How turns moved between scenarios and between intents."""
    about: tuple[Literal["scenario", "intent"], ...] = ("scenario", "intent")
    return tuple(_confusion(pairs, name) for name in about)


def _confusion(pairs: Pairs, name: Literal["scenario", "intent"]) -> Confusion:
    a, b = pairs.a.word(name), pairs.b.word(name)
    labels, codes = np.unique(np.concatenate((a, b)).astype(str), return_inverse=True)
    width = len(labels)
    counts = np.bincount(codes[: len(a)] * width + codes[len(a) :], minlength=width * width)
    cells = [(str(labels[n // width]), str(labels[n % width]), int(counts[n])) for n in np.flatnonzero(counts)]
    return Confusion(name, tuple(sorted((c for c in cells if c[0] or c[1]), key=lambda c: (-c[2], c[0], c[1]))))


def curves(pairs: Pairs) -> tuple[Curve, ...]:
    """Quantiles of times: of deciding, its parts, and the recorded latency, where both sides have them."""
    found = []
    parts: list[tuple[Literal["decision", "latency", "intent", "sentiment", "entities", "routing", "reply"], str]]
    parts = [("decision", "decision"), ("latency", "latency")]
    parts += [(part, f"seconds_{part}") for part in PART_SECONDS]
    comparable = np.ones(len(pairs.a), dtype=bool)
    if pairs.a.computed is not None and pairs.b.computed is not None:
        comparable = pairs.a.computed == pairs.b.computed
    for about, column in parts:
        a, b = pairs.a.number(column), pairs.b.number(column)
        both = np.isfinite(a) & np.isfinite(b) & (comparable | (about == "latency"))
        if both.any() and (a[both].any() or b[both].any()):
            sides = [tuple(float(v) for v in np.quantile(side[both], LEVELS)) for side in (a, b)]
            found.append(Curve(about, LEVELS, sides[0], sides[1], int(both.sum())))
    return tuple(found)


def survived(pairs: Pairs) -> NDArray[np.bool_]:
    """Pairs whose customer still answers what both sides had said; where nothing says otherwise, it does."""
    rows: NDArray[np.bool_] = (pairs.a.number("on_policy") != 0) & (pairs.b.number("on_policy") != 0)
    return rows


def survival_of(pairs: Pairs, rows: NDArray[np.bool_]) -> Survival:
    """How far free runs got. `rows`: pairs that count."""
    codes, sessions = pairs.a.codes, pairs.a.sessions
    starts = np.flatnonzero(pairs.a.firsts)
    number = np.arange(len(codes)) - starts[codes]
    by_turn = [(n + 1, float(rows[number == n].mean())) for n in range(_LONGEST) if (number == n).any()]
    whole = int((np.bincount(codes, ~rows, sessions) == 0).sum())
    return Survival(len(rows), int(rows.sum()), sessions, whole, tuple(by_turn))
