"""Languages, and the one form of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.language import LIMIT, language
from processors.stem import stem
from processors.text import normalise, question


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Where is my order?", "en"),
        ("ok", "en"),
        ("我的快递到哪了", "zh"),
        ("我想买 iPhone 15", "zh"),
        ("hello 我的 parcel 还没有 arrive, where is it", "mixed"),
        ("查询订单号:[订单x]", "zh"),
        ("12345678", "und"),
        ("SF1234567890", "und"),
        ("👍👍", "und"),
        ("", "und"),
        ("これはペンです", "und"),
        ("где мой заказ", "und"),
        ("où est ma commande s'il vous plaît, c'était prévu hier déjà", "und"),
        ("see https://shop.example/a/b", "en"),
        ("https://shop.example/a/b", "und"),
        ("请看https://shop.example/a/b谢谢", "zh"),
        ("已发到lin@mail.example请查收", "zh"),
        ("谢谢@united客服", "zh"),
        ("[NAME] 13812345678", "und"),
        ("請問訂單到哪了", "zh"),
        ("SF123 到哪了", "zh"),
        ("我的order到哪了", "zh"),
        ("在吗", "zh"),
        ("haode", "en"),
        ("WHERE IS IT", "en"),
        ("NOT OK", "en"),
        ("UA 381 DFW", "und"),
        ("秋刀鱼の味的电话是多少", "zh"),
        ("how nice ¯_(ツ)_/¯", "en"),
        ("주문 어디 있어요", "und"),
        ("где мой iPhone 15", "und"),
        ("أين طلبي", "und"),
        ("帮我打开 c c t v 频道", "zh"),
    ],
)
def test_languages_are_told_by_their_letters(text: str, lang: str) -> None:
    """A brand or a code in a Chinese sentence does not make it two languages."""
    assert language(text) == lang


def test_only_the_beginning_is_looked_at() -> None:
    """So any text takes a bounded time."""
    for text in ("a" * 16_000, "好" * 16_000, "[" * 16_000, "a@" * 8_000, "😀" * 16_000, "a'" * 8_000):
        assert language(text) == language(text[:LIMIT])
    assert language("hello there " * 40 + "你好" * 400) == "en"


@given(st.text(st.characters(), max_size=200))
def test_any_text_has_a_language_and_a_form(text: str) -> None:
    """Surrogates and control characters included; the form is stable."""
    assert language(text) in ("zh", "en", "mixed", "und")
    assert "  " not in normalise(text)
    assert question(text) == question(question(text)) or not question(text).isascii()


def test_texts_that_read_the_same_have_one_form() -> None:
    """Width, case, unseen characters and spaces are evened out; a question also loses its marks."""
    assert normalise(" Ｈｅｌｌｏ\u200b\t WORLD\u00ad ") == "hello world"
    assert question("How long does it take?!") == question("how long  does it take")
    assert question("怎么退货？") == question("怎么退货")
    assert normalise("a" * 3_000) == "a" * 2_000


@pytest.mark.parametrize(
    ("word", "root"),
    [("orders", "order"), ("refunded", "refund"), ("shipping", "ship"), ("deliveries", "delivery"), ("boxes", "box"),
     ("address", "address"), ("this", "this"), ("selling", "sell"), ("opening", "open")],
)  # fmt: skip
def test_words_lose_their_endings(word: str, root: str) -> None:
    """Only the commonest, and none of short words."""
    assert stem(word) == root
