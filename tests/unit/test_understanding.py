"""The stages that understand: one signal a message, whatever lies between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from processors.outcomes import Drop, Emit, Outcome, Retry
from processors.stage import Context
from schemas.events import EntitiesExtracted, Event, IntentDetected, Record, SentimentScored
from schemas.identity import derived_id
from streams.models.runner import CannotRun
from streams.testing import (
    EPOCH,
    ScriptedEntities,
    ScriptedIntents,
    ScriptedSentiments,
    a_close,
    a_feedback,
    a_message,
    a_return,
)
from streams.understanding import CANNOT_RUN, IntentStage, SentimentStage, Understanding

NOW = Context(EPOCH + 5)


def done(stage: Understanding[Any], given: Sequence[Record]) -> Sequence[Outcome]:
    """What the stage makes of the batch, which it does not hold."""
    outcomes = stage.process(given, NOW)
    assert not isinstance(outcomes, Retry)
    return outcomes


def records(*events: Event) -> list[Record]:
    """These events as they lie in the log."""
    return [Record("chat.messages", 0, offset, EPOCH, event) for offset, event in enumerate(events)]


def test_each_message_gets_its_own_signal() -> None:
    """Outcomes are in the order of the records; what is no message is dropped and takes no model's answer."""
    stage = Understanding.intent(ScriptedIntents({"a": ("label_a", "payment"), "b": ("label_b", "logistics")}))
    outcomes = done(stage, records(a_message("a"), a_feedback(), a_close(), a_message("b"), a_return()))
    labels = [o.events[0].label for o in outcomes if isinstance(o, Emit) and isinstance(o.events[0], IntentDetected)]
    assert labels == ["label_a", "label_b"]
    assert [o for o in outcomes if not isinstance(o, Emit)] == [Drop("not_a_message")] * 3


def test_a_signal_belongs_to_its_messages_turn() -> None:
    """Its meta follows the message's: the same turn and deadline, an id that comes out the same again."""
    stage = Understanding.sentiment(ScriptedSentiments({"grr": 0.9}, "lexicon@7"))
    message = a_message("grr")
    (outcome,) = done(stage, records(message))
    assert isinstance(outcome, Emit)
    (signal,) = outcome.events
    assert isinstance(signal, SentimentScored)
    meta = signal.meta
    assert signal.anger == 0.9
    assert (meta.turn_id, meta.deadline_at) == (message.meta.turn_id, message.meta.deadline_at)
    assert meta.event_id == derived_id("live", "sentiment", message.meta.event_id)
    assert (meta.made_by, meta.occurred_at) == (("sentiment", "lexicon@7"), NOW.now)


def test_entities_of_a_message_that_names_nothing() -> None:
    """Nothing found is a signal too: routing need not wait for it."""
    (outcome,) = done(Understanding.entities(ScriptedEntities()), records(a_message("hi")))
    assert isinstance(outcome, Emit)
    (signal,) = outcome.events
    assert isinstance(signal, EntitiesExtracted)
    assert signal.entities == ()


def test_an_empty_batch_asks_no_model() -> None:
    """A tick costs nothing."""
    assert Understanding.entities(ScriptedEntities()).process([], NOW) == []


class Alternating:
    """Gives the records these models in turn, and counts how often each is asked."""

    def __init__(self, *models: Any) -> None:
        self._models = models

    def models(self, records: Sequence[Record]) -> Sequence[Any]:
        return [self._models[i % len(self._models)] for i in range(len(records))]

    def status(self) -> dict[str, Any]:
        return {}


class Counted(ScriptedIntents):
    """Remembers the batches that it was asked for."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__({}, fingerprint)
        self.batches: list[list[str]] = []

    def detect(self, texts: Sequence[str]) -> Any:
        self.batches.append(list(texts))
        return super().detect(texts)


@pytest.mark.parametrize("models", [1, 2, 3])
def test_a_batch_with_several_models_keeps_its_order_and_names_each(models: int) -> None:
    """Each model sees its own messages at once; an event names the model that made it; the order is the log's."""
    each = [Counted(f"m{n}@1") for n in range(models)]
    messages = [a_message(f"text {n}") for n in range(10)]
    events: list[Event] = []
    for place, message in enumerate(messages):
        events += [message, a_feedback()] if place % 3 == 0 else [message]
    outcomes = done(IntentStage(Alternating(*each)), records(*events))
    signals = [o.events[0] for o in outcomes if isinstance(o, Emit)]
    assert [s.meta.turn_id for s in signals] == [m.meta.turn_id for m in messages]
    assert [s.meta.made_by.fingerprint for s in signals] == [f"m{n % models}@1" for n in range(10)]
    assert [m.batches for m in each] == [[[f"text {n}" for n in range(10) if n % models == k]] for k in range(models)]


def test_moods_are_split_alike() -> None:
    """What the one model says does not get into the other's events."""
    calm, cross = ScriptedSentiments({}, "calm@1"), ScriptedSentiments({"a": 0.9, "b": 0.9}, "cross@1")
    outcomes = done(SentimentStage(Alternating(calm, cross)), records(a_message("a"), a_message("b")))
    (first,), (second,) = (o.events for o in outcomes if isinstance(o, Emit))
    assert isinstance(first, SentimentScored)
    assert isinstance(second, SentimentScored)
    assert [(s.anger, s.meta.made_by.fingerprint) for s in (first, second)] == [(0.0, "calm@1"), (0.9, "cross@1")]


def test_a_stage_without_its_model_holds_the_whole_batch() -> None:
    """Nothing of it is decided before the model is there; a batch without messages needs none."""

    class NotYet(Alternating):
        def models(self, records: Sequence[Record]) -> Any:
            return Retry(0.05, "model_loading")

    stage = IntentStage(NotYet())
    assert stage.process(records(a_message(), a_feedback()), NOW) == Retry(0.05, "model_loading")
    assert stage.process(records(a_feedback()), NOW) == [Drop("not_a_message")]


def test_a_model_that_cannot_run_for_now_holds_the_batch() -> None:
    """Its server is away: nothing is rejected, and the batch is tried again."""

    class Away(ScriptedIntents):
        def detect(self, texts: Sequence[str]) -> Any:
            raise CannotRun("Triton's model m: UNAVAILABLE")

    stage = Understanding.intent(Away({}))
    assert stage.process(records(a_message()), NOW) == Retry(CANNOT_RUN, "model_cannot_run")
