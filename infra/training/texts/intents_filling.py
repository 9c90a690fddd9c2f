"""What templates are filled with that no list can hold: numbers, names, addresses; and text without any sense."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from infra.training.texts.intents_grammar import Maker
from infra.training.texts.intents_words import words

_DIGITS: Final = "0123456789"
_ZH_FAMILY: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_ZH_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚英华玲辉玉萍红鹏飞梅鑫波斌宇浩凯健俊帆雪晨子涵欣怡雨泽"

_KEYS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SYMBOLS: Final = "!@#$%^&*()_+-=[]{};:,.<>/|~`"
_ZH_SYMBOLS: Final = "。，、；：……——（）《》！￥%&*#@～"
_EMOJI: Final = "😀😂🤣😅😊😍🙃😜🤔😴🙄😱🤯🥳👻🐱🐶🍎🍕🎉🔥💩🌈⭐🚗🏀🎵🌙🐼🍉"
_ZH_NOISE: Final = "啊阿的撒是发噶哦个额爱上对方过后就看了去我饿人他一于哦批自行车包你吗哈嘿呜嘎咕嘟哒噜咪呀咦唔嗷叭"


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(_DIGITS) for _ in range(count))


def order_en(rng: random.Random) -> str:
    """An order number as people write one: digits, a hash in front, letters and a dash."""
    kind = rng.randrange(7)
    if kind == 0:
        return f"#{_digits(rng, rng.randint(4, 7))}"
    if kind == 1:
        return f"{rng.choice('ABCDNPRSTXZ')}{rng.choice('ABCDKLMW')}-{_digits(rng, rng.randint(4, 8))}"
    if kind == 2:
        day = f"20{rng.randint(23, 27)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
        return f"{day}{_digits(rng, rng.randint(2, 5))}"
    if kind == 3:
        return f"{_digits(rng, 3)}-{_digits(rng, 7)}-{_digits(rng, rng.choice((4, 7)))}"
    if kind == 4:
        return f"{rng.choice(('ORD', 'W', 'SO', 'INV', 'TRK', '#W'))}{_digits(rng, rng.randint(5, 9))}"
    return _digits(rng, rng.randint(4, 13))


def order_zh(rng: random.Random) -> str:
    """An order number, or one of the masks that stand for it in anonymised talks."""
    if rng.random() < 0.35:
        return rng.choice(("[订单x]", "[数字x]", "[订单编号]", "[单号x]", "[ORDERID]"))
    return order_en(rng) if rng.random() < 0.3 else _digits(rng, rng.randint(6, 15))


def phone_en(rng: random.Random) -> str:
    """A telephone number, made up."""
    return rng.choice(("07{}", "+44 7{}", "555-{}", "({}) 555", "{}", "+1 {}")).format(_digits(rng, rng.randint(7, 10)))


def phone_zh(rng: random.Random) -> str:
    """A mobile number, made up."""
    return f"1{rng.choice('35789')}{_digits(rng, 9)}" if rng.random() < 0.8 else "[电话x]"


def name_en(rng: random.Random) -> str:
    """First name and family name, in small letters."""
    return f"{rng.choice(words('en_first_names'))} {rng.choice(words('en_last_names'))}"


def name_zh(rng: random.Random) -> str:
    """A name of two or three characters, or how one is addressed."""
    given = "".join(rng.choice(_ZH_GIVEN) for _ in range(rng.randint(1, 2)))
    return rng.choice(_ZH_FAMILY) + (rng.choice(("女士", "先生")) if rng.random() < 0.1 else given)


def address_en(rng: random.Random) -> str:
    """House number, street, town, and sometimes a code."""
    code = rng.choice(("", "", f" {_digits(rng, 5)}", f" {rng.choice('BLMNSW')}{_digits(rng, 1)} {_digits(rng, 1)}AB"))
    road = rng.choice(("street", "road", "st", "avenue", "lane", "drive"))
    return f"{rng.randint(1, 400)} {rng.choice(words('en_streets'))} {road} {rng.choice(words('en_towns'))}{code}"


def address_zh(rng: random.Random) -> str:
    """Town, road, number, and sometimes the flat."""
    block = f"{rng.randint(1, 20)}栋{rng.randint(101, 2808)}"
    flat = rng.choice(("", block, f"{rng.randint(1, 9)}单元{rng.randint(101, 999)}室"))
    return f"{rng.choice(words('zh_cities'))}市{rng.choice(words('zh_roads'))}路{rng.randint(1, 999)}号{flat}"


def email(rng: random.Random) -> str:
    """A mail address in a domain that is nobody's."""
    name, word = rng.choice(words("en_first_names")), rng.choice(words("login_words"))
    return f"{name}.{word}{rng.choice(('', _digits(rng, 2)))}@{rng.choice(('mail', 'post', 'web'))}.example"


def login(rng: random.Random) -> str:
    """A user name or a part number."""
    return f"{rng.choice(words('login_words'))}{rng.choice(('', '_', '-'))}{_digits(rng, rng.randint(2, 5))}"


def four(rng: random.Random) -> str:
    """Four digits."""
    return _digits(rng, 4)


def nonsense(rng: random.Random, lang: str) -> str:
    """Keys struck at random, signs, syllables without meaning, pictures: what no reading makes sense of."""
    kind = rng.randrange(7)
    if kind == 0:
        return _mash(rng)
    if kind == 1:
        signs = _SYMBOLS if lang == "en" else _SYMBOLS + _ZH_SYMBOLS
        return "".join(rng.choice(signs) * rng.randint(1, 3) for _ in range(rng.randint(2, 6)))
    if kind == 2:
        return "".join(rng.choice(_EMOJI) for _ in range(rng.randint(1, 5)))
    if kind == 3:
        return " ".join(_mash(rng) for _ in range(rng.randint(2, 4)))
    if lang == "en":
        return _syllables(rng) if kind < 6 else rng.choice("aehiloruxyz") * rng.randint(5, 16)
    if kind == 4:
        return rng.choice("啊哈呜嘿咦嗷喵汪略") * rng.randint(5, 14) + rng.choice(("", "嘎", "哒", "~~"))
    return "".join(rng.choice(_ZH_NOISE) for _ in range(rng.randint(4, 12)))


def _mash(rng: random.Random) -> str:
    """Neighbouring keys in a row, or any letters."""
    if rng.random() < 0.5:
        row = rng.choice(_KEYS)
        start = rng.randrange(len(row) - 3)
        return row[start : start + rng.randint(4, 7)] * rng.randint(1, 2)
    return "".join(rng.choice("qwrtplkjhgfdszxcvbnm" * 3 + "aeiou") for _ in range(rng.randint(5, 12)))


def _syllables(rng: random.Random) -> str:
    return " ".join(_word(rng) for _ in range(rng.randint(2, 5)))


def _word(rng: random.Random) -> str:
    return "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(1, 3)))


MAKERS: Final[Mapping[str, Mapping[str, Maker]]] = {
    "zh": {
        "order": order_zh, "phone": phone_zh, "name": name_zh, "address": address_zh, "email": email, "login": login,
        "four": four, "city": lambda rng: rng.choice(words("zh_cities")),
    },
    "en": {
        "order": order_en, "phone": phone_en, "name": name_en, "address": address_en, "email": email, "login": login,
        "four": four,
    },
}  # fmt: skip
"""Slots that are made up rather than listed, by language."""
