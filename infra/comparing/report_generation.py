"""A section of the report, and lines of the terminal: what models made, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from infra.comparing.generation import Generation
from infra.comparing.result import Comparison
from infra.comparing.wording import NONE, counted, seconds, share
from infra.reporting.markup import Html, joined, table
from infra.reporting.page import note

SAMPLED: Final = (
    "A model that samples can write another reply to the same prompt each time: part of what differs may be that. "
    "What it samples by is in its fingerprint. Times are of the model's server and its load when the reply was made, "
    "live or in the replay."
)


def generation(c: Comparison) -> Html:
    """Nothing where no model was asked."""
    if c.generation == (None, None):
        return Html("")
    columns = [dict(lines_of(side)) for side in c.generation]
    names = dict.fromkeys([*columns[0], *columns[1]])
    rows = [[name, *(column.get(name, NONE) for column in columns)] for name in names]
    shown = table(("", "A", "B"), rows, left=3, texts=(1, 2), caption="Turns for which a model was asked.")
    likeness = c.effect("reply_likeness")
    alike = [note(f"Replies of B are like those of A by {share(likeness.b)}: chrF, the mean.")] if likeness else []
    return joined([shown, *alike, note(SAMPLED)])


def told(c: Comparison) -> Iterator[str]:
    """The same for the terminal, a line each."""
    for name, side in zip("AB", c.generation, strict=True):
        if side is not None:
            said = ", ".join(f"{what} {how}" for what, how in lines_of(side))
            yield f"generated {name}     {said}"
    if c.generation != (None, None):
        yield f"                {SAMPLED}"


def lines_of(side: Generation | None) -> Iterator[tuple[str, str]]:
    """What there is to say of a side."""
    if side is None:
        return
    yield "asked", counted(side.asked, "turn")
    yield "answered by a model", f"{side.answered:,} ({share(side.answered / side.asked)})"
    yield "tokens a turn", f"{side.prompt_tokens:.0f} of prompt, {side.reply_tokens:.0f} of reply"
    yield "first text", _times(side.first_text)
    yield "whole reply", _times(side.whole)
    yield "guards", _counts(side.outcomes)
    yield "ended", _counts(side.finishes)
    yield "models", _counts(side.models)
    yield "prompts", _counts(side.prompts)


def _times(quantiles: tuple[float, float]) -> str:
    median, most = quantiles
    return f"{seconds(median)} at the median, {seconds(most)} at p95" if median == median else NONE


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())
