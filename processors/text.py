"""One form for texts that mean the same to a reader: for keywords and for finding an answer given before."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from unicodedata import normalize

_UNSEEN: Final = re.compile(
    "[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\ud800-\udfff]"
)
_OFTEN: Final = 100
"""Characters of a text that is asked for again and again, by routing, by the cache, by the search."""
_MARKS: Final = re.compile(r"[^\w\s]|_")


def normalise(text: str, limit: int = 2_000) -> str:
    """Compatibility forms (full width, ligatures), case, unseen characters and white space evened out.

    Looks at the first `limit` characters. Any text whatever, also lone surrogates.
    """
    text = text[:limit]
    return _normalised(text) if len(text) <= _OFTEN else _form(text)


def _form(text: str) -> str:
    seen = _UNSEEN.sub("", text)
    return " ".join((seen.lower() if seen.isascii() else normalize("NFKC", seen).casefold()).split())


_normalised: Final = lru_cache(maxsize=4_096)(_form)


def question(text: str) -> str:
    """A text as the question it is: normalised, without punctuation and signs; may be empty."""
    return " ".join(_MARKS.sub(" ", normalise(text)).split())
