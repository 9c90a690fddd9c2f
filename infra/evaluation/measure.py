"""The figures of a bundle on data, by group and in all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infra.evaluation.calibration import calibration
from infra.evaluation.confusions import confusions
from infra.evaluation.figures import Class, Evaluation, Family, GroupFigures, OutOfScope
from infra.evaluation.intervals import Estimate, macro_f1, wilson
from infra.evaluation.label_map import LabelMap
from infra.evaluation.outside import THRESHOLD, auroc, out_of_scope
from infra.evaluation.reading import Group
from infra.evaluation.scoring import POLES, Answers, Model, answer, pose


def ask(
    model: Model,
    groups: Sequence[Group],
    labels: LabelMap | None = None,
    head: str | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> tuple[Answers, ...]:
    """The model's answers to each group; `done` is told of every batch of rows. Raises EvaluationError (`pose`)."""
    questions = [pose(model, group, labels, head) for group in groups]
    return tuple(answer(model, question, [row.text for row in question.group.rows], done) for question in questions)


def evaluate(fingerprint: str, answers: Sequence[Answers]) -> Evaluation:
    """The figures of all groups, and of the rows of all of them together. Latency and robustness are left out."""
    groups = tuple(figures(each) for each in answers)
    in_scope = _joined([a.in_scope for a in answers])
    right = _joined([a.right for a in answers])[in_scope]
    outside = _outside([a for a in answers if _scored_outside(a)])
    accuracy = wilson(int(right.sum()), len(right))
    f1 = [group.macro_f1.value for group in groups if group.macro_f1 is not None]
    return Evaluation(
        fingerprint,
        accuracy if accuracy is not None else (outside.recall if outside is not None else None),
        len(in_scope),
        len(right),
        sum(f1) / len(f1) if f1 else None,
        _answered(answers),
        calibration(
            _joined([a.confidence for a in answers])[in_scope],
            right,
            _joined([a.truth_probability for a in answers])[in_scope],
        ),
        outside,
        groups,
    )


def figures(answers: Answers) -> GroupFigures:
    """The figures of one group."""
    question, inside = answers.question, answers.in_scope
    right = answers.right[inside]
    known = answers.truth[inside] >= 0
    return GroupFigures(
        question.group.name,
        question.head,
        question.by,
        len(inside),
        int(inside.sum()),
        wilson(int(right.sum()), len(right)),
        None if known.all() else wilson(int(right[known].sum()), int(known.sum())),
        _macro_f1(answers),
        _answered([answers]),
        calibration(answers.confidence[inside], right, answers.truth_probability[inside]),
        _outside([answers]) if _scored_outside(answers) else None,
        _anger(answers),
        question.unknown,
        _families(answers),
        _classes(answers),
        confusions(answers),
        _notes(answers),
    )


def numbered(answers: Answers) -> tuple[NDArray[np.int64], int]:
    """The truth of the rows in scope, what the head does not know having numbers of its own, and how many there are."""
    question, truth = answers.question, answers.truth.copy()
    numbers = {name: len(question.classes) + i for i, name in enumerate(question.unknown)}
    for i in np.flatnonzero(answers.in_scope & (truth < 0)):
        truth[i] = numbers[question.names[i]]
    return truth[answers.in_scope], len(question.classes) + len(numbers)


def _macro_f1(answers: Answers) -> Estimate | None:
    truth, classes = numbered(answers)
    return macro_f1(truth, answers.predicted[answers.in_scope], classes)


def _scored_outside(answers: Answers) -> bool:
    """Whether there is anything out of scope to find."""
    return bool(answers.question.outside.any()) and not answers.question.sentiment


def _outside(answers: Sequence[Answers]) -> OutOfScope | None:
    if not answers:
        return None
    return out_of_scope(_joined([a.second for a in answers]), _joined([a.question.outside for a in answers]))


def _answered(answers: Sequence[Answers]) -> Estimate | None:
    """How often what a customer would get is right: the class, or that it is out of scope."""
    right = of = 0
    for a in answers:
        if not a.question.sentiment:
            refused = a.second >= THRESHOLD
            right += int((a.right & ~refused).sum() + (a.question.outside & refused).sum())
            of += len(refused)
    return wilson(right, of)


def _anger(answers: Answers) -> float | None:
    """The AUROC of the anger score, over the rows that say whether they are angry."""
    said = [(i, row.angry) for i, row in enumerate(answers.question.group.rows) if row.angry is not None]
    if not said or not answers.question.sentiment:
        return None
    return auroc(answers.second[[i for i, _ in said]], np.array([angry for _, angry in said]))


def _classes(answers: Answers) -> tuple[Class, ...]:
    """Every class that the data holds, those answered worst first; those the head does not know among them."""
    question = answers.question
    rows: Counter[str] = Counter()
    right: Counter[str] = Counter()
    called: Counter[str] = Counter()
    for i in np.flatnonzero(answers.in_scope).tolist():
        name = question.name_of_truth(i, answers.truth[i])
        rows[name] += 1
        right[name] += bool(answers.right[i])
        called[question.classes[answers.predicted[i]]] += 1
    found = [_class(name, rows[name], right[name], called[name]) for name in rows]
    return tuple(sorted(found, key=lambda c: (c.f1, -c.rows, c.name)))


def _class(name: str, rows: int, right: int, called: int) -> Class:
    recall = wilson(right, rows)
    assert recall is not None
    return Class(name, rows, recall, right / called if called else None, 2 * right / (rows + called))


def _families(answers: Answers) -> tuple[Family, ...]:
    """By the scenario family of the truth, largest first. With a label map the classes are the families."""
    question = answers.question
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    if question.by == "label" and not question.families:
        return ()
    for i in np.flatnonzero(answers.in_scope).tolist():
        if question.by == "label" and answers.truth[i] < 0:
            continue
        truth, predicted = question.name_of_truth(i, answers.truth[i]), question.classes[answers.predicted[i]]
        family, right = question.family(truth), bool(answers.right[i])
        for place, count in enumerate((1, right, right or question.family(predicted) == family)):
            counts[family][place] += count
    found = [_family(name, *three) for name, three in counts.items()]
    return tuple(sorted(found, key=lambda f: (-f.rows, f.name)))


def _family(name: str, rows: int, right: int, same: int) -> Family:
    accuracy, same_family = wilson(right, rows), wilson(same, rows)
    assert accuracy is not None
    assert same_family is not None
    return Family(name, rows, accuracy, same_family)


def _notes(answers: Answers) -> tuple[str, ...]:
    """What must be known to read the figures."""
    question, notes = answers.question, []
    if question.outside.any():
        notes.append(
            f"accuracy is over the {int(answers.in_scope.sum()):,} rows in scope, by the best in-scope answer; "
            f"{int(question.outside.sum()):,} rows are out of scope"
        )
    if question.sentiment and question.classes == POLES:
        notes.append("the data has no neutral texts: only positive and negative are compared")
    several = sum(len(right) > 1 for right in question.truths)
    if several:
        notes.append(f"rows with several labels, each of which counts as right: {several:,}")
    return tuple(notes)


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate(parts)
