"""What the decisions need from outside, as they see it. Adapters are built in infra/ and passed in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from schemas.events import Candidate, Entity


class Intent(NamedTuple):
    label: str
    scenario: str
    confidence: float
    top: tuple[Candidate, ...]
    out_of_scope: float
    lang: str


class Sentiment(NamedTuple):
    score: float
    label: str
    anger: float
    confidence: float


class IntentModel(Protocol):
    fingerprint: str

    def detect(self, texts: Sequence[str]) -> Sequence[Intent]:
        """One intent a text, in order, for any text whatever."""
        ...


class SentimentModel(Protocol):
    fingerprint: str

    def score(self, texts: Sequence[str]) -> Sequence[Sentiment]:
        """One sentiment a text, in order, for any text whatever."""
        ...


class EntityModel(Protocol):
    fingerprint: str

    def extract(self, texts: Sequence[str], at: Sequence[int]) -> Sequence[tuple[Entity, ...]]:
        """The entities of each text. `at`: when each was written (microseconds UTC), to resolve dates against."""
        ...


class Passage(NamedTuple):
    """A stretch of an article that answers. `score`: 0 to 1, comparable between queries of one tenant."""

    article_id: str
    title: str
    text: str
    score: float


class Knowledge(Protocol):
    """One version of one tenant's articles, searchable."""

    fingerprint: str

    def search(self, text: str, lang: str, scope: Sequence[str], limit: int = 3) -> Sequence[Passage]:
        """The best passages in `lang`, of articles with a tag in `scope` (empty: of all), best first."""
        ...
