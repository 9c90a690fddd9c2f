"""The fields of a bundle's documents, read with messages that name file, field and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


class BundleRefused(Exception):
    """A bundle that must not serve. The message names the file, what is wrong with it, and what to do."""

    def __init__(self, path: Path, wrong: str, remedy: str) -> None:
        super().__init__(f"{path}: {wrong}; {remedy}")
        self.path = path
        self.wrong = wrong
        self.remedy = remedy


_MISSING: Any = object()


class Fields:
    """A mapping of a document. Every reader takes a field's name and raises BundleRefused for what is not as it says.

    Fields that were read are remembered, so that `nothing_else` finds those that nobody knows.
    """

    def __init__(self, path: Path, place: str, document: object) -> None:
        self._path = path
        self._place = place
        if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
            raise BundleRefused(path, f"{place or 'the document'} is not a mapping of names", "see the model card")
        self._document: dict[str, Any] = document
        self._read: set[str] = set()

    def wrong(self, name: str, what: str, remedy: str) -> BundleRefused:
        """The refusal because of field `name`."""
        return BundleRefused(self._path, f"{self._field(name)} {what}", remedy)

    def names(self) -> frozenset[str]:
        """The fields that are there."""
        return frozenset(self._document)

    def values(self) -> dict[str, Any]:
        """Everything, as it stands."""
        self._read.update(self._document)
        return dict(self._document)

    def nothing_else(self) -> None:
        """Refuses fields that nobody read."""
        for name in sorted(self._document.keys() - self._read):
            raise self.wrong(name, "is unknown", "remove it, or use a version of Spillway that knows it")

    def text(self, name: str) -> str:
        """Text that is not empty."""
        value = self._value(name)
        if not isinstance(value, str) or not value:
            raise self.wrong(name, f"is {value!r}", "it must be text (in YAML, quote what looks like a number)")
        return value

    def matching(self, name: str, pattern: re.Pattern[str], meaning: str) -> str:
        """Text of a form."""
        value = self.text(name)
        if not pattern.fullmatch(value):
            raise self.wrong(name, f"is {value!r}", f"it must be {meaning}")
        return value

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        """One of the allowed."""
        value = self.text(name)
        if value not in allowed:
            raise self.wrong(name, f"is {value!r}", f"it must be one of {', '.join(allowed)}")
        return value

    def flag(self, name: str) -> bool:
        """true or false."""
        value = self._value(name)
        if not isinstance(value, bool):
            raise self.wrong(name, f"is {value!r}", "it must be true or false")
        return value

    def whole(self, name: str, least: int = 0, most: int = 2**53, absent: int | None = None) -> int:
        """A whole number within bounds."""
        value = self._value(name, _MISSING if absent is None else absent)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(name, f"is {value!r}", f"it must be a whole number from {least} to {most}")
        return value

    def number(self, name: str) -> float:
        """A number."""
        value = self._value(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.wrong(name, f"is {value!r}", "it must be a number")
        return float(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, at least one."""
        value = self._value(name)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
            raise self.wrong(name, "is not a list of texts", "list at least one; quote yes, no, on, off and numbers")
        return tuple(value)

    def wholes(self, name: str, absent: tuple[int, ...]) -> tuple[int, ...]:
        """A list of whole numbers."""
        value = self._value(name, list(absent))
        if not isinstance(value, list) or not all(isinstance(v, int) and not isinstance(v, bool) for v in value):
            raise self.wrong(name, f"is {value!r}", "it must be a list of whole numbers")
        return tuple(value)

    def span(self, name: str) -> tuple[int, int]:
        """[shortest, longest]; nothing or an empty list is none, (0, 0)."""
        value = self._value(name) or [0, 0]
        if not isinstance(value, list) or len(value) != 2 or not all(type(v) is int for v in value):
            raise self.wrong(name, f"is {value!r}", "it must be [shortest, longest]")
        return (value[0], value[1])

    def section(self, name: str, may_be_absent: bool = False) -> Fields:
        """A mapping inside."""
        value = self._value(name, {} if may_be_absent else _MISSING)
        return Fields(self._path, self._field(name), {} if value is None and may_be_absent else value)

    def named_sections(self) -> Iterator[tuple[str, Fields]]:
        """All that is inside, each a mapping; at least one."""
        if not self._document:
            raise BundleRefused(self._path, f"{self._place} is empty", "it must hold at least one")
        for name in self._document:
            yield name, self.section(name)

    def sections(self, name: str, may_be_empty: bool = False) -> list[Fields]:
        """A list of mappings; at least one, unless it may be empty."""
        value = self._value(name, [] if may_be_empty else _MISSING)
        if not isinstance(value, list) or not (value or may_be_empty):
            raise self.wrong(name, "is not a list", "list at least one")
        return [Fields(self._path, f"{self._field(name)}[{i}]", v) for i, v in enumerate(value)]

    def _value(self, name: str, absent: Any = _MISSING) -> Any:
        self._read.add(name)
        value = self._document.get(name, absent)
        if value is _MISSING:
            raise self.wrong(name, "is missing", "write it, or train the bundle again")
        return value

    def _field(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name
