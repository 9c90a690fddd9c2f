"""Numbers of orders, parcels, telephones, cards, accounts and papers."""

from __future__ import annotations

import pytest

from processors.entities.accounts import is_chinese_id, is_luhn
from tests.unit.extracting import entities, kinds, values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("where is order 20260318334?", "20260318334"),
        ("订单号：２０２６０３１８３３４", "20260318334"),
        ("訂單20260318334", "20260318334"),
        ("my order number is ab-123456", "AB-123456"),
        ("order #W2378156", "W2378156"),
        ("#W2378156", "W2378156"),
        ("20260318334", "20260318334"),
        ("113-1234567-1234567", "113-1234567-1234567"),
        ("order 2026 0318 334", "20260318334"),
        ("订单号一二三四五六七八", "12345678"),
        ("order 20260503", "20260503"),
        ("confirmation number ABC123", "ABC123"),
        ("booking code NJVBPQ", "NJVBPQ"),
        ("订单号13812345678", "13812345678"),
    ],
)
def test_orders_are_found_by_cue_and_by_form(text: str, value: str) -> None:
    """In capitals, without spaces; a cue makes an order number of what else were a day or a telephone."""
    assert values(text, "order_number") == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("SF1234567890 到哪了", "SF1234567890"),
        ("我的YT1234567890123到哪了", "YT1234567890123"),
        ("JD0012345678901", "JD0012345678901"),
        ("1Z999AA10123456784", "1Z999AA10123456784"),
        ("RR473124829GB", "RR473124829GB"),
        ("tracking number 998877665544", "998877665544"),
        ("fedex 123456789012", "123456789012"),
        ("9400 1000 0000 0000 0000 00", "9400100000000000000000"),
        ("顺丰单号 1234567890", "1234567890"),
        ("快递单号：773012345678901", "773012345678901"),
    ],
)
def test_parcels_are_found_by_their_carriers_and_cues(text: str, value: str) -> None:
    """Chinese letters around a number do not hide it."""
    assert values(text, "tracking_number") == [value]


@pytest.mark.parametrize(
    "text",
    [
        "[订单编号]",
        "订单号：[数字x]",
        "[ORDERID_10016565]",
        "<order_number>",
        "stormwatching",
        "two lamps of 45 cm, bought in 2024",
        "my order 1000 dollars",
        "flight UA12345",
        "#12",
        "po box 34628",
        "RR123456789GB",
        "https://shop.example/o/20260318334",
        "@user20260318",
    ],
)
def test_masks_words_and_small_numbers_are_no_orders(text: str) -> None:
    """Nor are flights, links, handles, or a parcel's number that its check digit denies."""
    assert not {"order_number", "tracking_number"} & set(kinds(text).values())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("call 13812345678", "13812345678"),
        ("手机号138 1234 5678", "13812345678"),
        ("+86 138-1234-5678", "+8613812345678"),
        ("電話１３８１２３４５６７８", "13812345678"),
        ("138****5678", "138****5678"),
        ("010-88886666", "01088886666"),
        ("400-820-8820", "4008208820"),
        ("(212) 555-0123", "2125550123"),
        ("+1-800-555-0199", "+18005550199"),
        ("+44 20 7946 0958", "+442079460958"),
        ("my number is 07700 900123", "07700900123"),
        ("call me on 5550123", "5550123"),
        ("手机尾号1234", "1234"),
    ],
)
def test_telephones_are_found(text: str, value: str) -> None:
    """Spaced, dashed, masked; digits alone, with a + where one was."""
    assert values(text, "phone") == [value]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4111 1111 1111 1234", "1234"),
        ("4111111111111111", "1111"),
        ("卡号6222020200012345678", "5678"),
        ("card ending in 4321", "4321"),
        ("尾号1234的卡", "1234"),
        ("last four digits are 4279", "4279"),
        ("**** 4321", "4321"),
    ],
)
def test_cards_are_their_last_four_digits(text: str, value: str) -> None:
    """The whole number is not kept in a value."""
    assert values(text, "card_number") == [value]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("110101199003070134", "id_number", "110101199003070134"),
        ("身份证号110101199003071234", "id_number", "110101199003071234"),
        ("护照号E12345678", "id_number", "E12345678"),
        ("my ssn is 123-45-6789", "id_number", "123456789"),
        ("QQ 12 34 56 C", "id_number", ""),
        ("AB 12 34 56 C", "id_number", "AB123456C"),
        ("GB82 WEST 1234 5698 7654 32", "account_number", "GB82WEST12345698765432"),
        ("DE89370400440532013000", "account_number", "DE89370400440532013000"),
        ("account number 12345678", "account_number", "12345678"),
        ("policy number KAL 247515278", "account_number", "KAL247515278"),
        ("密码是123456", "account_number", "123456"),
    ],
)
def test_papers_and_accounts_are_found(text: str, kind: str, value: str) -> None:
    """By their check digits, or by what is said before them."""
    assert values(text, kind) == ([value] if value else [])


def test_check_digits_tell_numbers_from_papers() -> None:
    """One digit changed, and it is none."""
    assert is_luhn("4111111111111111")
    assert not is_luhn("4111111111111112")
    assert is_chinese_id("110101199003070134")
    assert not is_chinese_id("110101199003070135")
    assert not is_chinese_id("110101199013070134")
    assert kinds("GB82WEST12345698765433") == {}


def test_a_number_is_one_thing() -> None:
    """A telephone is no order, an amount is none, a day is none."""
    text = "order 20260318334, £5, call 13812345678, 1234567元, 20260503"
    assert [e.kind for e in entities(text)] == ["order_number", "amount", "phone", "amount", "date"]
