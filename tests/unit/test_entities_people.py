"""Addresses, names and mail in messages."""

from __future__ import annotations

import pytest

from tests.unit.extracting import kinds, values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("寄到上海市浦东新区世纪大道100号5楼501室", "上海市浦东新区世纪大道100号5楼501室"),
        ("我住在建国路88号", "建国路88号"),
        ("地址是广东省深圳市南山区", "广东省深圳市南山区"),
        ("麻烦查下沈阳市大东区东望北街117-10号", "沈阳市大东区"),
        ("send it to 123 Main Street, Springfield, IL 62704 please", "123 main street, springfield, il 62704"),
        ("221B Baker St", "221b baker st"),
        ("zip code 19122", "19122"),
        ("邮编200120", "200120"),
        ("SW1A 1AA", "sw1a 1aa"),
        ("I live in Seattle, WA, 98193.", "wa, 98193"),
    ],
)
def test_addresses_are_found(text: str, value: str) -> None:
    """A road with its number, a region with its district, a postcode."""
    assert any(found.startswith(value) for found in values(text, "address"))


@pytest.mark.parametrize(
    "text",
    [
        "5 minutes on the way",
        "20 items in place",
        "on the road",
        "走在路上",
        "城市超市",
        "省会城市的市中心区",
        "空调得弄一弄",
        "都市全部都市区",
        "b4 1st",
        "上海",
    ],
)
def test_ways_and_places_are_no_addresses(text: str) -> None:
    """Without a number, or with a number of something else."""
    assert values(text, "address") == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("我叫王小明，电话13812345678", "王小明"),
        ("我叫张伟电话是13812345678", "张伟"),
        ("收件人：欧阳娜娜", "欧阳娜娜"),
        ("姓名：赵丽颖", "赵丽颖"),
        ("联系人郭焱  电话", "郭焱"),
        ("王先生", "王"),
        ("my name is Anna Smith", "Anna Smith"),
        ("my name is anna and I need help", "anna"),
        ("this is Anna Smith speaking", "Anna Smith"),
        ("Mr. Smith's parcel", "Smith"),
        ("My name is Zoë O'Neill", "Zoë O'Neill"),
    ],
)
def test_names_follow_their_cues(text: str, value: str) -> None:
    """As written; the sentence goes on behind them."""
    assert values(text, "person") == [value]


@pytest.mark.parametrize(
    "text",
    [
        "我叫了外卖",
        "姓名全部调出来",
        "联系人项目里添加",
        "这位先生",
        "this is Ridiculous Service",
        "this is bad",
        "I'm Waiting",
        "THIS IS VERY BAD",
        "my name is wrong",
        "Anna",
    ],
)
def test_nobody_is_named_without_a_cue(text: str) -> None:
    """A word with a capital alone is no name."""
    assert values(text, "person") == []


def test_mail_is_found_in_any_letters() -> None:
    """In lower case; Chinese may follow without a space."""
    assert values("write to Lin.W@mail.example.", "email") == ["lin.w@mail.example"]
    assert values("我的邮箱lin@mail.example你发一下", "email") == ["lin@mail.example"]
    assert values("ＬＩＮ＠ｍａｉｌ．ｅｘａｍｐｌｅ", "email") == ["lin@mail.example"]
    assert "email" not in kinds("@united a@b").values()
