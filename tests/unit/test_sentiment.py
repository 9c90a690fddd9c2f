"""How customers feel, by a lexicon."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ports import SentimentModel
from processors.sentiment import LexiconSentiments

MODEL: SentimentModel = LexiconSentiments()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love it, thank you", "positive"),
        ("this is terrible", "negative"),
        ("not good at all", "negative"),
        ("not bad", "positive"),
        ("where is my order", "neutral"),
        ("太差了", "negative"),
        ("非常满意，谢谢", "positive"),
        ("不满意", "negative"),
        ("多久发货", "neutral"),
        ("😡😡", "negative"),
        ("", "neutral"),
    ],
)
def test_feelings_are_told_by_words_and_their_negation(text: str, label: str) -> None:
    """In both languages, and by faces."""
    assert MODEL.score([text])[0].label == label


def test_anger_grows_with_how_it_is_said() -> None:
    """Capitals and repeated marks make an angry message angrier, and leave a friendly one alone."""
    calm, loud, louder = (s.anger for s in MODEL.score(["this is awful", "this is awful!!!", "THIS IS AWFUL!!!"]))
    assert 0 < calm < loud < louder <= 1
    assert MODEL.score(["THANK YOU SO MUCH!!!"])[0].anger == 0


def test_furious_customers_are_told_from_annoyed_ones() -> None:
    """The words of the furious weigh more."""
    annoyed, furious = MODEL.score(["I am a bit annoyed", "scam! you are thieves, I am furious"])
    assert annoyed.anger < 0.4
    assert furious.anger > 0.9
    slow, rage = MODEL.score(["有点慢", "骗子！气死我了，我要投诉！！"])
    assert slow.anger < 0.2
    assert rage.anger > 0.9


@given(st.text(st.characters(), max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_text_has_a_sentiment(text: str) -> None:
    """Within its bounds."""
    found = MODEL.score([text])[0]
    assert -1 <= found.score <= 1
    assert 0 <= found.anger <= 1
    assert 0 <= found.confidence <= 1


@pytest.mark.parametrize("text", ["BAD! " * 3_200, "差" * 16_000, "!" * 16_000, "😡" * 16_000])
def test_the_time_it_takes_is_bounded(text: str) -> None:
    """Long texts cost little more than short ones."""
    started = time.thread_time()
    MODEL.score([text])
    assert time.thread_time() - started < 0.1
