"""Which of the languages that we answer in a text is written in, by its letters."""

from __future__ import annotations

import re
from typing import Final

LIMIT: Final = 400
"""Characters looked at."""
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]").findall
_LATIN: Final = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*").findall
_LATIN_MARKED: Final = re.compile(r"[À-ÖØ-öø-ɏ]").findall
_KANA_HANGUL: Final = re.compile(r"[\u3041-\u30ff\uac00-\ud7af]").findall
_OTHER_SCRIPTS: Final = re.compile(r"[\u0370-\u1cff\ua4d0-\uabff]").findall
_NO_SPEECH: Final = re.compile(r"\[[^\[\]]{0,20}\]|https?://[!-~]+|[\w.%+-]{0,64}@[\w-]+(?:\.[\w-]+)*", re.ASCII)
"""Masks, links, mail addresses and handles; of ASCII letters, since Chinese goes on behind them without a space."""
_SIGNS: Final = re.compile(r"[\[@/]").search
_SHORT: Final = frozenset(
    {
        "a", "i", "u", "ok", "hi", "no", "ty", "k", "and", "are", "but", "can", "did", "do", "for", "get", "had", "has",
        "he", "her", "him", "his", "how", "in", "is", "it", "its", "me", "my", "new", "not", "now", "of", "off", "old",
        "on", "one", "or", "our", "out", "pls", "she", "so", "the", "to", "too", "two", "was", "way", "we", "who",
        "why", "yes", "you",
    }
)  # fmt: skip
"""Words that are words also in capitals, which longer ones are anyway, and codes are not."""
_A_WORD: Final = 4
"""Letters from which on capitals are a word rather than a code."""
_FEW: Final = 5
"""One Japanese or Korean letter in so many does not make the text so: の on a signboard, a face drawn with ツ."""


def language(text: str) -> str:
    """zh, en, mixed (both), or und: no letters, or those of another language. Takes a bounded time.

    Traditional characters are zh, as are Chinese sentences with names and codes in Latin letters; from three words in
    small letters on, a quarter as many as the characters, it is mixed. Pinyin is what its letters are: en.
    """
    text = text[:LIMIT]
    if _SIGNS(text):
        text = _NO_SPEECH.sub(" ", text)
    words = _LATIN(text)
    if text.isascii():
        return "en" if _speaks(words) else "und"
    han, letters = len(_HAN(text)), sum(map(len, words))
    foreign = len(_KANA_HANGUL(text))
    if foreign * _FEW > han + letters or len(_OTHER_SCRIPTS(text)) >= max(han + letters, 1):
        return "und"
    if not han:
        marked = len(_LATIN_MARKED(text))
        return "en" if _speaks(words) and marked * 20 <= letters else "und"
    spoken = [w for w in words if (w.islower() and len(w) > 1) or len(w) > 5]
    return "mixed" if len(spoken) >= 3 and len(spoken) * 4 >= han else "zh"


def _speaks(words: list[str]) -> bool:
    """Whether these are words rather than a code's letters."""
    return any((len(w) > 1 and not w.isupper()) or len(w) >= _A_WORD or w.lower() in _SHORT for w in words)
