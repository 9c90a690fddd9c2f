"""The mistakes worth reading: which label was taken for which, most frequent first, with texts."""

from __future__ import annotations

from collections import Counter, defaultdict

from infra.evaluation.figures import Confusion, Example
from infra.evaluation.outside import THRESHOLD
from infra.evaluation.scoring import Answers

PAIRS = 20
EXAMPLES = 3
LONGEST = 200
"""Characters of a text that are quoted."""
OUTSIDE = "(out of scope)"


def confusions(answers: Answers, pairs: int = PAIRS) -> tuple[Confusion, ...]:
    """The most frequent pairs of truth and answer, each with the texts of which the head was surest.

    Rows out of scope that were let through are among them, as `(out of scope)` taken for a class.
    """
    question = answers.question
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    of_truth: Counter[str] = Counter()
    for i, name in enumerate(question.names):
        outside = bool(question.outside[i])
        truth = OUTSIDE if outside else name
        of_truth[truth] += 1
        let_through = answers.second[i] < THRESHOLD
        if (outside and let_through) or (not outside and not answers.right[i]):
            found[truth, question.classes[answers.predicted[i]]].append(i)
    first = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))[:pairs]
    return tuple(
        Confusion(truth, predicted, len(rows), len(rows) / of_truth[truth], _examples(answers, rows))
        for (truth, predicted), rows in first
    )


def _examples(answers: Answers, rows: list[int]) -> tuple[Example, ...]:
    surest = sorted(rows, key=lambda i: (-answers.confidence[i], i))
    texts: dict[str, float] = {}
    for i in surest:
        texts.setdefault(short(answers.question.group.rows[i].text), float(answers.confidence[i]))
    return tuple(Example(text, confidence) for text, confidence in list(texts.items())[:EXAMPLES])


def short(text: str) -> str:
    """The text, cut where it is too long to quote."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
