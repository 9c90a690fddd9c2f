"""Numbers in words: Chinese numerals and English ones."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

HAN_DIGITS: Final = "零〇一二两三四五六七八九"
HAN_NUMERALS: Final = HAN_DIGITS + "十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟"
_DIGIT: Final = {
    **{c: n for n, c in enumerate("零一二三四五六七八九")}, **{c: n for n, c in enumerate("〇壹贰叁肆伍陆柒捌玖")},
    "两": 2,
}  # fmt: skip
_UNIT: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000, "万": 10_000, "亿": 10**8}

_ONES: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORD: Final = {
    **{w: n for n, w in enumerate(_ONES)}, **{w: n * 10 for n, w in enumerate(_TENS, 2)},
    "a": 1, "an": 1, "couple": 2, "dozen": 12,
}  # fmt: skip
_SCALE: Final = {"hundred": 100, "thousand": 1_000, "grand": 1_000, "million": 10**6}
HOUR_WORD: Final = f"(?:{'|'.join(_ONES[1:13])})"
"""A pattern: one to twelve."""
SMALL_WORD: Final = f"(?:{'|'.join((*_ONES[1:13], 'a couple of', 'a couple', 'an', 'a'))})"
"""A pattern: one to twelve, and a."""
NUMBER_WORD: Final = f"(?:{'|'.join(sorted((*_WORD, *_SCALE), key=len, reverse=True))})"
"""A pattern: a word of a number."""
NUMBER_WORDS: Final = frozenset((*_WORD, *_SCALE))
_SPLIT: Final = re.compile(r"[a-z]{1,12}").findall
FACTORS: Final = {
    "k": 1_000, "m": 10**6, "w": 10_000, "百": 100, "千": 1_000, "万": 10_000, "亿": 10**8, "hundred": 100,
    "thousand": 1_000, "grand": 1_000, "million": 10**6, "mil": 10**6,
}  # fmt: skip
"""What may stand after digits: 1.5万, $2k."""


def han_number(numeral: str) -> int | None:
    """三百二十 is 320, 两千三 is 2,300, 二〇二六 is 2026; None for what is no number: 百百, 两三."""
    if not numeral or any(c not in _DIGIT and c not in _UNIT for c in numeral):
        return None
    if all(c in _DIGIT for c in numeral):
        if len(numeral) == 2 and numeral[0] not in "零〇":  # 两三 is two or three
            return None
        return int("".join(str(_DIGIT[c]) for c in numeral))
    total = section = 0
    digit: int | None = None
    unit, after_zero = 0, False
    for c in numeral:
        if c in _DIGIT:
            if digit:
                return None
            digit, after_zero = _DIGIT[c], after_zero or _DIGIT[c] == 0
            continue
        factor = _UNIT[c]
        if factor >= 10_000:
            total, section = (total + section + (digit or 0)) * factor, 0
        elif digit is None and factor != 10:
            return None
        else:
            section += (1 if digit is None else digit or 1) * factor
        unit, digit, after_zero = factor, None, False
    shortened = digit is not None and not after_zero and unit >= 100
    return total + section + (digit or 0) * (unit // 10 if shortened else 1)


def small_number(written: str) -> int | None:
    """A count as it stands before days or hours: digits, a Chinese numeral, or an English word up to twelve."""
    if written.isdecimal():
        return int(written) if len(written) <= 9 else None
    if written in ("a couple of", "a couple"):
        return 2
    return _WORD.get(written, han_number(written))


def english_number(words: str) -> int | None:
    """ "a hundred and fifty" is 150; None where the words make no number, such as "and" alone."""
    total = current = 0
    seen = False
    for word in _SPLIT(words):
        if word in _SCALE:
            current = max(current, 1) * _SCALE[word]
            if _SCALE[word] >= 1_000:
                total, current = total + current, 0
            seen = True
        elif word in _WORD:
            current = current * _WORD[word] if word == "dozen" and current else current + _WORD[word]
            seen = seen or word not in ("a", "an")
    return total + current if seen else None


def decimal_text(value: Decimal) -> str:
    """Without exponent and without zeros that say nothing: 15000, 320.5."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
