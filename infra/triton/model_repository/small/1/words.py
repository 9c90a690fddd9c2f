"""The tokens of a generator without a vocabulary: a word with the space before it, or one Chinese character."""

import re

_WIDE = r"\u3400-\u9fff\uff00-\uffef\u3000-\u303f"
_PIECE = re.compile(rf"\s*(?:[{_WIDE}]|[^\s{_WIDE}]+)|\s+$")
_TERM = re.compile(r"[a-z0-9]+|[\u3400-\u9fff]+")


def pieces_of(text: str) -> list[str]:
    """The text in pieces; joined, they are the text again."""
    return _PIECE.findall(text)


def terms_of(text: str) -> set[str]:
    """What a text is about, roughly: its words by their beginnings, and pairs of Chinese characters."""
    found = set()
    for run in _TERM.findall(text.lower()):
        if run[0] >= "\u3400":
            found |= {run[i : i + 2] for i in range(max(1, len(run) - 1))}
        elif len(run) > 2 or run.isdigit():
            found.add(run[:6])
    return found


def is_chinese(text: str) -> bool:
    """Whether Chinese characters outnumber Latin words."""
    return len(re.findall(r"[\u3400-\u9fff]", text)) > len(re.findall(r"[A-Za-z]+", text))
