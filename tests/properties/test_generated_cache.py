"""Whatever is asked, answered and marked: no generated answer crosses a tenant, an article or a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.caching import answer_key
from processors.policy import Rules
from processors.replying import Cached
from processors.text import question
from schemas.events import ScenarioRouted
from streams.generated_cache import GeneratedCache
from tests.properties.planted import is_found
from tests.unit.dialogues import Dialogue, heard
from tests.unit.test_policy_prompts import a_generating_tenant

RULES = a_generating_tenant().rules
ASKED = Dialogue(RULES).says("which teapot", heard("product_info", "product_question"))
NAMES = ("a", "b", "a\x1fb", '","', "")
"""Also those that would run into one another where they are only put side by side."""
TEXTS = ("which teapot is warm", "Which teapot is WARM?", "which lantern is warm", "哪款茶壶保温", "哪款茶壶 保温？")


KeyOf = Callable[[ScenarioRouted, Rules], str | None]


class Turn(NamedTuple):
    """One turn, how its model answers, and what the customer thinks of that: 0 is nothing."""

    tenant: str
    policy: str
    knowledge: str
    step: str
    lang: str
    text: str
    answer: int
    score: int

    def route(self) -> ScenarioRouted:
        meta = ASKED.meta._replace(tenant_id=self.tenant)
        return ASKED._replace(meta=meta, policy=self.policy, knowledge=self.knowledge, step=self.step,
                              lang=self.lang, text=self.text)  # fmt: skip

    def whose(self) -> tuple[str, ...]:
        """What an answer must not cross."""
        return (self.tenant, self.policy, self.knowledge, self.step, self.lang, question(self.text))


names = st.sampled_from(NAMES)
turns = st.lists(
    st.builds(Turn, names, names, names, names, st.sampled_from(("zh", "en")), st.sampled_from(TEXTS),
              st.integers(0, 1), st.sampled_from((0, -1, 1, 2))),
    min_size=2, max_size=25,
)  # fmt: skip


def crossed(story: list[Turn], at_once: bool, key_of: KeyOf = answer_key) -> list[str]:
    """What went wrong in a story: answers that came to the wrong customer, or that somebody had found bad."""
    cache = GeneratedCache()
    wrong: list[str] = []
    bad: set[tuple[tuple[str, ...], str]] = set()
    for number, turn in enumerate(story):
        key = key_of(turn.route(), RULES)
        assert key is not None
        kept = cache.get(key)
        text = kept.text if kept is not None else repr((turn.whose(), turn.answer))
        if kept is not None and not text.startswith(f"({turn.whose()!r}, "):
            wrong.append(f"turn {number} of {turn.whose()} got {text}")
        if (turn.whose(), text) in bad and kept is not None:
            wrong.append(f"turn {number} got what was found bad")
        cache.offer(key, str(number), Cached(text, ()), at_once and kept is None)
        if turn.score:
            cache.feedback(str(number), turn.score)
        if turn.score < 0:
            bad.add((turn.whose(), text))
    return wrong


@settings(max_examples=120, deadline=None)
@given(turns, st.booleans())
def test_no_generated_answer_crosses_a_tenant_its_articles_or_its_policy(story: list[Turn], at_once: bool) -> None:
    """Nor a step, a language or a question; and what a customer found bad comes to nobody again."""
    assert crossed(story, at_once) == []


def test_a_key_that_forgets_something_is_found() -> None:
    """The property sees each of the planted mistakes, so that it would see one of ours."""
    planted: tuple[KeyOf, ...] = (
        lambda route, rules: answer_key(route._replace(policy="same"), rules),
        lambda route, rules: answer_key(route._replace(knowledge="same"), rules),
        lambda route, rules: answer_key(route._replace(lang="same"), rules),
        lambda route, rules: answer_key(route._replace(step="same"), rules),
        lambda route, rules: answer_key(route._replace(meta=ASKED.meta), rules),
        lambda route, _: "\x1f".join((route.meta.tenant_id, route.step, route.lang, route.policy, route.knowledge)),
    )
    assert [is_found(turns, partial(_goes_wrong, key_of)) for key_of in planted] == [True] * len(planted)


def _goes_wrong(key_of: KeyOf, story: list[Turn]) -> bool:
    return bool(crossed(story, True, key_of))


def test_another_prompt_is_another_policy() -> None:
    """So the answers of the old prompt are asked for no more, without anybody having to forget them."""
    other = replace(RULES.policy, generation=replace(RULES.policy.generation, max_tokens=91))
    before, after = (answer_key(ASKED._replace(policy=p), RULES) for p in (RULES.fingerprint, other.fingerprint()))
    assert before != after
