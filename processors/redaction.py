"""Texts without what points to a person, as far as it was found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from schemas.events import Entity

MIN_REPEATED: Final = 2
"""Characters from which on a name or number is looked for elsewhere; one letter is in every other word."""


def redact(text: str, entities: Iterable[Entity]) -> str:
    """The text with each personal stretch replaced by its kind: `call [phone]`.

    `entities` are those extracted from this very text. What they missed stays; where two overlap, the first one's kind
    stands for both.
    """
    parts, end = [], 0
    for entity in sorted((e for e in entities if e.personal), key=lambda e: (e.start, -e.end)):
        if entity.start >= end:
            parts += [text[end : entity.start], f"[{entity.kind}]"]
        end = max(end, entity.end)
    parts.append(text[end:])
    return "".join(parts)


def redact_repeated(text: str, entities: Iterable[Entity]) -> str:
    """Another text of the conversation, such as the reply, with what `entities` name as personal replaced in it."""
    known = {said: e.kind for e in entities if e.personal for said in (e.text, e.value) if len(said) >= MIN_REPEATED}
    if not known:
        return text
    any_of = re.compile("|".join(re.escape(said) for said in sorted(known, key=lambda said: (-len(said), said))))
    return any_of.sub(lambda match: f"[{known[match.group()]}]", text)
