"""Amounts in messages."""

from __future__ import annotations

import pytest

from tests.unit.extracting import entities, values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("退我99元", "99 CNY"),
        ("退款￥１２３", "123 CNY"),
        ("¥1,234.50 到账没", "1234.50 CNY"),
        ("一共1.5万元", "15000 CNY"),
        ("要两亿元", "200000000 CNY"),
        ("转了3w块", "30000 CNY"),
        ("二十万块钱", "200000 CNY"),
        ("还差100多块", "100 CNY"),
        ("五十元", "50 CNY"),
        ("三百二十块五", "320.5 CNY"),
        ("5块5", "5.5 CNY"),
        ("烤肠2块一根", "2 CNY"),
        ("3块5毛2", "3.52 CNY"),
        ("282元3分", "282.03 CNY"),
        ("5毛钱", "0.5 CNY"),
        ("伍佰元", "500 CNY"),
        ("I paid £1,250.50 for it", "1250.50 GBP"),
        ("it was 20 dollars", "20 USD"),
        ("$1.2k", "1200 USD"),
        ("$3 million", "3000000 USD"),
        ("US$5", "5 USD"),
        ("HK$200", "200 HKD"),
        ("usd 30", "30 USD"),
        ("1000日元", "1000 JPY"),
        ("a hundred dollars please", "100 USD"),
        ("a hundred and fifty euros", "150 EUR"),
        ("fifty bucks", "50 USD"),
        ("20 quid", "20 GBP"),
        ("50 cents", "0.5 USD"),
    ],
)
def test_amounts_are_read_with_their_currency(text: str, value: str) -> None:
    """In figures or words, with sign or name, full width too."""
    assert values(text, "amount") == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100到200元", "100-200 CNY"),
        ("$10-20", "10-20 USD"),
        ("10 to 20 dollars", "10-20 USD"),
        ("二十到三十块", "20-30 CNY"),
    ],
)
def test_a_range_is_one_amount(text: str, value: str) -> None:
    """From, to, and the currency once."""
    assert values(text, "amount") == [value]


@pytest.mark.parametrize(("text", "value"), [("要两千三", "2300"), ("卖1.5万", "15000"), ("一共三百五", "350")])
def test_a_price_said_without_a_currency_has_none(text: str, value: str) -> None:
    """The number alone; whose money it is, nobody said."""
    assert values(text, "amount") == [value]


@pytest.mark.parametrize(
    "text",
    [
        "一块去吧",
        "两块手表",
        "2单元",
        "元旦",
        "第100元",
        "5 pounds overweight",
        "1.5万人",
        "两千三百个",
        "1080p",
        "三十",
    ],
)
def test_what_only_looks_like_money_is_none(text: str) -> None:
    """Pieces, weights, people and counts."""
    assert values(text, "amount") == []


def test_a_comma_of_the_sentence_is_not_of_the_amount() -> None:
    """Only a comma before three digits parts thousands."""
    assert [e.text for e in entities("paid $100, or ¥2,000, I forget")] == ["$100", "¥2,000"]
