"""The kinds of things that a message can name, and which of them point to a person."""

from __future__ import annotations

from typing import Final, NamedTuple

KINDS: Final = (
    "order_number", "tracking_number", "card_number", "account_number", "id_number", "amount", "date", "time",
    "phone", "email", "address", "person", "product", "place",
)  # fmt: skip
"""Every kind there is; also the names of the slots of templates. Of two equal claims the earlier kind wins."""
PERSONAL: Final = frozenset(
    {
        "order_number", "tracking_number", "card_number", "account_number", "id_number", "phone", "email", "address",
        "person",
    }
)  # fmt: skip
"""Kinds that point to a person."""

CUED, FORMED, GUESSED, LISTED = range(4)
"""How sure a claim is: a cue word or a check digit says so; its form; a bare number; a word of our lists."""


class Found(NamedTuple):
    """A claim on a stretch of the text: `start` to `end` in code points, and what it would be there."""

    start: int
    end: int
    kind: str
    value: str
    sure: int = FORMED
