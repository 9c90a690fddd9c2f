"""What a head is asked about a group of rows, and what it answered.

A group is answered by the head whose labels cover the group's: one that the group's name begins with (`shop` for
`shop_test`, `shop.two` for a scenario `two`) if there is one, else the one with the fewest labels. With a label
map, both the data's labels and the head's become scenario families.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from infra.evaluation.errors import EvaluationError
from infra.evaluation.label_map import LabelMap
from infra.evaluation.reading import Group, Line
from infra.training.data import OUTSIDE, SENTIMENTS
from streams.models.bundle import Prediction
from streams.models.manifest import Head

OTHER: Final = "other"
"""The family of a label that names none."""
POLES: Final = ("negative", "positive")
CHUNK: Final = 256
"""Texts handed to a bundle at once."""


class Model(Protocol):
    """What is measured: a `streams.models.bundle.Bundle`, or whatever answers like one."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def heads(self) -> Mapping[str, Head]: ...
    @property
    def default_head(self) -> str: ...
    def predict(self, texts: Sequence[str], head: str | None = None) -> Prediction: ...


@dataclass(frozen=True)
class Question:
    """A group of rows put to a head.

    by: `label` or `family`. classes: what can be answered, labels or families, without those that mean out of scope.
    spread: [labels of the head] the class of each, -1 for none. truths: the classes that are right for each row; ()
    where the head knows none. names: the row's label or family, in words. outside: [n] whether the row is out of scope.
    unknown: rows by name of those that are neither. families: by label, where the head says so.
    """

    group: Group
    head: str
    by: str
    classes: tuple[str, ...]
    spread: NDArray[np.int64]
    truths: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    outside: NDArray[np.bool_]
    unknown: Mapping[str, int]
    families: Mapping[str, str]
    sentiment: bool

    def name_of_truth(self, row: int, truth: int) -> str:
        """What is right for a row: the class `truth`, or where that is -1 the data's own name."""
        return self.classes[truth] if truth >= 0 else self.names[row]

    def family(self, name: str) -> str:
        """The scenario family of a class."""
        return name if self.by == "family" else self.families.get(name, OTHER)


@dataclass(frozen=True)
class Answers:
    """What the head said to each row [n]. `predicted` and `truth` are classes; a truth of -1 is no class of the head.

    confidence: of the class predicted. truth_probability: of the class that is right, 0 where unknown. second: the
    out-of-scope score, 0 to 1, at least the probability of labels that mean out of scope; anger, for sentiment. right:
    never for rows that are out of scope.
    """

    question: Question
    predicted: NDArray[np.int64]
    truth: NDArray[np.int64]
    confidence: NDArray[np.float64]
    truth_probability: NDArray[np.float64]
    second: NDArray[np.float64]

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray(self.predicted == self.truth)

    @property
    def in_scope(self) -> NDArray[np.bool_]:
        return ~self.question.outside


def pose(model: Model, group: Group, labels: LabelMap | None = None, head: str | None = None) -> Question:
    """The question that a group puts to a model.

    Raises:
        EvaluationError: the model has no head of that name, the label map does not know the set, or the head has no
            families to map to.
    """
    if head is not None and head not in model.heads:
        raise EvaluationError(f"--head {head}: {model.fingerprint} has no such head; it has {', '.join(model.heads)}")
    if labels is not None:
        return _by_family(model, group, labels, head or model.default_head)
    return _by_label(model, group, head or _choose(model, group))


def answer(model: Model, question: Question, texts: Sequence[str], done: Callable[[int], None]) -> Answers:
    """What the model says to the texts, one for each row of the question; `done` is told of texts as they are done."""
    probabilities, seconds = [], []
    for begin in range(0, len(texts), CHUNK):
        part = list(texts[begin : begin + CHUNK])
        predicted = model.predict(part, head=question.head)
        probabilities.append(predicted.probabilities)
        seconds.append(predicted.second)
        done(len(part))
    return _judged(question, np.concatenate(probabilities).astype(np.float64), np.concatenate(seconds))


def some(question: Question, rows: Sequence[int]) -> Question:
    """The same question for some of its rows, by number."""
    return replace(
        question,
        group=question.group._replace(rows=tuple(question.group.rows[i] for i in rows)),
        truths=tuple(question.truths[i] for i in rows),
        names=tuple(question.names[i] for i in rows),
        outside=question.outside[list(rows)],
    )


