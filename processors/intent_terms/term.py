"""How the words of an intent are written down."""

from __future__ import annotations

from typing import NamedTuple


class Terms(NamedTuple):
    """The family of an intent, and its terms by weight: 3 settles it, 2 speaks for it, 1 is a hint.

    `a+b` means both, anywhere in the text. Chinese terms are found anywhere, English ones as whole words in a row,
    after stemming. Terms are separated by `/`.
    """

    scenario: str
    strong: str = ""
    medium: str = ""
    weak: str = ""
