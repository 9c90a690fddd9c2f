"""The stages that understand a message: intent, sentiment, entities. Each puts its model's answers into events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from processors.outcomes import Drop, Emit, Outcome
from processors.ports import EntityModel, IntentModel, SentimentModel
from processors.stage import Context
from schemas.events import EntitiesExtracted, Event, IntentDetected, MessageReceived, Meta, Record, SentimentScored
from schemas.identity import follow

NOT_A_MESSAGE: Final = Drop("not_a_message")


class Understanding:
    """What the three have in common: a model sees the messages of a batch at once; nothing else concerns it."""

    name: str
    fingerprint: str

    @staticmethod
    def intent(model: IntentModel) -> IntentStage:
        """What the customer wants, and in which language."""
        return IntentStage(model)

    @staticmethod
    def sentiment(model: SentimentModel) -> SentimentStage:
        """How the customer feels."""
        return SentimentStage(model)

    @staticmethod
    def entities(model: EntityModel) -> EntitiesStage:
        """What the message names."""
        return EntitiesStage(model)

    def process(self, records: Sequence[Record], context: Context) -> Sequence[Outcome]:
        """One signal for each message, in order."""
        messages = [r.event for r in records if type(r.event) is MessageReceived]
        signals = self._signals(messages, context.now) if messages else iter(())
        return [Emit((next(signals),)) if type(r.event) is MessageReceived else NOT_A_MESSAGE for r in records]

    def _signals(self, messages: Sequence[MessageReceived], now: int) -> Iterator[Event]:
        raise NotImplementedError

    def _meta(self, message: MessageReceived, now: int) -> Meta:
        return follow(message.meta, self.name, self.fingerprint, now)


class IntentStage(Understanding):
    """What the customer wants, and in which language."""

    name = "intent"

    def __init__(self, model: IntentModel) -> None:
        self._model = model
        self.fingerprint = model.fingerprint

    def _signals(self, messages: Sequence[MessageReceived], now: int) -> Iterator[Event]:
        found = self._model.detect([m.text for m in messages])
        for message, intent in zip(messages, found, strict=True):
            yield IntentDetected(self._meta(message, now), *intent)


class SentimentStage(Understanding):
    """How the customer feels."""

    name = "sentiment"

    def __init__(self, model: SentimentModel) -> None:
        self._model = model
        self.fingerprint = model.fingerprint

    def _signals(self, messages: Sequence[MessageReceived], now: int) -> Iterator[Event]:
        found = self._model.score([m.text for m in messages])
        for message, sentiment in zip(messages, found, strict=True):
            yield SentimentScored(self._meta(message, now), *sentiment)


class EntitiesStage(Understanding):
    """What the message names."""

    name = "entities"

    def __init__(self, model: EntityModel) -> None:
        self._model = model
        self.fingerprint = model.fingerprint

    def _signals(self, messages: Sequence[MessageReceived], now: int) -> Iterator[Event]:
        found = self._model.extract([m.text for m in messages], [m.meta.occurred_at for m in messages])
        for message, entities in zip(messages, found, strict=True):
            yield EntitiesExtracted(self._meta(message, now), tuple(entities))
