"""Tokens are estimated, and texts are cut to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.prompting.budget import Estimate, calibrate, cut, cut_front, cut_middle

COUNTED = (
    # Counted by the tokenizer of the Qwen models.
    ("You can return unused items in their packaging within 30 days of delivery.", 15),
    ("签收后30天内，未使用、包装完整的商品可以无理由退货。", 19),
)
TEXTS = st.text(alphabet="abc XYZlonger 012.,\n退货订单可以，。é", max_size=120)


@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_an_estimate_is_near(text: str, tokens: int) -> None:
    """A long stretch is estimated within 15 %."""
    assert Estimate().count((text + "\n") * 20) == pytest.approx(tokens * 20 + 20, rel=0.15)


def test_nothing_has_no_tokens() -> None:
    """An empty text costs nothing."""
    assert Estimate().count("") == 0


@given(TEXTS, TEXTS)
def test_more_text_never_has_fewer_tokens(text: str, more: str) -> None:
    """A beginning has at most as many as the whole, so that cutting by halves finds the longest."""
    assert Estimate().count(text) <= Estimate().count(text + more)


@given(TEXTS, st.integers(0, 40))
def test_a_cut_text_fits(text: str, tokens: int) -> None:
    """What is left is a beginning, an end, or both, and has at most so many tokens."""
    counter = Estimate()
    assert text.startswith(cut(text, tokens, counter))
    assert counter.count(cut(text, tokens, counter)) <= tokens or counter.count(text) <= tokens
    assert text.endswith(cut_front(text, tokens, counter))
    middle = cut_middle(text, tokens, counter)
    assert counter.count(middle) <= tokens + 4 or middle == text


def test_a_cut_ends_at_a_sentence() -> None:
    """Where a sentence ends in the second half, the cut is there."""
    assert cut("First sentence here. Second one goes on and on", 9, Estimate()) == "First sentence here."


def test_calibration_scales_to_another_tokenizer() -> None:
    """A tokenizer with half as many tokens again is met, and the error is said."""
    texts = [f"{i} " + "where is my parcel, it should have come. " * (12 + i % 5) for i in range(30)]
    found = calibrate(lambda t: round(Estimate().count(t) * 1.5), texts)
    assert found.estimate.scale == pytest.approx(1.5, rel=0.01)
    assert found.total_error < 0.01
    assert found.error_of_most < 0.02
    assert found.estimate.fingerprint != Estimate().fingerprint


def test_calibration_says_what_it_lacks() -> None:
    """Too few long texts are refused by name."""
    with pytest.raises(ValueError, match="1 texts have 100 tokens"):
        calibrate(lambda t: 100, ["short"])