def _judged(question: Question, probabilities: NDArray[np.float64], second: NDArray[Any]) -> Answers:
    kept = question.spread >= 0
    by_class = probabilities @ (question.spread[:, None] == np.arange(len(question.classes))).astype(np.float64)
    second = second.astype(np.float64)
    if not kept.all():
        if not question.sentiment:
            second = np.maximum(second, probabilities[:, ~kept].sum(axis=1))
        by_class /= np.maximum(by_class.sum(axis=1, keepdims=True), 1e-12)
    predicted = by_class.argmax(axis=1)
    truth = np.array(
        [p if p in right else (right[0] if right else -1) for p, right in zip(predicted, question.truths, strict=True)],
        np.int64,
    )
    rows = np.arange(len(truth))
    of_truth = np.where(truth >= 0, by_class[rows, np.maximum(truth, 0)], 0.0)
    return Answers(question, predicted.astype(np.int64), truth, by_class.max(axis=1), of_truth, second)


def _choose(model: Model, group: Group) -> str:
    """The head for a group's labels: one that covers them, else the one that covers most rows."""
    wanted = Counter(row.label for row in group.rows if row.label not in OUTSIDE)
    words, scenario = _words(group.name), _words(group.name.removeprefix(group.set_name))

    def rank(name: str) -> tuple[int, bool, bool, int, bool]:
        known, own = set(model.heads[name].labels), _words(name)
        missed = sum(count for label, count in wanted.items() if label not in known and known.isdisjoint(_parts(label)))
        of_its_name = words[: len(own)] == own
        of_scenario = bool(scenario) and own[-len(scenario) :] == scenario
        return missed, not of_its_name, not of_scenario, len(known), name != model.default_head

    return min(model.heads, key=rank)


def _words(name: str) -> list[str]:
    return re.findall("[a-z0-9]+", name.lower())


def _by_label(model: Model, group: Group, head: str) -> Question:
    known = model.heads[head].labels
    said = {label for row in group.rows for label in row.labels}
    only_poles = set(known) == set(SENTIMENTS) and said <= set(POLES)
    classes = tuple(label for label in known if label not in OUTSIDE and (not only_poles or label in POLES))
    return _question(
        group, head, "label", classes, known, {label: label for label in said}, model.heads[head].scenarios
    )


def _by_family(model: Model, group: Group, labels: LabelMap, head: str) -> Question:
    families_of_head = model.heads[head].scenarios
    if not families_of_head:
        raise EvaluationError(
            f"--label-map: the head {head} of {model.fingerprint} has no scenario families; leave the map out"
        )
    if not labels.knows(group.set_name):
        raise EvaluationError(
            f"--label-map: the map has no set for {group.set_name}; it has {', '.join(labels.names)}: "
            "rename the file, or add the set to the map"
        )
    known = tuple(families_of_head.get(label, OTHER) for label in model.heads[head].labels)
    classes = tuple(dict.fromkeys(family for family in known if family not in OUTSIDE))
    said = {label for row in group.rows for label in row.labels}
    mapped = {label: labels.family(group.set_name, label) or families_of_head.get(label, label) for label in said}
    return _question(group, head, "family", classes, known, mapped, {})


def _question(
    group: Group,
    head: str,
    by: str,
    classes: tuple[str, ...],
    known: tuple[str, ...],
    said: Mapping[str, str],
    families: Mapping[str, str],
) -> Question:
    number = {name: i for i, name in enumerate(classes)}
    names = tuple("|".join(dict.fromkeys(said[label] for label in row.labels)) for row in group.rows)
    outside = np.array([_is_outside(row, said) for row in group.rows])
    truths = tuple(_truths(row, said, number) for row in group.rows)
    unknown = Counter(name for name, right, out in zip(names, truths, outside, strict=True) if not right and not out)
    return Question(
        group,
        head,
        by,
        classes,
        np.array([number.get(name, -1) for name in known], np.int64),
        truths,
        names,
        outside,
        dict(unknown.most_common()),
        families,
        set(known) <= set(SENTIMENTS),
    )


def _parts(label: str) -> list[str]:
    return label.split("|")


def _is_outside(row: Line, said: Mapping[str, str]) -> bool:
    return all(said[label] in OUTSIDE for label in row.labels)


def _truths(row: Line, said: Mapping[str, str], number: Mapping[str, int]) -> tuple[int, ...]:
    """A head that has `a|b` for a label of its own must say just that; one that has not may say either."""
    if row.label in number:
        return (number[row.label],)
    return tuple(dict.fromkeys(number[said[label]] for label in row.labels if said[label] in number))
