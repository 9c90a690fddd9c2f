"""The port of intents, answered by a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.language import language
from processors.ports import Intent
from schemas.events import Candidate
from streams.models.bundle import Bundle

TOP: Final = 3
DIGITS: Final = 6
"""Kept of a probability: what lies behind them is noise of the processor."""


class BundleIntents:
    """What a bundle with the task intent says, by one of its heads (None: the default). The port IntentModel."""

    def __init__(self, bundle: Bundle, head: str | None = None) -> None:
        if bundle.manifest.task != "intent":
            raise ValueError(f"{bundle.fingerprint} has the task {bundle.manifest.task}, not intent")
        self.fingerprint = bundle.fingerprint
        self._bundle = bundle
        self._head = head if head is not None else bundle.default_head
        self._labels, scenarios, _ = bundle.heads[self._head]
        self._scenarios = [scenarios.get(label, "other") for label in self._labels]
        self._outside = np.array([scenario == "out_of_scope" for scenario in self._scenarios])

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        """One intent a text, in order, for any text whatever."""
        langs = [language(text) for text in texts]
        probabilities, outside = self._bundle.predict(texts, self._head, langs)
        # Outside is what the model does not know, and what it knows to be none of our business.
        outside = np.maximum(outside, probabilities[:, self._outside].sum(axis=1))
        best = _best(probabilities)
        of_best = rounded(np.take_along_axis(probabilities, best, axis=1)).tolist()
        rows = zip(best.tolist(), of_best, rounded(outside).tolist(), langs, strict=True)
        return [self._intent(*row) for row in rows]

    def _intent(self, best: list[int], probabilities: list[float], outside: float, lang: str) -> Intent:
        labels = self._labels
        top = tuple([Candidate(labels[i], p) for i, p in zip(best, probabilities, strict=True)])
        return Intent(labels[best[0]], self._scenarios[best[0]], probabilities[0], top, outside, lang)


def _best(probabilities: NDArray[np.float32]) -> NDArray[np.intp]:
    """The likeliest labels of each row, likeliest first; of equals, the one that is listed first."""
    if probabilities.shape[1] <= TOP:
        return np.argsort(-probabilities, axis=1, kind="stable")
    some = np.sort(np.argpartition(-probabilities, TOP - 1, axis=1)[:, :TOP], axis=1)
    order = np.argsort(-np.take_along_axis(probabilities, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)


def rounded(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Within 0 to 1, to the digits that mean something."""
    within: NDArray[np.float64] = np.clip(probabilities.astype(np.float64), 0.0, 1.0)
    return within.round(DIGITS)
