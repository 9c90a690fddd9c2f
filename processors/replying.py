"""The fast rungs of a reply: pure given the tenant's articles and what was answered before, which are passed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

from processors.entities import PERSONAL
from processors.policy.compile import Rules
from processors.policy.model import Template
from processors.ports import Knowledge, Passage
from processors.text import question
from schemas.events import Citation, PassedOver, ReplyProduced, Rung, ScenarioRouted
from schemas.identity import follow_as_reply

STAGE: Final = "reply"
MAX_QUESTION: Final = 200
"""Characters of a question that is kept with its answer; longer ones do not come twice."""
_SLOT: Final = re.compile(r"\{([a-z_]+)\}")
_DIGITS: Final = re.compile(r"\d{4}")
_SEPARATOR: Final = "\x1f"


class Cached(NamedTuple):
    """An answer given before: its text, without soothing, and what it rests on."""

    text: str
    citations: tuple[Citation, ...]


class Kept(Protocol):
    """Answers given before, to be read."""

    def get(self, key: str) -> Cached | None:
        """The answer kept under `key`; None if there is none."""
        ...


class ReplyCache(Kept, Protocol):
    """Answers given before. The key holds tenant, scenario, language, policy, knowledge and question."""

    def put(self, key: str, value: Cached) -> None:
        """Keeps an answer; may forget others."""
        ...


class Answer(NamedTuple):
    """What a rung came up with."""

    text: str
    citations: tuple[Citation, ...] = ()
    template: str | None = None


class Desk(NamedTuple):
    """What the rungs work with, for one turn."""

    route: ScenarioRouted
    rules: Rules
    knowledge: Knowledge
    cache: Kept
    key: str | None


def answer(
    route: ScenarioRouted, rules: Rules, knowledge: Knowledge, cache: ReplyCache, remaining: float, now: int
) -> ReplyProduced:
    """The reply to a turn whose owner is `reply`, by the first of its rungs that has an answer.

    remaining: seconds until the deadline; without any left it is the fallback. `seconds` of the reply is left at 0
    for whoever holds a clock.
    """
    if remaining <= 0:
        return fallback(route, rules, now)
    desk = Desk(route, rules, knowledge, cache, cache_key(route, rules))
    passed: list[PassedOver] = []
    for rung in route.rungs:
        if rung == "fallback":
            break
        found = try_rung(desk, rung)
        if isinstance(found, Answer):
            if rung == "knowledge" and desk.key is not None:
                cache.put(desk.key, Cached(found.text, found.citations))
            return made_reply(route, rules, found, rung, passed, now)
        passed.append(PassedOver(rung, found))
    return fallen_back(route, rules, passed, now)


def stand_in(
    route: ScenarioRouted, rules: Rules, knowledge: Knowledge, cache: Kept, now: int, reason: str = "deadline"
) -> ReplyProduced:
    """The reply to a turn that its owner has not answered: by the fast rungs of its ladder, else the fallback.

    `reason` is noted for the rungs that only the owner makes.
    """
    desk = Desk(route, rules, knowledge, cache, cache_key(route, rules))
    passed: list[PassedOver] = []
    for rung in route.rungs:
        if rung == "fallback":
            break
        found = try_rung(desk, rung) if rung in _RUNGS else reason
        if isinstance(found, Answer):
            return made_reply(route, rules, found, rung, passed, now)
        passed.append(PassedOver(rung, found))
    return fallen_back(route, rules, passed, now)


def try_rung(desk: Desk, rung: str) -> Answer | str:
    """What a fast rung has for this turn, or why it has nothing."""
    return _RUNGS[rung](desk) if rung in _RUNGS else "not_served_here"


def fallback(route: ScenarioRouted, rules: Rules, now: int, reason: str = "deadline") -> ReplyProduced:
    """The reply when the owner has not answered, or may not: `reason` is noted for each rung passed over."""
    why = (route.rejected and "rejected") or reason
    return fallen_back(route, rules, [PassedOver(r, why) for r in route.rungs if r != "fallback"], now)


def cache_key(route: ScenarioRouted, rules: Rules) -> str | None:
    """Under what this question's answer is kept; None where it must not be: it may be about one person alone."""
    if not rules.policy.cache or len(route.text) > MAX_QUESTION:
        return None
    if "entities" in route.signals.missing or not PERSONAL.isdisjoint(route.slots):
        return None
    asked = question(route.text)
    if not asked or _DIGITS.search(asked):
        return None
    scope = (route.meta.tenant_id, route.scenario, route.step, route.lang, route.policy, route.knowledge)
    return _SEPARATOR.join((*scope, ",".join(route.knowledge_scope), asked))


