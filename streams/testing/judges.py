"""Judges that say what they are told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

from streams.models.judge import Asked, Better, Opinion


class ScriptedJudge:
    """Asks a function of the replies which is better; remembers everything that it was asked.

    prefers: of two replies, first or second or tie, such as `longer`.
    """

    def __init__(self, prefers: Callable[[str, str], Better], name: str = "scripted") -> None:
        self.name = name
        self.fingerprint = f"{name}@1"
        self.asked: list[Asked] = []
        self._prefers = prefers

    def judge(self, items: Sequence[Asked]) -> Sequence[Opinion | None]:
        self.asked += items
        return [Opinion(self._prefers(item.first, item.second), 0.9, "as the script says") for item in items]


def longer(first: str, second: str) -> Better:
    """The longer reply is better."""
    if len(first) == len(second):
        return "tie"
    return "first" if len(first) > len(second) else "second"


def whatever_comes_first(first: str, second: str) -> Better:
    """What a judge does that looks at the place alone."""
    return "first"


def by_chance(first: str, second: str) -> Better:
    """Half and half, and the same whenever it is asked again; what it prefers has nothing to do with the order."""
    one, other = (sha256(text.encode("utf-8", "replace")).digest() for text in (first, second))
    return "tie" if one == other else "first" if one > other else "second"
