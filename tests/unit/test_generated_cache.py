"""Generated answers that are given again: which, to whom, and what customers' marks do to them."""

from __future__ import annotations

import pytest

from processors.caching import answer_key, may_keep
from processors.policy import Rules
from processors.replying import Cached
from schemas.events import Citation, ScenarioRouted
from streams.generated_cache import GeneratedCache
from tests.unit.dialogues import Dialogue, an_order_number, heard
from tests.unit.test_policy_prompts import GENERATES, a_generating_tenant

RULES = a_generating_tenant().rules
GOOD = Cached("Delivery takes a week [1].", (Citation("shipping", "Shipping times"),))
OTHER = Cached("It takes a month.", ())


def asked(text: str, *before: str, rules: Rules = RULES, small_talk: bool = False) -> ScenarioRouted:
    """A question about a product, after other turns."""
    dialogue = Dialogue(rules)
    for earlier in before:
        family = ("greeting", "chit_chat") if small_talk else ("product_info", "product_question")
        dialogue.says(earlier, heard(*family))
    return dialogue.says(text, heard("product_info", "product_question"))


def test_without_marks_an_answer_is_not_given_again() -> None:
    """Where the policy waits for feedback; where it does not, at once."""
    cache = GeneratedCache()
    cache.offer("k", "t-1", GOOD, at_once=False)
    assert cache.get("k") is None
    cache.offer("k", "t-2", GOOD, at_once=True)
    assert cache.get("k") == GOOD


def test_a_good_mark_makes_an_answer_usable_and_a_bad_one_ends_it() -> None:
    """A mark of 0 says nothing; a mark on an answer that came from the cache counts as one on the first."""
    cache = GeneratedCache()
    cache.offer("k", "t-1", GOOD, at_once=False)
    cache.feedback("t-1", 0)
    assert cache.get("k") is None
    cache.feedback("t-1", 2)
    assert cache.get("k") == GOOD
    cache.offer("k", "t-2", GOOD, at_once=False)
    cache.feedback("t-2", -1)
    assert cache.get("k") is None


@pytest.mark.parametrize("at_once", [True, False])
def test_an_answer_that_was_found_bad_does_not_come_back(at_once: bool) -> None:
    """However often it is generated, and whoever likes it; another answer to the same question may."""
    cache = GeneratedCache()
    cache.offer("k", "t-1", GOOD, at_once)
    cache.feedback("t-1", -1)
    cache.offer("k", "t-2", GOOD, at_once)
    cache.feedback("t-2", 2)
    assert cache.get("k") is None
    cache.offer("k", "t-3", OTHER, at_once)
    cache.feedback("t-3", 2)
    assert cache.get("k") == OTHER


def test_a_bad_mark_on_one_answer_leaves_another() -> None:
    """Two turns were answered differently; the customer of one complains."""
    cache = GeneratedCache()
    cache.offer("k", "t-1", GOOD, at_once=True)
    cache.offer("k", "t-2", OTHER, at_once=True)
    cache.feedback("t-2", -1)
    assert cache.get("k") == GOOD
    cache.feedback("nobody", -1)
    assert cache.get("k") == GOOD


def test_memory_is_bounded() -> None:
    """The oldest is forgotten: an answer, a turn that waits for its mark, a mark."""
    cache = GeneratedCache(entries=2)
    for n in range(5):
        cache.offer(f"k-{n}", f"t-{n}", GOOD, at_once=False)
        cache.feedback(f"t-{n}", 2)
    assert len(cache) == 2
    cache.offer("k-8", "t-8", GOOD, at_once=False)
    cache.offer("k-9", "t-9", GOOD, at_once=False)
    cache.feedback("t-4", -1)
    assert cache.get("k-4") == GOOD


def test_the_same_question_has_the_same_key() -> None:
    """Case, marks and spaces aside; and whether a greeting came first or not."""
    key = answer_key(asked("Which teapot keeps warm longest?"), RULES)
    assert key is not None
    assert answer_key(asked("which teapot  keeps warm longest"), RULES) == key
    assert answer_key(asked("Which teapot keeps warm longest?", "hello", small_talk=True), RULES) == key
    assert answer_key(asked("Which lantern keeps warm longest?"), RULES) != key


@pytest.mark.parametrize(
    "text", ["how much is it", "and the other one then", "那个多少钱一个", "多少钱", "which colours", "warm?"]
)
def test_a_question_that_leans_on_what_was_said_has_no_key(text: str) -> None:
    """It means something else in each conversation; at the beginning of one it means the same to everybody."""
    assert answer_key(asked(text, "which teapot keeps warm"), RULES) is None
    assert answer_key(asked(text), RULES) is not None


def test_what_may_be_about_one_person_has_no_key() -> None:
    """Orders, long numbers, long texts, and texts whose entities are not known."""
    named = Dialogue(RULES).says("which one is in it", heard("product_info", "product_question",
                                                             entities=(an_order_number(),)))  # fmt: skip
    assert answer_key(named, RULES) is None
    assert answer_key(asked("what is 20260001"), RULES) is None
    assert answer_key(asked("which " * 60), RULES) is None
    unheard = heard("product_info", "product_question")._replace(entities=None)
    assert answer_key(Dialogue(RULES).says("which teapot keeps warm", unheard), RULES) is None


@pytest.mark.parametrize("wanted", ["cache: never", "cache: always}\ncache: false\n#"])
def test_a_policy_may_keep_nothing(wanted: str) -> None:
    """Of generated answers, or of any."""
    rules = a_generating_tenant(GENERATES.replace("cache: always", wanted)).rules
    assert answer_key(asked("which teapot keeps warm", rules=rules), rules) is None


def test_only_what_rests_on_no_conversation_is_kept() -> None:
    """The first question of a conversation, after a greeting at most; with nobody's name or number in the answer."""
    text = "Which teapot keeps warm longest?"
    assert may_keep(asked(text), GOOD.text)
    assert may_keep(asked(text, "hello", small_talk=True), GOOD.text)
    assert not may_keep(asked(text, "I want a teapot"), GOOD.text)
    assert not may_keep(asked(text), "We write to anna.smith@example.org.")
    assert not may_keep(asked(text), "我们会打电话给13912345678。")
