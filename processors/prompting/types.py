"""What goes into a prompt, and what comes out: plain immutable data, and the port that counts tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from processors.ports import Passage
from schemas.events import Citation

Speaker = Literal["customer", "we"]


class Prompt(NamedTuple):
    """A prompt ready to be sent. `tokens` is an estimate of those of `text`; `max_tokens` bounds the answer.

    `citations`: the articles that are in the text, best first. `fingerprint`: the template's, name@version#hash.
    """

    text: str
    template: str
    fingerprint: str
    tokens: int
    citations: tuple[Citation, ...]
    stop: tuple[str, ...]
    max_tokens: int


class Said(NamedTuple):
    """Something said earlier in the conversation."""

    speaker: Speaker
    text: str


class Material(NamedTuple):
    """What one turn brings to its prompt. Everything but `scenario`, `step`, `lang` and `about` is data.

    `history`: oldest first, without the message itself. `passages`: best first, of this tenant's articles alone.
    `about`: what the tenant's policy says of itself.
    """

    tenant: str
    lang: str
    scenario: str
    step: str
    message: str
    slots: Mapping[str, str] = {}
    history: tuple[Said, ...] = ()
    passages: tuple[Passage, ...] = ()
    about: str = ""


class TokenCounter(Protocol):
    """How many tokens a text has, by estimate or by a real tokenizer."""

    fingerprint: str

    def count(self, text: str) -> int:
        """At least 0; for any text whatever; more text never has fewer tokens."""
        ...
