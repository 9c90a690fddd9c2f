"""An evaluation from beginning to end: data, answers, figures, latency, robustness, the other bundle, the gate."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infra.evaluation.compare import compare
from infra.evaluation.errors import EvaluationError
from infra.evaluation.figures import Latency
from infra.evaluation.gate import DEFAULT, judge, read_rules
from infra.evaluation.label_map import LabelMap, load_label_map
from infra.evaluation.latency import latency
from infra.evaluation.measure import ask, evaluate
from infra.evaluation.reading import Data, read
from infra.evaluation.result import Result
from infra.evaluation.robustness import robustness
from infra.evaluation.scoring import Answers, Model

Progress = Callable[[str, int | None], Callable[[int], None]]
"""Told of a step by its name and how many rows it has, if that is known; returns what is told of rows as they are
done."""


def silent(_name: str, _rows: int | None) -> Callable[[int], None]:
    """Progress that nobody sees."""
    return lambda _: None


@dataclass(frozen=True)
class Request:
    """What is asked: as the options of `spillway evaluate` say."""

    data: tuple[Path, ...]
    label_map: Path | None = None
    head: str | None = None
    rules: tuple[str, ...] = ()
    limit: int | None = None
    split: str | None = None
    held_out: int | None = None
    robustness: bool = False
    latency: bool = True

    def as_json(self) -> dict[str, Any]:
        return {
            "label_map": str(self.label_map) if self.label_map is not None else None,
            "head": self.head,
            "limit": self.limit,
            "split": self.split,
            "held_out": self.held_out,
            "rules": list(self.rules),
        }


def run(
    request: Request,
    bundle: str,
    model: Model,
    other: Model | None = None,
    trained_on: Collection[str] = (),
    progress: Progress = silent,
) -> Result:
    """What `model`, which was named `bundle`, is found to be, against `other` if there is one.

    trained_on: the SHA-256 of the files that the model was trained on.

    Raises:
        EvaluationError: the data, the label map, a rule or the head is not as it should be.
    """
    began, started = time.time(), time.perf_counter()
    rules = read_rules(request.rules or (DEFAULT if other is not None else ()))
    labels = load_label_map(request.label_map) if request.label_map is not None else None
    data = read(request.data, request.split, request.limit, request.held_out)
    rows = sum(len(group.rows) for group in data.groups)
    answers = _asked(model, data, labels, request.head, progress("answering", rows))
    asked = [(model, answers)]
    if other is not None:
        head = request.head if request.head in other.heads else None
        asked.append((other, _asked(other, data, labels, head, progress("answering by the other", rows))))
    evaluations = [evaluate(each.fingerprint, given) for each, given in asked]
    if request.latency:
        progress("measuring latency", None)
        evaluations = [replace(e, latency=speed) for e, speed in zip(evaluations, _speeds(asked), strict=True)]
    evaluation = evaluations[0]
    comparison = compare(answers, asked[1][1], evaluations[1]) if other is not None else None
    if request.robustness:
        drops = robustness(model, answers, done=progress("damaging", None))
        evaluation = replace(evaluation, robustness=drops)
    gate = judge(rules, evaluation, comparison.evaluation if comparison else None, bool(request.rules))
    return Result(
        bundle,
        evaluation,
        tuple(file._replace(trained_on=file.sha256 in trained_on) for file in data.files),
        comparison,
        gate if rules else None,
        request.as_json(),
        began,
        time.perf_counter() - started,
    )


def _asked(
    model: Model, data: Data, labels: LabelMap | None, head: str | None, done: Callable[[int], None]
) -> tuple[Answers, ...]:
    answers = ask(model, data.groups, labels, head, done)
    for each in answers:
        question = each.question
        if len(question.names) == sum(question.unknown.values()):
            said = ", ".join(list(question.unknown)[:5])
            raise EvaluationError(
                f"{question.group.name}: the head {question.head} of {model.fingerprint} knows none of its labels "
                f"({said}, …); name another bundle or another --head, or give a --label-map"
            )
    return answers


def _speeds(asked: Sequence[tuple[Model, Sequence[Answers]]]) -> tuple[Latency, ...]:
    """The speed of each model by the head that answered most rows, on the rows that the first one's head answered."""
    heads = []
    for model, answers in asked:
        rows: Counter[str] = Counter()
        for each in answers:
            rows[each.question.head] += len(each.right)
        heads.append((model, rows.most_common(1)[0][0]))
    questions = [each.question for each in asked[0][1]]
    texts = [row.text for question in questions if question.head == heads[0][1] for row in question.group.rows]
    return latency(heads, texts)
