"""What can be said to a turn without a model: the fast rungs before and between the generating ones.

What the engine is handed of them it calls in its own thread, so that holds nothing that changes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from processors.ladder import GENERATING
from processors.ports import Passage
from processors.prompting.template import PromptTemplate
from processors.replying import Answer, Cached, Desk, try_rung
from schemas.events import PassedOver
from streams.generation.tasks import Made, Task

PASSAGES: Final = 3
"""Passages that a prompt is offered at least, as far as any fit; its budget decides how many go in."""


class _AsItWas(NamedTuple):
    """What was kept for one question when it was looked up."""

    answer: Cached | None

    def get(self, key: str) -> Cached | None:
        return self.answer


def split(rungs: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rungs before the first generating one, and those from there on; the fallback is none of them."""
    own = tuple(rung for rung in rungs if rung != "fallback")
    first = next((n for n, rung in enumerate(own) if rung in GENERATING), len(own))
    return own[:first], own[first:]


def descend(desk: Desk, rungs: tuple[str, ...], why: str) -> Made:
    """The first fast rung that has an answer; generating ones are passed over because of `why`."""
    passed: list[PassedOver] = []
    for rung in rungs:
        found = why if rung in GENERATING else try_rung(desk, rung)
        if isinstance(found, Answer):
            return Made(found, rung, tuple(passed), None)
        passed.append(PassedOver(rung, found))
    return Made(None, "", tuple(passed), None)


def task_of(desk: Desk, template: PromptTemplate, rungs: tuple[str, ...], remaining: float) -> Task:
    """What the engine is handed. remaining: seconds until the reply must be whole."""
    kept = desk.cache.get(desk.key) if desk.key is not None else None
    later = desk._replace(cache=_AsItWas(kept))
    return Task(
        desk.route, desk.rules, template, _passages(desk), rungs, remaining, lambda rung: try_rung(later, rung)
    )


def _passages(desk: Desk) -> tuple[Passage, ...]:
    """The passages that a prompt may rest on, best first."""
    route, rule = desk.route, desk.rules.policy.knowledge
    found = desk.knowledge.search(route.text, route.lang, route.knowledge_scope, max(rule.passages, PASSAGES))
    return tuple(passage for passage in found if passage.score >= rule.min_score)
