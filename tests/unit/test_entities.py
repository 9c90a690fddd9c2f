"""What holds for entities of every kind: words of lists, positions, overlaps, marks, and bounded work."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import processors.entities
from processors.entities import KINDS, LIMIT, PERSONAL, PatternEntities
from processors.entities.extraction import chosen, everything_told
from processors.entities.goods import GOODS
from processors.entities.kinds import CUED, FORMED, GUESSED, LISTED, Found
from processors.entities.places import PLACES
from tests.unit.extracting import MODEL, entities, kinds, values

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "entities.md"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("the lantern", "product", "lantern"),
        ("iPhones and shelves", "product", "iphone"),
        ("two scarves", "product", "scarf"),
        ("three credit cards", "product", "credit card"),
        ("苹果手机壳碎了", "product", "苹果手机壳"),
        ("我的空調坏了", "product", "空调"),
        ("寄到上海", "place", "上海"),
        ("New York to Reading", "place", "new york"),
        ("flight from JFK", "place", "jfk"),
        ("我在深圳市", "place", "深圳"),
    ],
)
def test_goods_and_places_are_words_of_our_lists(text: str, kind: str, value: str) -> None:
    """The longest word, in the singular, in simplified characters."""
    assert value in values(text, kind)


@pytest.mark.parametrize(
    "text",
    [
        "我的手机号码",
        "北京时间",
        "call my phone number",
        "I am reading",
        "a nice day",
        "book a flight",
        "普通知道",
        "turkeys",
        "laptopx",
    ],
)
def test_words_that_are_read_otherwise_are_not_meant(text: str) -> None:
    """A longer word hides a shorter one; towns that are words need their capital; words end where they end."""
    assert kinds(text) == {}


def test_the_lists_are_generous_in_both_languages() -> None:
    """Several hundred goods and places each."""
    for lists in (GOODS, PLACES):
        for words in (lists.han, lists.latin):
            assert len({value for options in words.values() for _, value in options if value}) >= 200


@pytest.mark.parametrize(
    "before", ["", "😀", "İ", "é́", "ﬁ", "👨\u200d👩\u200d👧 ", "\u202e", "你好，", "ẞ", "\ud800", "　"]
)
def test_positions_count_the_code_points_of_the_text_as_written(before: str) -> None:
    """Also after emoji, combining marks, letters that grow when lowered, and lone surrogates."""
    text = f"{before} order ２０２６０３１８３３４"
    (found,) = entities(text)
    assert text[found.start : found.end] == found.text == "２０２６０３１８３３４"
    assert found.value == "20260318334"


def test_what_points_to_a_person_is_marked() -> None:
    """Numbers, names and addresses are personal; amounts, days, goods and places are not."""
    text = (
        "my name is Anna, order 20260318334, SF1234567890123, card ending in 4321, account number 12345678, "
        "ssn 123-45-6789, call 13812345678 or a@b.example, 10 Downing Street, £5 for the lantern in Paris tomorrow "
        "at 5pm"
    )
    found = {e.kind: e.personal for e in entities(text)}
    assert found.keys() == set(KINDS)
    assert {kind for kind, personal in found.items() if personal} == PERSONAL


def test_of_overlapping_claims_the_longest_wins_and_guesses_lose() -> None:
    """Then the surest, then the first of the kinds; the order of finding does not matter."""
    claims = [
        Found(0, 12, "order_number", "guess", GUESSED),
        Found(2, 8, "amount", "6", FORMED),
        Found(5, 12, "phone", "7", FORMED),
        Found(20, 24, "date", "formed", FORMED),
        Found(20, 24, "order_number", "cued", CUED),
        Found(30, 32, "product", "p", LISTED),
        Found(30, 32, "place", "q", LISTED),
        Found(40, 40, "date", "nothing", CUED),
    ]
    expected = ["7", "cued", "p"]
    assert [c.value for c in chosen(claims)] == expected
    assert [c.value for c in chosen(claims[::-1])] == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", "2026-05-03"),
        ("time", "2026-05-03T15:30"),
        ("amount", "1234.50 CNY"),
        ("amount", "100-200 USD"),
        ("phone", "+442079460958"),
        ("phone", "13812345678"),
        ("email", "lin.w@mail.example"),
        ("tracking_number", "SF1234567890123"),
        ("order_number", "W2378156"),
        ("id_number", "110101199003070134"),
        ("account_number", "GB82WEST12345698765432"),
        ("product", "credit card"),
        ("place", "new york"),
    ],
)
def test_a_value_reads_as_itself(kind: str, value: str) -> None:
    """One form only: read again, it does not change."""
    assert value in values(value, kind)


def test_the_document_has_every_kind_and_its_mark() -> None:
    """A row each, with yes where it is personal."""
    rows = re.findall(r"^\| `(\w+)` \|( yes)? \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert {kind for kind, _ in rows} == set(KINDS)
    assert {kind for kind, personal in rows if personal} == PERSONAL


def test_masks_links_and_handles_name_nothing() -> None:
    """[姓名x] is where a name was."""
    assert kinds("[地址x] [NAME] @北京 @paris http://shop.example/phone <order_number>") == {}


def test_what_lies_beyond_the_limit_is_not_looked_at() -> None:
    """And before it everything is."""
    text = " " * (LIMIT - 20) + "order 20260318334" + " " * 20 + "order 20260318335"
    assert values(text, "order_number") == ["20260318334"]


def test_the_fingerprint_holds_every_table() -> None:
    """The same for every instance; another word in a list were another fingerprint."""
    content = everything_told().decode()
    assert PatternEntities().fingerprint == MODEL.fingerprint
    assert MODEL.fingerprint.startswith("patterns@2#")
    for entry in ("车厘子", "honolulu", "大前天", "慕容", "half past", "|₩|", "routing", "thanksgiving"):
        assert entry in content
    assert "/" + "processors" not in content


def patterns() -> Iterator[tuple[str, str, int]]:
    """Every pattern of the package with its name."""
    seen: set[int] = set()

    def inside(value: object) -> Iterator[re.Pattern[str]]:
        if isinstance(value, re.Pattern) and id(value) not in seen:
            seen.add(id(value))
            yield value
        elif isinstance(value, tuple):
            for item in value:
                yield from inside(item)
        elif isinstance(getattr(value, "__self__", None), re.Pattern):
            yield from inside(value.__self__)  # type: ignore[attr-defined]

    for module in pkgutil.iter_modules(processors.entities.__path__):
        for name, value in vars(importlib.import_module(f"processors.entities.{module.name}")).items():
            for pattern in inside(value):
                yield f"{module.name}.{name}", pattern.pattern, pattern.flags


def test_no_pattern_repeats_without_bound() -> None:
    """So the work at any position is bounded, and on a text proportional to its length."""
    parser = importlib.import_module("re._parser")
    found = list(patterns())
    assert len(found) > 50
    for name, pattern, flags in found:
        _, widest = parser.parse(pattern, flags).getwidth()
        assert widest <= 800, name


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "1 ",
        "a@",
        "+1 23 ",
        "order 1-",
        "a.",
        "¥1,",
        "一",
        "十",
        "路",
        "市区",
        "路1",
        "2月",
        "on 1/",
        "1:1",
        "手机",
        "上上个月",
        "1 a ",
        "12 main ",
        "gb12 ",
        "[a",
        "http://",
        "in a ",
        "one hundred and ",
        "三百二十块五",
        "今晚8点",
        "1 - 1 ",
        "*",
        "订单号:",
        "😀",
        "e\u0301",
        "北京市海淀区",
        "my name is ",
        "中山路100号",
        "tomorrow at 5pm ",
    ],
)
def test_texts_made_to_be_slow_come_to_an_end(text: str) -> None:
    """Ten thousand characters of what patterns begin with; every claim is looked at once."""
    long = text * (LIMIT // len(text))
    ends = [e.end for e in entities(long)]
    assert ends == sorted(ends)
