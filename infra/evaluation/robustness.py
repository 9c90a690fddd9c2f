"""What typing badly costs: accuracy on texts as they are and as damaged, over exactly the rows that were changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import numpy as np

from infra.evaluation.figures import Drop
from infra.evaluation.intervals import SEED, paired_share, wilson
from infra.evaluation.perturbations import PERTURBATIONS, Perturbation
from infra.evaluation.scoring import Answers, Model, answer, some

ROWS: Final = 2000
"""At most so many rows of a group are damaged, drawn with a fixed seed."""


def robustness(
    model: Model,
    answers: Sequence[Answers],
    perturbations: Sequence[Perturbation] = PERTURBATIONS,
    done: Callable[[int], None] = lambda _: None,
) -> tuple[Drop, ...]:
    """The drop of accuracy by each perturbation, over the in-scope rows of all groups that it changed.

    A row is damaged in the same way in every run: its random source is seeded by the perturbation and its text.
    `done` is told of rows as they are answered again.
    """
    return tuple(_drop(model, answers, perturbation, done) for perturbation in perturbations)


def _drop(model: Model, answers: Sequence[Answers], kind: Perturbation, done: Callable[[int], None]) -> Drop:
    before, after = [np.zeros(0, bool)], [np.zeros(0, bool)]
    example = None
    for each in answers:
        changed = _changed(each, kind)
        if not changed:
            continue
        rows = list(changed)
        again = answer(model, some(each.question, rows), list(changed.values()), done)
        before.append(each.right[rows])
        after.append(again.right)
        broken = [i for i, row in enumerate(rows) if each.right[row] and not again.right[i]]
        if example is None or broken:
            row = rows[broken[0] if broken else 0]
            example = (each.question.group.rows[row].text, changed[row])
    was, is_ = np.concatenate(before), np.concatenate(after)
    return Drop(
        kind.name,
        kind.about,
        len(was),
        wilson(int(was.sum()), len(was)),
        wilson(int(is_.sum()), len(is_)),
        paired_share(was, is_),
        example,
    )


def _changed(answers: Answers, kind: Perturbation) -> dict[int, str]:
    """The damaged texts by row, of those that are not as they were."""
    rows = np.flatnonzero(answers.in_scope).tolist()
    if len(rows) > ROWS:
        rows = sorted(Random(SEED).sample(rows, ROWS))
    found = {}
    for row in rows:
        text = answers.question.group.rows[row].text
        damaged = kind.apply(text, Random(f"{SEED}|{kind.name}|{text}"))
        if damaged != text:
            found[row] = damaged
    return found
