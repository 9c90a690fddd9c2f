"""Templates of the intent grammars, and one text after another made of them.

A template is a line: `(a|b|)` chooses, `{slot}` is filled by a line of the slot list or by a maker, and `?` behind
either makes it optional. Choices and slots nest. Square brackets are text: masked data has `[数字x]`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

Maker = Callable[[random.Random], str]
_MARKS: Final = frozenset("(|){}?")
_DEPTH: Final = 8
"""Slots within slots; deeper means that they refer to each other."""


class GrammarBroken(ValueError):
    """A template cannot be read. The message names the template and what is wrong with it."""


class Choice(NamedTuple):
    """One of several sequences."""

    options: tuple[Sequenced, ...]


class Slot(NamedTuple):
    """A line of a slot list, or what a maker makes."""

    name: str


class Sequenced(NamedTuple):
    """Parts written one after another: text, slots and choices."""

    parts: tuple[str | Slot | Choice, ...]


def parse(template: str) -> Sequenced:
    """Raises GrammarBroken where a bracket has no partner, or `?` stands behind text."""
    found, end = _sequence(template, 0, 0)
    if end != len(template):
        raise GrammarBroken(f"{template!r}: `{template[end]}` at {end} belongs to no bracket")
    return found


def _sequence(template: str, at: int, depth: int) -> tuple[Sequenced, int]:
    parts: list[str | Slot | Choice] = []
    while at < len(template):
        mark = template[at]
        if mark in "|)" and depth:
            break
        if mark == "(":
            choice, at = _choice(template, at + 1, depth + 1)
            parts.append(choice)
        elif mark == "{":
            end = template.find("}", at)
            if end < 0:
                raise GrammarBroken(f"{template!r}: `{{` at {at} has no `}}`")
            parts.append(Slot(template[at + 1 : end]))
            at = end + 1
        elif mark == "?":
            if not parts or isinstance(parts[-1], str):
                raise GrammarBroken(f"{template!r}: `?` at {at} stands behind text; put the text in brackets")
            parts[-1] = Choice((Sequenced((parts[-1],)), Sequenced(())))
            at += 1
        elif mark in _MARKS:
            break
        else:
            start = at
            while at < len(template) and template[at] not in _MARKS:
                at += 1
            parts.append(template[start:at])
    return Sequenced(tuple(parts)), at


def _choice(template: str, at: int, depth: int) -> tuple[Choice, int]:
    options: list[Sequenced] = []
    while True:
        option, at = _sequence(template, at, depth)
        options.append(option)
        if at >= len(template):
            raise GrammarBroken(f"{template!r}: a `(` has no `)`")
        at += 1
        if template[at - 1] == ")":
            return Choice(tuple(options)), at


class Grammar(NamedTuple):
    """Slot lists and makers, by name. A maker goes before a list of the same name."""

    slots: Mapping[str, Sequence[Sequenced]]
    makers: Mapping[str, Maker]

    def write(self, sequence: Sequenced, rng: random.Random, depth: int = 0) -> str:
        """A text of it. Raises GrammarBroken for a slot that there is not, or that refers to itself."""
        if depth > _DEPTH:
            raise GrammarBroken(f"slots refer to each other: {sequence}")
        written: list[str] = []
        for part in sequence.parts:
            if isinstance(part, str):
                written.append(part)
            elif isinstance(part, Choice):
                written.append(self.write(rng.choice(part.options), rng, depth))
            elif part.name in self.makers:
                written.append(self.makers[part.name](rng))
            elif part.name in self.slots:
                written.append(self.write(rng.choice(self.slots[part.name]), rng, depth + 1))
            else:
                raise GrammarBroken(f"there is no slot {{{part.name}}}")
        return "".join(written)
