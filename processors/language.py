"""Which of the languages that we answer in a text is written in, by its letters."""

from __future__ import annotations

import re
from typing import Final

LIMIT: Final = 400
"""Characters looked at."""
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]").findall
_LATIN: Final = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*").findall
_LATIN_MARKED: Final = re.compile(r"[À-ÖØ-öø-ɏ]").findall
_KANA_HANGUL: Final = re.compile(r"[\u3041-\u30ff\uac00-\ud7af]").search
_IN_BRACKETS: Final = re.compile(r"\[[^\[\]]{0,20}\]|https?://\S+|\S+@\S+")
_SHORT: Final = frozenset({"a", "i", "u", "ok", "hi", "no", "ty", "k"})


def language(text: str) -> str:
    """zh, en, mixed (both), or und: no letters, or those of another language. Takes a bounded time."""
    text = text[:LIMIT]
    if text.isascii():
        words = _LATIN(text)
        return "en" if _speaks(words) else "und"
    text = _IN_BRACKETS.sub(" ", text)
    han = len(_HAN(text))
    words = _LATIN(text)
    if _KANA_HANGUL(text):
        return "und"
    if not han:
        marked = len(_LATIN_MARKED(text))
        return "en" if _speaks(words) and marked * 20 <= sum(map(len, words)) else "und"
    spoken = [w for w in words if w.islower() or len(w) > 5]
    return "mixed" if len(spoken) >= 3 and len(spoken) * 4 >= han else "zh"


def _speaks(words: list[str]) -> bool:
    """Whether these are words rather than a code's letters."""
    return any((len(w) > 1 and not w.isupper()) or len(w) > 3 or w.lower() in _SHORT for w in words)
