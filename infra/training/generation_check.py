"""How good a generator of answers is: on articles that it never saw, beside the one that quotes, by the guard rails.

A question of a check names the article that answers it, or none. Its prompt is composed as a worker composes it: the
articles by search, in the shipped template. The reply is judged as a worker judges it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from processors.guarding.grounding import ground_of
from processors.guarding.verdict import Grounds, guard
from processors.language import language
from processors.ports import Passage
from processors.prompting.compose import compose, instructions
from processors.prompting.template import PromptTemplate
from processors.prompting.types import Material

Answers = Callable[[str], str]
"""A prompt's answer."""
_CITED: Final = re.compile(r"\[(\d{1,3})\]")
GROUNDED: Final = 0.9
"""The share of what is said that stands in the articles, at least, for a reply to count as grounded."""


class Question(NamedTuple):
    """`passages`: what search found for it, best first. `answers`: the articles of which one answers it; none: nothing
    does."""

    text: str
    lang: str
    passages: tuple[Passage, ...]
    answers: tuple[str, ...]


class Figures(NamedTuple):
    """Shares of questions, 0 to 1. `passes`, `language` are of all; `grounded` of replies that cite; `cites_right` of
    answerable questions: the first citation is of an article that answers; `declines_right`: of the others, those that
    are not answered; `declines_wrong`: of answerable ones, those that are not answered."""

    questions: int
    passes: float
    language: float
    grounded: float
    cites_right: float
    declines_right: float
    declines_wrong: float


def check(answers: Answers, template: PromptTemplate, questions: Sequence[Question], about: str = "a shop") -> Figures:
    """The figures of one generator."""
    rows = [_judged(answers, template, question, about) for question in questions]
    answerable = [row for row, question in zip(rows, questions, strict=True) if question.answers]
    others = [row for row, question in zip(rows, questions, strict=True) if not question.answers]
    cited = [row for row in rows if row["cites"]]
    return Figures(
        len(rows),
        _share(row["passes"] for row in rows),
        _share(row["language"] for row in rows),
        _share(row["grounded"] for row in cited),
        _share(row["right"] for row in answerable),
        _share(not row["cites"] for row in others),
        _share(not row["cites"] for row in answerable),
    )


def _judged(answers: Answers, template: PromptTemplate, question: Question, about: str) -> Mapping[str, Any]:
    given = Material("check", question.lang, "question", "", question.text, {}, (), question.passages, about)
    prompt = compose(template, given)
    reply = answers(prompt.text)
    grounds = Grounds(question.lang, question.passages, said=(question.text,), instructions=instructions(prompt))
    cites = [int(number) for number in _CITED.findall(reply)]
    bare = _CITED.sub("", reply)
    right = bool(cites) and cites[0] <= len(prompt.citations)
    articles = [part for passage in question.passages for part in (passage.title, passage.text)]
    return {
        "passes": guard(reply, grounds).outcome == "passed",
        "language": language(bare) in (question.lang, "mixed"),
        "cites": bool(cites),
        "grounded": ground_of(tuple(articles)).share(bare) >= GROUNDED,
        "right": right and prompt.citations[cites[0] - 1].article_id in question.answers,
    }


def _share(found: Iterable[bool]) -> float:
    every = list(found)
    return round(sum(every) / len(every), 3) if every else 0.0
