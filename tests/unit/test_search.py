"""Searching a tenant's articles."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Article
from streams.article_index import passages, tokens
from streams.search import ArticleSearch

ARTICLES = (
    Article("returns", "Return policy", "en", ("returns",), "Return it within 30 days.\n\n# Who pays\nWe do."),
    Article("shipping", "Shipping", "en", ("shipping",), "Parcels are delivered within a week.\n\nDelivery is free."),
    Article("tuihuo", "退货规则", "zh", ("returns",), "三十天内可以无理由退货。\n\n# 退货运费\n不合适的运费自理。"),
    Article("wuliu", "发货时间", "zh", ("shipping",), "付款后两天内发货，四天送达。"),
)
SEARCH = ArticleSearch(ARTICLES, "articles@1#0")


@pytest.mark.parametrize(
    ("text", "lang", "article"),
    [
        ("Can I return this?", "en", "returns"),
        ("when do my parcels get delivered", "en", "shipping"),
        ("怎么退货", "zh", "tuihuo"),
        ("多久发货呀", "zh", "wuliu"),
    ],
)
def test_the_best_article_comes_first(text: str, lang: str, article: str) -> None:
    """In both languages, whatever the form of the words."""
    found = SEARCH.search(text, lang, ())
    assert found[0].article_id == article
    assert found[0].score >= 0.4


def test_scope_and_language_are_kept() -> None:
    """Only articles with a tag of the scope, in the language asked for."""
    assert SEARCH.search("return parcels", "en", ("shipping",))[0].article_id == "shipping"
    assert not SEARCH.search("return", "en", ("nothing",))
    assert not SEARCH.search("退货", "en", ())
    assert not SEARCH.search("return", "fr", ())


def test_a_score_is_the_share_of_the_question_that_is_covered() -> None:
    """All of it: 1; words that no article has lower it; nothing of it: no passage."""
    assert SEARCH.search("return policy", "en", ())[0].score == pytest.approx(1.0)
    assert SEARCH.search("return the elephant to its zookeeper", "en", ())[0].score < 0.5
    assert not SEARCH.search("elephant", "en", ())
    assert not SEARCH.search("!?", "en", ())


def test_an_article_is_cut_at_its_headings_and_a_heading_is_not_said() -> None:
    """What is said is the text below it."""
    assert passages("One.\n\n# Two\nThree.\n\nFour.") == ["One.", "# Two\nThree.\nFour."]
    assert SEARCH.search("who pays", "en", ("returns",))[0].text == "We do."


def test_long_sections_are_cut_between_paragraphs() -> None:
    """So that an answer stays short enough to be read in a chat."""
    assert len(passages("\n\n".join(["word " * 90] * 5))) == 5


def test_words_are_found_in_their_forms_and_chinese_by_characters_and_pairs() -> None:
    """Plural and tense are cut off; words that say nothing are left out."""
    assert tokens("the refunded orders") == tokens("Refund ORDER")
    assert tokens("我要退货") == ["退", "货", "要退", "退货"]


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_searched_for(text: str) -> None:
    """Scores lie between 0 and 1, best first as BM25 ranks them."""
    for lang in ("en", "zh"):
        assert all(0 <= p.score <= 1 for p in SEARCH.search(text, lang, ()))


def test_a_long_question_takes_no_longer() -> None:
    """Only the beginning is looked at."""
    started = time.thread_time()
    SEARCH.search("return " * 2_000, "en", ())
    assert time.thread_time() - started < 0.1
