"""The port of sentiments, answered by a bundle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from processors.ports import Sentiment
from streams.models.bundle import Bundle
from streams.models.intent import DIGITS, rounded


class BundleSentiments:
    """What a bundle with the task sentiment says, by one of its heads (None: the default). The port SentimentModel."""

    def __init__(self, bundle: Bundle, head: str | None = None) -> None:
        if bundle.manifest.task != "sentiment":
            raise ValueError(f"{bundle.fingerprint} has the task {bundle.manifest.task}, not sentiment")
        self.fingerprint = bundle.fingerprint
        self._bundle = bundle
        self._head = head if head is not None else bundle.default_head
        self._labels = bundle.heads[self._head].labels
        self._positive, self._negative = self._labels.index("positive"), self._labels.index("negative")

    def score(self, texts: Sequence[str]) -> Sequence[Sentiment]:
        """One sentiment a text, in order, for any text whatever. The score is p(positive) - p(negative)."""
        prediction = self._bundle.predict(texts, self._head)
        probabilities = np.clip(prediction.probabilities.astype(np.float64), 0.0, 1.0)
        # Adding nothing turns a negative zero into zero.
        scores = np.round(probabilities[:, self._positive] - probabilities[:, self._negative], DIGITS) + 0.0
        best = probabilities.argmax(1)
        confidences = np.round(probabilities[np.arange(len(best)), best], DIGITS)
        anger = rounded(prediction.second)
        rows = zip(scores.tolist(), best.tolist(), anger.tolist(), confidences.tolist(), strict=True)
        return [Sentiment(score, self._labels[top], angry, confidence) for score, top, angry, confidence in rows]
