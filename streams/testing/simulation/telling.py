"""What happened, in words. Turns go by their ids here; the story puts in their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from schemas.events import (
    AgentReplied,
    DeadLettered,
    DialogueChanged,
    Event,
    FeedbackGiven,
    MessageReceived,
    ModelActivated,
    PolicyActivated,
    ReplyProduced,
    ScenarioRouted,
    SessionClosed,
    SessionReturned,
)

Tell = Callable[[str], None] | None
"""Takes a sentence of the story; None: nobody listens."""
_KINDS: Final[dict[type[Event], str]] = {
    ScenarioRouted: "the route",
    ReplyProduced: "the reply",
    DialogueChanged: "the change of dialogue",
    AgentReplied: "the desk's answer",
    DeadLettered: "the dead letter",
}
_OUTSIDE: Final[dict[type[Event], str]] = {
    FeedbackGiven: "feedback",
    SessionClosed: "the end of the conversation",
    SessionReturned: "the return to the bot",
    PolicyActivated: "a policy",
    ModelActivated: "a model",
}


def name_of(event: Event) -> str:
    """What an event is, and to which message it belongs."""
    meta = event.meta
    if isinstance(event, MessageReceived):
        return meta.event_id
    if type(event) in _OUTSIDE:
        return _OUTSIDE[type(event)]
    kind = _KINDS.get(type(event), f"the {meta.made_by.stage} signal")
    return f"{kind} for {meta.turn_id or meta.caused_by or meta.event_id}"


def names_of(events: Iterable[Event]) -> str:
    """Several of them."""
    return ", ".join(map(name_of, events))
