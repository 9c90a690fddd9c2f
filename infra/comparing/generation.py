"""What models made of the turns that two runs share: who was asked, what it took, and how it ended, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infra.comparing.table import Numbers, Pairs, Turns
from processors.ladder import GENERATING


@dataclass(frozen=True)
class Generation:
    """Of one side. asked: turns for which a model was asked; answered: of those, by a model's own rung.

    prompt_tokens, reply_tokens: a turn, on average. first_text, whole: median and 95th percentile, seconds; NaN where
    there is none. models, prompts: fingerprints with their turns. outcomes: of the guard rails. finishes: how
    generations ended.
    """

    asked: int
    answered: int
    prompt_tokens: float
    reply_tokens: float
    first_text: tuple[float, float]
    whole: tuple[float, float]
    models: Mapping[str, int] = field(default_factory=dict)
    prompts: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    finishes: Mapping[str, int] = field(default_factory=dict)


def generation_of(pairs: Pairs) -> tuple[Generation | None, Generation | None]:
    """Both sides'; None of one in which no model was asked."""
    return _side(pairs.a), _side(pairs.b)


def _side(turns: Turns) -> Generation | None:
    asked = np.isfinite(turns.number("generated"))
    if not asked.any():
        return None
    return Generation(
        int(asked.sum()),
        int((asked & np.isin(turns.word("rung"), GENERATING)).sum()),
        float(np.nanmean(turns.number("prompt_tokens"))),
        float(np.nanmean(turns.number("reply_tokens"))),
        _quantiles(turns.number("first_text")),
        _quantiles(turns.number("generated")),
        *(_often(turns, name, asked) for name in ("generated_by", "prompt", "guarded", "finish")),
    )


def _quantiles(values: Numbers) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan")
    return float(np.quantile(known, 0.5)), float(np.quantile(known, 0.95))


def _often(turns: Turns, word: str, asked: NDArray[np.bool_]) -> dict[str, int]:
    """The words of these turns, the most frequent first."""
    return dict(Counter(str(each) or "none" for each in turns.word(word)[asked]).most_common())
