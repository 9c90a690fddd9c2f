"""The stages that understand a message: intent, sentiment, entities. Each puts its model's answers into events."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

from processors.outcomes import Drop, Emit, Outcome, Retry
from processors.ports import EntityModel, IntentModel, SentimentModel
from processors.stage import Context
from schemas.events import EntitiesExtracted, Event, IntentDetected, MessageReceived, Meta, Record, SentimentScored
from schemas.identity import follow
from streams.models.provider import Fingerprinted, Models, always
from streams.models.runner import CannotRun

NOT_A_MESSAGE: Final = Drop("not_a_message")
CANNOT_RUN: Final = 0.5
"""Seconds until a model whose server is away is asked again. Routing does not wait for the signal meanwhile."""

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Fingerprinted)


class Understanding(Generic[M]):
    """What the three have in common: a model sees the messages of a batch at once; nothing else concerns it.

    Where several models are in force within a batch, each sees its own messages, and each event names what made it.
    """

    name: str

    def __init__(self, models: Models[M]) -> None:
        self._models = models

    @staticmethod
    def intent(model: IntentModel) -> IntentStage:
        """What the customer wants, and in which language; by one model."""
        return IntentStage(always(model))

    @staticmethod
    def sentiment(model: SentimentModel) -> SentimentStage:
        """How the customer feels; by one model."""
        return SentimentStage(always(model))

    @staticmethod
    def entities(model: EntityModel) -> EntitiesStage:
        """What the message names; by one model."""
        return EntitiesStage(always(model))

    def process(self, records: Sequence[Record], context: Context) -> Sequence[Outcome] | Retry:
        """One signal for each message, in order. Retry: the model in force is not there yet, or cannot run for now."""
        asking = [r for r in records if isinstance(r.event, MessageReceived)]
        if not asking:
            return [NOT_A_MESSAGE] * len(records)
        models = self._models.models(asking)
        if isinstance(models, Retry):
            return models
        messages = [r.event for r in asking if isinstance(r.event, MessageReceived)]
        try:
            signals = iter(self._understood(messages, models, context.now))
        except CannotRun as err:
            log.warning("%s: held, %s", self.name, err)
            return Retry(CANNOT_RUN, "model_cannot_run")
        return [Emit((next(signals),)) if isinstance(r.event, MessageReceived) else NOT_A_MESSAGE for r in records]

    def status(self) -> dict[str, Any]:
        """Which models are in force now, and what is wrong with them."""
        return self._models.status()

    def _understood(self, messages: Sequence[MessageReceived], models: Sequence[M], now: int) -> Sequence[Event]:
        """The signals in the order of the messages, whichever model made them."""
        places: dict[int, list[int]] = {}
        for place, model in enumerate(models):
            places.setdefault(id(model), []).append(place)
        if len(places) == 1:
            return list(self._signals(models[0], messages, now))
        made: dict[int, Event] = {}
        for mine in places.values():
            made.update(zip(mine, self._signals(models[mine[0]], [messages[i] for i in mine], now), strict=True))
        return [made[place] for place in range(len(messages))]

    def _signals(self, model: M, messages: Sequence[MessageReceived], now: int) -> Iterator[Event]:
        raise NotImplementedError

    def _meta(self, message: MessageReceived, model: M, now: int) -> Meta:
        return follow(message.meta, self.name, model.fingerprint, now)


class IntentStage(Understanding[IntentModel]):
    """What the customer wants, and in which language."""

    name = "intent"

    def _signals(self, model: IntentModel, messages: Sequence[MessageReceived], now: int) -> Iterator[Event]:
        found = model.detect([m.text for m in messages])
        for message, intent in zip(messages, found, strict=True):
            yield IntentDetected(self._meta(message, model, now), *intent)


class SentimentStage(Understanding[SentimentModel]):
    """How the customer feels."""

    name = "sentiment"

    def _signals(self, model: SentimentModel, messages: Sequence[MessageReceived], now: int) -> Iterator[Event]:
        found = model.score([m.text for m in messages])
        for message, sentiment in zip(messages, found, strict=True):
            yield SentimentScored(self._meta(message, model, now), *sentiment)


class EntitiesStage(Understanding[EntityModel]):
    """What the message names."""

    name = "entities"

    def _signals(self, model: EntityModel, messages: Sequence[MessageReceived], now: int) -> Iterator[Event]:
        found = model.extract([m.text for m in messages], [m.meta.occurred_at for m in messages])
        for message, entities in zip(messages, found, strict=True):
            yield EntitiesExtracted(self._meta(message, model, now), tuple(entities))
