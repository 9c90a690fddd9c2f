"""What messages name, by patterns."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.entities import KINDS, PERSONAL, PatternEntities
from processors.ports import EntityModel

MODEL: EntityModel = PatternEntities()
NOON = 1_781_870_400_000_000
"""2026-06-19 12:00 UTC."""


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("where is order 20260318334?", "order_number", "20260318334"),
        ("订单号：２０２６０３１８３３４", "order_number", "20260318334"),
        ("my order number is ab-123456", "order_number", "AB-123456"),
        ("tracking number 998877665544", "tracking_number", "998877665544"),
        ("SF1234567890 到哪了", "tracking_number", "SF1234567890"),
        ("card ending in 4321", "card_number", "4321"),
        ("4111 1111 1111 1234", "card_number", "1234"),
        ("I paid £1,250.50 for it", "amount", "1250.50 GBP"),
        ("退我99元", "amount", "99 CNY"),
        ("it was 20 dollars", "amount", "20 USD"),
        ("on 2026-03-18", "date", "2026-03-18"),
        ("3月18日下的单", "date", "2026-03-18"),
        ("since March 18th", "date", "2026-03-18"),
        ("yesterday", "date", "2026-06-18"),
        ("明天能到吗", "date", "2026-06-20"),
        ("on 2026-13-45", "date", "2026-13-45"),
        ("call 13812345678", "phone", "13812345678"),
        ("+44 20 7946 0958", "phone", "+442079460958"),
        ("write to Lin.W@mail.example", "email", "lin.w@mail.example"),
        ("寄到上海", "place", "上海"),
        ("the lantern", "product", "lantern"),
    ],
)
def test_entities_are_found_and_read(text: str, kind: str, value: str) -> None:
    """The value is in one form, whatever the text looked like."""
    assert (kind, value) in [(e.kind, e.value) for e in MODEL.extract([text], [NOON])[0]]


def test_positions_count_the_code_points_of_the_text_as_written() -> None:
    """Also after emoji, full-width digits, and letters that grow when lowered."""
    text = "İ😀 order ２０２６０３１８"
    (found,) = MODEL.extract([text], [NOON])[0]
    assert text[found.start : found.end] == found.text == "２０２６０３１８"
    assert found.value == "20260318"


def test_what_points_to_a_person_is_marked() -> None:
    """Numbers, phones and addresses are personal; amounts, dates and products are not."""
    found = MODEL.extract(["order 20260318334, £5, call 13812345678 about the lantern tomorrow"], [NOON])[0]
    assert {e.kind: e.personal for e in found} == {
        "order_number": True, "amount": False, "phone": True, "product": False, "date": False,
    }  # fmt: skip


def test_small_numbers_are_no_orders() -> None:
    """Two lamps, 45 centimetres and a year are no order numbers."""
    assert not MODEL.extract(["two lamps of 45 cm, bought in 2024"], [NOON])[0]


@given(st.text(st.characters(), max_size=300), st.integers(-(10**18), 10**18))
@settings(max_examples=150, deadline=None)
def test_any_text_at_any_time_can_be_read(text: str, at: int) -> None:
    """Spans are in order, apart, and hold what the entity says."""
    end = 0
    for entity in MODEL.extract([text], [at])[0]:
        assert entity.kind in KINDS
        assert entity.personal is (entity.kind in PERSONAL)
        assert end <= entity.start < entity.end <= len(text)
        assert text[entity.start : entity.end] == entity.text
        end = entity.end


@pytest.mark.parametrize(
    "text",
    ["1" * 16_000, "1 " * 8_000, "a@" * 8_000, "+1 23 " * 2_600, "order 1-" * 2_000, "a." * 8_000, "¥1," * 5_000],
)
def test_the_time_it_takes_is_bounded(text: str) -> None:
    """Also for texts made to be slow."""
    started = time.thread_time()
    MODEL.extract([text], [NOON])
    assert time.thread_time() - started < 0.1
