"""Words of Latin letters that nobody taught, put right by those that were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.models.mending import Mending, frequent

WORDS = ("the", "is", "my", "i", "a", "where", "order", "can't", "get", "money", "refund", "still", "waiting", "on")
MEND = Mending(WORDS, frozenset({"sow", "refunds"}))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("whereismy order", "where is my order"),
        ("stillwaiting onmyrefund...", "still waiting on my refund..."),
        ("i can'tgetmy money", "i can't get my money"),
        ("wher is my ordre", "where is my order"),
        ("my monney", "my money"),
        ("my refind", "my refund"),
        ("Where is MY ORDER", "Where is MY ORDER"),
        ("REFNUD", "refund"),
        ("orderis12", "order is12"),
    ],
)
def test_words_are_put_right(written: str, meant: str) -> None:
    """Spaces come back and one slip is undone; what is right stays as it is, its capitals too."""
    assert MEND(written) == meant


@pytest.mark.parametrize("text", ["refunds", "sow", "xqzvw", "teh", "kubernetes", "我的订单", "", "12 34 !?", "i'm"])
def test_what_may_be_meant_stays(text: str) -> None:
    """Words of the tokenizer, words near no other, short ones and other scripts are left alone."""
    assert MEND(text) == text


def test_without_words_nothing_is_mended() -> None:
    """A bundle that names no words has its texts read as they are written."""
    assert Mending(())("whereismy ordre") == "whereismy ordre"


@given(st.text(max_size=60))
def test_what_is_mended_is_mended(text: str) -> None:
    """A second time changes nothing, and only letters, apostrophes and spaces change the first time."""
    once = MEND(text)
    assert MEND(once) == once
    rest = [[c for c in t if not (c.isascii() and c.isalpha()) and c not in " '"] for t in (text, once)]
    assert rest[0] == rest[1]


def test_how_much_is_looked_into_is_bounded() -> None:
    """The first 48 words of a text, and words of up to 64 letters; what is beyond stays, so that no text takes long."""
    assert MEND("ordre " * 50) == "order " * 48 + "ordre " * 2
    assert MEND("whereis" * 9) == "where is " * 8 + "where is"
    assert MEND("whereis" * 10) == "whereis" * 10


def test_frequent_words_come_first() -> None:
    """In how many texts a word is counts, not how often; equals are in alphabetical order; rare ones are left out."""
    texts = ["My order my order my", "my Card can't", "order it", "can't it", "once"]
    assert frequent(texts, 2) == ["can't", "it", "my", "order"]
    assert frequent(texts, 3) == []
