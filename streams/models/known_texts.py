"""What a model said of a text is said again without asking it: customers write "ok", "thanks" and "你好" all day.

A model's answer depends on the text alone, bit for bit, whatever is asked beside it (bundle.py), so nobody can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from processors.ports import Intent, IntentModel, Sentiment, SentimentModel

A = TypeVar("A")

KEPT: Final = 8_192
"""Answers of a generation, of which there are two."""
LONGEST: Final = 120
"""Characters of a text that may come again; a longer one hardly does."""


class _Known(Generic[A]):
    """Threads may share it: at worst a model is asked twice."""

    def __init__(self, ask: Callable[[Sequence[str]], Sequence[A]], kept: int) -> None:
        self._ask, self._kept = ask, kept
        self._new: dict[str, A] = {}
        self._old: dict[str, A] = {}

    def answers(self, texts: Sequence[str]) -> list[A]:
        """One a text, in order; the model is asked once for those that are not known, each of them once."""
        found = {text: answer for text in texts if (answer := self._answer(text)) is not None}
        unknown = list(dict.fromkeys(text for text in texts if text not in found))
        if unknown:
            found.update(zip(unknown, self._ask(unknown), strict=True))
            for text in unknown:
                if len(text) <= LONGEST:
                    self._keep(text, found[text])
        return [found[text] for text in texts]

    def _answer(self, text: str) -> A | None:
        answer = self._new.get(text)
        if answer is None and (answer := self._old.get(text)) is not None:
            self._keep(text, answer)
        return answer

    def _keep(self, text: str, answer: A) -> None:
        self._new[text] = answer
        if len(self._new) >= self._kept:
            self._old, self._new = self._new, {}


class KnownIntents:
    """The port IntentModel, of a model whose answers are kept."""

    def __init__(self, model: IntentModel, kept: int = KEPT) -> None:
        self.fingerprint = model.fingerprint
        self._known: _Known[Intent] = _Known(model.detect, kept)

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        return self._known.answers(texts)


class KnownSentiments:
    """The port SentimentModel, of a model whose answers are kept."""

    def __init__(self, model: SentimentModel, kept: int = KEPT) -> None:
        self.fingerprint = model.fingerprint
        self._known: _Known[Sentiment] = _Known(model.score, kept)

    def score(self, texts: Sequence[str]) -> Sequence[Sentiment]:
        return self._known.answers(texts)
