"""Which generated answers may be given to the next customer who asks the same. Pure.

A generated answer rests on more than the question: on the conversation before it. So one is kept only where there was
no conversation yet, and given only to a question that means the same without one.
"""

from __future__ import annotations

import re
from json import dumps
from typing import Final

from processors.entities import PERSONAL, PatternEntities
from processors.policy.compile import Rules
from processors.replying import MAX_QUESTION
from processors.text import question
from schemas.events import ScenarioRouted

MIN_WORDS: Final = 3
MIN_HAN: Final = 5
"""Of a question within a conversation: what is shorter leans on what was said before."""
SMALL_TALK: Final = frozenset({"chit_chat"})
"""What may have been said before a question that an answer is kept of."""
_DIGITS: Final = re.compile(r"\d{4}")
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LEANS: Final = re.compile(
    r"\b(?:it|its|that|this|these|those|they|them|one|ones|same|there|then|again|also|instead|other|above|before)\b"
    r"|这|那|它|该|此|上面|刚才|刚刚|之前|前面|还是|同样|另外|其他|再"
)
_ENTITIES: Final = PatternEntities()


def answer_key(route: ScenarioRouted, rules: Rules) -> str | None:
    """Under what a generated answer to this turn is kept, and looked for; None where it must not be.

    Tenant, scenario, step, language, policy (which covers the prompts), knowledge and question; not the model.
    """
    if not rules.policy.cache or rules.policy.generation.cache == "never" or len(route.text) > MAX_QUESTION:
        return None
    if "entities" in route.signals.missing or not PERSONAL.isdisjoint(route.slots):
        return None
    asked = question(route.text)
    if not asked or _DIGITS.search(asked) or not (begins(route) or stands_alone(asked)):
        return None
    scope = (route.meta.tenant_id, route.scenario, route.step, route.lang, route.policy, route.knowledge)
    return dumps((*scope, route.knowledge_scope, asked), ensure_ascii=False, separators=(",", ":"))


def may_keep(route: ScenarioRouted, text: str) -> bool:
    """Whether an answer to this turn rests on nothing that only this customer said, as far as can be told."""
    if not begins(route):
        return False
    at = route.meta.turn_started_at or route.meta.occurred_at
    return not any(entity.personal for entity in _ENTITIES.extract([text], [at])[0])


def begins(route: ScenarioRouted) -> bool:
    """Whether nothing but small talk came before this turn in its episode."""
    state = route.state
    return state.turn_seq <= len(state.history) and SMALL_TALK.issuperset(state.history[:-1])


def stands_alone(asked: str) -> bool:
    """Whether a question (as `processors.text.question` gives it) is whole without what was said before it."""
    if _LEANS.search(asked):
        return False
    return len(_HAN.findall(asked)) >= MIN_HAN or len(asked.split()) >= MIN_WORDS