def fill(template: Template, lang: str, slots: dict[str, str]) -> str:
    """A template's text with its slots filled, by their defaults where a slot is not known."""

    def value(match: re.Match[str]) -> str:
        slot = match.group(1)
        default = template.defaults.get(slot, {})
        return slots.get(slot) or default.get(lang) or next(iter(default.values()), "")

    return _SLOT.sub(value, _text(template, lang))


def _text(template: Template, lang: str) -> str:
    return template.text.get(lang) or next(iter(template.text.values()))


def _from_cache(desk: Desk) -> Answer | str:
    if desk.key is None:
        return "not_kept"
    known = desk.cache.get(desk.key)
    return Answer(known.text, known.citations) if known is not None else "not_asked_before"


def _from_template(desk: Desk) -> Answer | str:
    template = desk.rules.template(desk.route.template)
    if template is None:
        return "no_template"
    return Answer(fill(template, desk.route.lang, dict(desk.route.slots)), (), template.name)


def _from_knowledge(desk: Desk) -> Answer | str:
    route, rule = desk.route, desk.rules.policy.knowledge
    passages = desk.knowledge.search(route.text, route.lang, route.knowledge_scope, rule.passages + 1)
    good = [p for p in passages if p.score >= rule.min_score][: rule.passages]
    if not good:
        return "no_article_fits" if passages else "no_article"
    return Answer(_composed(good), tuple(dict.fromkeys(Citation(p.article_id, p.title) for p in good)))


def _composed(passages: Sequence[Passage]) -> str:
    """The passages, best first; what says the same twice is said once."""
    return "\n\n".join(dict.fromkeys(p.text for p in passages))


def _from_human(desk: Desk) -> Answer | str:
    template = desk.rules.template(desk.route.template or desk.rules.policy.handoff.notice)
    if template is None:
        return "no_template"
    return Answer(fill(template, desk.route.lang, dict(desk.route.slots)), (), template.name)


_RUNGS: Final[dict[str, Callable[[Desk], Answer | str]]] = {
    "cache": _from_cache,
    "template": _from_template,
    "knowledge": _from_knowledge,
    "human": _from_human,
}


def fallen_back(
    route: ScenarioRouted, rules: Rules, passed: Sequence[PassedOver], now: int, stage: str = STAGE
) -> ReplyProduced:
    """The reply when no rung has an answer."""
    template = rules.template(rules.policy.fallback)
    text = fill(template, route.lang, dict(route.slots)) if template is not None else "…"
    said = Answer(text, (), rules.policy.fallback)
    return made_reply(route, rules, said, "fallback", passed, now, stage)


def said_first(route: ScenarioRouted, rules: Rules) -> str:
    """What stands before the answer where routing wants a word of understanding, up to the answer's first letter."""
    soothing = rules.template(route.soothing)
    return f"{fill(soothing, route.lang, dict(route.slots))}\n\n" if soothing is not None else ""


def made_reply(
    route: ScenarioRouted,
    rules: Rules,
    said: Answer,
    rung: str,
    passed: Sequence[PassedOver],
    now: int,
    stage: str = STAGE,
) -> ReplyProduced:
    """The reply of `stage` that says what a rung came up with, after a word of understanding where routing wants one.

    `seconds` and `generated` are left to whoever knows them.
    """
    text = said_first(route, rules) + said.text
    made: Rung = rung  # type: ignore[assignment]  # it is one of route.rungs, or "fallback"
    return ReplyProduced(
        follow_as_reply(route.meta, stage, rules.fingerprint, now),
        text,
        made,
        tuple(passed),
        said.citations,
        route.lang,
        route.scenario,
        said.template,
        route.policy,
        route.knowledge,
        route.state.episode_id,
        route.state.turn_seq,
        route.earlier_deadline_at,
        route.handoff,
        0.0,
    )
