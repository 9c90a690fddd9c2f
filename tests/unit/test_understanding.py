"""The stages that understand: one signal a message, whatever lies between."""

from __future__ import annotations

from processors.outcomes import Drop, Emit
from processors.stage import Context
from schemas.events import EntitiesExtracted, Event, IntentDetected, Record, SentimentScored
from schemas.identity import derived_id
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
from streams.understanding import Understanding

NOW = Context(EPOCH + 5)


def records(*events: Event) -> list[Record]:
    """These events as they lie in the log."""
    return [Record("chat.messages", 0, offset, EPOCH, event) for offset, event in enumerate(events)]


def test_each_message_gets_its_own_signal() -> None:
    """Outcomes are in the order of the records; what is no message is dropped and takes no model's answer."""
    stage = Understanding.intent(ScriptedIntents({"a": ("label_a", "payment"), "b": ("label_b", "logistics")}))
    outcomes = stage.process(records(a_message("a"), a_feedback(), a_close(), a_message("b"), a_return()), NOW)
    labels = [o.events[0].label for o in outcomes if isinstance(o, Emit) and isinstance(o.events[0], IntentDetected)]
    assert labels == ["label_a", "label_b"]
    assert [o for o in outcomes if not isinstance(o, Emit)] == [Drop("not_a_message")] * 3


def test_a_signal_belongs_to_its_messages_turn() -> None:
    """Its meta follows the message's: the same turn and deadline, an id that comes out the same again."""
    stage = Understanding.sentiment(ScriptedSentiments({"grr": 0.9}, "lexicon@7"))
    message = a_message("grr")
    (outcome,) = stage.process(records(message), NOW)
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
    (outcome,) = Understanding.entities(ScriptedEntities()).process(records(a_message("hi")), NOW)
    assert isinstance(outcome, Emit)
    (signal,) = outcome.events
    assert isinstance(signal, EntitiesExtracted)
    assert signal.entities == ()


def test_an_empty_batch_asks_no_model() -> None:
    """A tick costs nothing."""
    assert Understanding.entities(ScriptedEntities()).process([], NOW) == []
