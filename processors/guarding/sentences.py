"""A reply as its sentences, so that it can be judged and cut by them."""

from __future__ import annotations

import re
from typing import Final

_END: Final = re.compile(
    r"(?:[。！？!?；]+[”’」』\"')）]*|(?<!\b[A-Z])(?<!\bNo)(?<!\be\.g)(?<!\bi\.e)(?<!\bapprox)\.+(?=\s|$"
    r"|[”\"')\u4e00-\u9fff])[”\"')]*"
    r"|\n+)(?:\s*\[\d{1,3}\])*\s*"
)
_CONTRAST: Final = re.compile(
    r"[,，;；]\s*(?=(?:but|however|although|and|so|yet)\b|但|不过|然而|而且|所以|因此)|\s+(?=but\b)"
)
_DONE: Final = re.compile(r"[。！？!?；.…”’」』\"')）\]:：]\s*$")


def sentences(text: str) -> list[str]:
    """The stretches of a text up to each sentence's end; joined they are the text."""
    found, start = [], 0
    for match in _END.finditer(text):
        if match.end() > start:
            found.append(text[start : match.end()])
            start = match.end()
    return [*found, text[start:]] if start < len(text) else found


def clauses(sentence: str) -> list[str]:
    """A sentence parted where it turns: what comes behind "but" is judged by itself."""
    return [part for part in _CONTRAST.split(sentence) if part.strip()]


def ends(text: str) -> bool:
    """Whether a text ends as a sentence does."""
    return _DONE.search(text) is not None
