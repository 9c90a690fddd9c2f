"""A model whose every answer is written down, to measure with figures that are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from infra.evaluation.reading import Group, Line
from streams.models.bundle import Head, Prediction

Said = Mapping[str, tuple[Sequence[float], float]]
"""By text: the probability of each label of the head asked, and the out-of-scope score (or anger)."""


class ScriptedModel:
    """Says `script[head][text]`, or `script[head][""]` to any other text."""

    def __init__(
        self, heads: Mapping[str, Head], script: Mapping[str, Said], fingerprint: str = "scripted@1#0"
    ) -> None:
        self.fingerprint = fingerprint
        self.heads = heads
        self.default_head = next(iter(heads))
        self.asked: list[str] = []
        self._script = script

    def predict(self, texts: Sequence[str], head: str | None = None) -> Prediction:
        said = self._script[head or self.default_head]
        self.asked += texts
        rows = [said[text] if text in said else said[""] for text in texts]
        return Prediction(np.array([r for r, _ in rows], np.float32), np.array([s for _, s in rows], np.float32))


def group(rows: Sequence[tuple[str, str]], name: str = "set") -> Group:
    """A group of (text, label); several labels are written `a|b`."""
    return Group(name, name.partition(".")[0], tuple(Line(text, tuple(label.split("|"))) for text, label in rows))
