"""Entities of one text, as the tests ask for them."""

from __future__ import annotations

from processors.entities import PatternEntities
from processors.ports import EntityModel
from schemas.events import Entity

MODEL: EntityModel = PatternEntities()
NOON = 1_781_870_400_000_000
"""2026-06-19 12:00 UTC, a Friday."""


def entities(text: str, at: int = NOON) -> tuple[Entity, ...]:
    """What is found in a text."""
    return MODEL.extract([text], [at])[0]


def values(text: str, kind: str, at: int = NOON) -> list[str]:
    """The values of one kind, in the order of the text."""
    return [e.value for e in entities(text, at) if e.kind == kind]


def kinds(text: str) -> dict[str, str]:
    """The stretches found, and as what."""
    return {e.text: e.kind for e in entities(text)}
