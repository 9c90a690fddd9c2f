"""The fast rungs of a reply."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from processors.ports import Passage
from processors.replying import Cached, answer, cache_key, fallback, fill
from schemas.events import Citation, Entity, PassedOver, ReplyProduced, ScenarioRouted
from schemas.identity import reply_id
from streams.reply_cache import LruReplyCache
from tests.unit.dialogues import POLICY, START, Dialogue, an_order_number, heard, some_rules

RULES = some_rules()


class Shelf:
    """Knowledge with these passages, whatever is asked."""

    fingerprint = "shelf@1#0"

    def __init__(self, *passages: Passage) -> None:
        self._passages = passages

    def search(self, text: str, lang: str, scope: Sequence[str], limit: int = 3) -> Sequence[Passage]:
        return self._passages[:limit]


WEEK = Passage("shipping", "Shipping times", "Delivery takes a week.", 0.9)


def asked(text: str = "how long does it take", label: str = "delivery_time", anger: float = 0.0) -> ScenarioRouted:
    """A question that the articles may answer."""
    return Dialogue(RULES).says(text, heard(label, "logistics", anger=anger))


def replied(route: ScenarioRouted, shelf: Shelf, cache: LruReplyCache, remaining: float = 5.0) -> ReplyProduced:
    """The reply."""
    return answer(route, RULES, shelf, cache, remaining, START)


def test_a_question_asked_before_is_answered_from_the_cache() -> None:
    """The same words in another case and with other marks are the same question, also for another customer."""
    cache = LruReplyCache()
    first = replied(asked("How long does it take?"), Shelf(WEEK), cache)
    again = replied(asked("how long does it take"), Shelf(), cache)
    assert (first.rung, first.passed_over) == ("knowledge", (PassedOver("cache", "not_asked_before"),))
    assert (again.rung, again.text, again.passed_over) == ("cache", first.text, ())
    assert again.citations == first.citations == (Citation("shipping", "Shipping times"),)


def test_what_may_be_about_one_person_is_not_kept() -> None:
    """Numbers, a named order, missing entities, and long texts are no questions for everybody."""
    named: tuple[Entity, ...] = (an_order_number(),)
    route = Dialogue(RULES).says("how long for mine", heard("delivery_time", "logistics", entities=named))
    assert cache_key(route, RULES) is None
    assert cache_key(asked("how long for 20260001"), RULES) is None
    assert cache_key(asked("how " * 60), RULES) is None
    assert cache_key(asked("?!"), RULES) is None
    route = asked()
    assert cache_key(route._replace(signals=route.signals._replace(missing=("entities",))), RULES) is None


@pytest.mark.parametrize("field", ["policy", "knowledge", "lang", "scenario", "knowledge_scope"])
def test_an_answer_is_kept_for_one_version_of_one_tenant(field: str) -> None:
    """Another tenant, policy, knowledge, language or scenario is another question."""
    route = asked()
    other = ScenarioRouted(**{**route._asdict(), field: ("other",) if field == "knowledge_scope" else "other"})
    assert cache_key(other, RULES) != cache_key(route, RULES)
    assert cache_key(route._replace(meta=route.meta._replace(tenant_id="bank")), RULES) != cache_key(route, RULES)


def test_a_policy_may_switch_the_cache_off() -> None:
    """Then nothing is kept, and the reply says so."""
    rules = some_rules(POLICY.replace('version: "1"', 'version: "1"\ncache: false'))
    cache = LruReplyCache()
    reply = answer(asked(), rules, Shelf(WEEK), cache, 5.0, START)
    assert (reply.passed_over, len(cache)) == ((PassedOver("cache", "not_kept"),), 0)


def test_a_passage_that_hardly_fits_is_no_answer() -> None:
    """Below the policy's score the next rung answers, and the reply says why."""
    reply = replied(asked(), Shelf(WEEK._replace(score=0.39)), LruReplyCache())
    assert (reply.rung, reply.template) == ("template", "noted")
    assert reply.passed_over[-1] == PassedOver("knowledge", "no_article_fits")


def test_a_template_is_filled_with_what_the_customer_named_or_the_default() -> None:
    """In the language of the answer."""
    template = RULES.policy.templates["found"]
    assert fill(template, "en", {"order_number": "A1"}) == "Order A1 is on its way."
    assert fill(template, "zh", {}) == "订单 您的 在路上。"
    assert fill(template, "en", {"order_number": "{order_number}"}) == "Order {order_number} is on its way."


def test_an_upset_customer_is_soothed_first_and_the_cache_is_not() -> None:
    """The soothing text stands before the answer, and is not kept with it."""
    cache = LruReplyCache()
    upset = replied(asked(anger=0.7), Shelf(WEEK), cache)
    calm = replied(asked(), Shelf(), cache)
    assert upset.text == "I am sorry.\n\nDelivery takes a week."
    assert (calm.rung, calm.text) == ("cache", "Delivery takes a week.")


def test_a_handoff_says_so() -> None:
    """The turn that hands over is answered by the notice, on the rung human."""
    route = Dialogue(RULES).says("human", heard("request_human", "human_handoff"))
    reply = replied(route, Shelf(), LruReplyCache())
    assert (reply.rung, reply.handoff, reply.text) == ("human", True, "A colleague takes over.")


def test_past_the_deadline_it_is_the_fallback() -> None:
    """Every rung that was not tried is named with the reason."""
    reply = replied(asked(), Shelf(WEEK), LruReplyCache(), remaining=0.0)
    assert (reply.rung, reply.text) == ("fallback", "I cannot answer that now.")
    assert {p.reason for p in reply.passed_over} == {"deadline"}


def test_when_no_rung_has_an_answer_it_is_the_fallback() -> None:
    """A scenario without a template whose articles do not know falls through to the last rung."""
    route = Dialogue(RULES).says("opening hours", heard("store_info", "other"))
    reply = replied(route, Shelf(), LruReplyCache())
    assert (reply.rung, reply.passed_over) == ("fallback", (PassedOver("knowledge", "no_article"),))


def test_a_rung_that_this_stage_does_not_serve_is_passed_over() -> None:
    """Such as a model's, should a later policy name one."""
    reply = replied(asked()._replace(rungs=("large_model", "fallback")), Shelf(), LruReplyCache())
    assert reply.passed_over == (PassedOver("large_model", "not_served_here"),)


def test_a_reply_has_the_id_of_its_turn_and_what_order_needs() -> None:
    """Whoever answers a turn writes the same id; place in the episode and earlier deadline come from the route."""
    route = asked()
    reply, late = replied(route, Shelf(WEEK), LruReplyCache()), fallback(route, RULES, START)
    assert reply.meta.event_id == late.meta.event_id == reply_id("live", route.meta.turn_id or "")
    assert (reply.episode_id, reply.turn_seq) == (route.state.episode_id, 1)
    assert (reply.policy, reply.knowledge) == (route.policy, route.knowledge)


def test_the_cache_forgets_what_was_not_asked_for_the_longest() -> None:
    """It never grows past its bound."""
    cache = LruReplyCache(entries=2)
    for key in ("a", "b"):
        cache.put(key, Cached(key, ()))
    cache.get("a")
    cache.put("c", Cached("c", ()))
    assert (cache.get("b"), len(cache)) == (None, 2)
    assert cache.get("a") == Cached("a", ())
