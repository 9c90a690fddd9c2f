"""Models that say what they are told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

from processors.ports import Intent, Sentiment
from schemas.events import Candidate, Entity
from streams.models.fields import BundleRefused

M = TypeVar("M")


class ScriptedIntents:
    """Says of each text what the script says; of others that it is not understood.

    script: text to (label, scenario), or to a whole Intent.
    """

    def __init__(self, script: Mapping[str, tuple[str, str] | Intent], fingerprint: str = "scripted@1") -> None:
        self.fingerprint = fingerprint
        self._script = script

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Intent:
        found = self._script.get(text)
        lang = "en" if text.isascii() else "zh"
        match found:
            case None:
                return Intent("unclear", "other", 0.1, (), 0.1, lang)
            case Intent():
                return found
            case (label, scenario):
                return Intent(label, scenario, 0.9, (Candidate(label, 0.9),), 0.05, lang)


class ScriptedSentiments:
    """Gives each text the anger that the script gives it, and 0 where it gives none."""

    def __init__(self, anger: Mapping[str, float] | None = None, fingerprint: str = "scripted@1") -> None:
        self.fingerprint = fingerprint
        self._anger = anger or {}

    def score(self, texts: Sequence[str]) -> Sequence[Sentiment]:
        angry = [self._anger.get(text, 0.0) for text in texts]
        return [Sentiment(-a, "negative" if a > 0.3 else "neutral", a, 0.9) for a in angry]


class ScriptedEntities:
    """Finds in each text what the script says is in it."""

    def __init__(self, script: Mapping[str, Sequence[Entity]] | None = None, fingerprint: str = "scripted@1") -> None:
        self.fingerprint = fingerprint
        self._script = script or {}

    def extract(self, texts: Sequence[str], at: Sequence[int]) -> Sequence[tuple[Entity, ...]]:
        return [tuple(self._script.get(text, ())) for text in texts]


class ScriptedStore(Generic[M]):
    """A model store without files. `models`: what lies where; change it, and it lies there from then on."""

    def __init__(self, models: Mapping[str, M] | None = None) -> None:
        self.models = dict(models or {})
        self.asked: list[str] = []
        """Every location that was asked for, in order."""

    def load(self, location: str) -> M:
        """The model there. Raises BundleRefused where there is none."""
        self.asked.append(location)
        if location not in self.models:
            raise BundleRefused(Path(location), "is not there", "copy it into the store")
        return self.models[location]


INTENTS: Final = {
    "where is my order?": ("track_order", "order_query"),
    "我的订单到哪了": ("track_order", "order_query"),
    "I want to return this": ("return_item", "returns_exchange"),
    "let me talk to a human": ("ask_human", "human_handoff"),
}
"""What the kit's intents understand unless told otherwise."""
