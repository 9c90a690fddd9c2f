"""Conversations written to a real log, as the pipeline would write them, with chosen faults among them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from confluent_kafka import Producer

from schemas.catalogue import TOPIC_OF
from schemas.codec import Codec
from schemas.events import (
    LIVE,
    AgentReplied,
    Candidate,
    Customer,
    DeadLettered,
    DialogueChanged,
    DialogueState,
    EntitiesExtracted,
    Entity,
    Event,
    FeedbackGiven,
    Generated,
    IntentDetected,
    MadeBy,
    MessageReceived,
    Meta,
    PassedOver,
    ReplyProduced,
    ScenarioRouted,
    SentimentScored,
    SignalsUsed,
)
from schemas.identity import dead_letter_id, derived_id, follow, follow_as_reply, message_id, session_key, uuid5

GENERATED = Generated("small@1#0a1b2c3d4e5f", "answer@1#9", 200, 12, 1.0, 2.5, 0.25, "stop", "", "refused", ("lang",))
"""What a model did whose text was refused, so that a lower rung answered. A time of 1.0 stays a float everywhere."""


def now_us() -> int:
    """Microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def a_message(tenant: str, session: str, number: int, *, at: int, text: str = "where is my order?") -> MessageReceived:
    """Message `number` of a session, with a deadline ten seconds on."""
    id_ = message_id(tenant, "web", f"{session}-{number}")
    meta = Meta(id_, tenant, session, id_, at, LIVE, None, at, at + 10_000_000, MadeBy("web", "web@1#000000000000"))
    return MessageReceived(meta, text, "web", f"{session}-{number}", Customer("c1", "gold", True, {"b": "1", "a": "2"}))


def a_state(message: MessageReceived, number: int, *, handed_off: bool = False) -> DialogueState:
    """The dialogue's state after message `number`."""
    at = message.meta.occurred_at
    episode = message.meta.event_id
    return DialogueState(
        number, episode, at, number, "order_query", "asked", 0, handed_off, None, 0.25, at, at, ("order_query",)
    )


def signals_of(message: MessageReceived) -> tuple[Event, ...]:
    """What the three understanding stages make of a message."""
    meta, at = message.meta, message.meta.occurred_at + 1000
    top = (Candidate("order_status", 0.9), Candidate("other", 0.05))
    return (
        IntentDetected(follow(meta, "intent", "intent@1#1", at), "order_status", "order_query", 0.9, top, 0.0, "en"),
        SentimentScored(follow(meta, "sentiment", "sentiment@1#2", at), -0.5, "negative", 0.25, 1.0),
        EntitiesExtracted(follow(meta, "entities", "entities@1#3", at), (Entity("order_id", "12", "12", 0, 2),)),
    )


def a_route(message: MessageReceived, number: int, *, owner: str = "reply", handoff: bool = False) -> ScenarioRouted:
    """The decision on message `number`."""
    meta = follow(message.meta, "routing", "routing@1#4", message.meta.occurred_at + 2000)
    used = SignalsUsed("order_status", 0.9, 0.0, -0.5, 0.25, ())
    return ScenarioRouted(
        meta,
        message.text,
        "en",
        message.channel,
        message.customer.id,
        "order_query",
        "asked",
        "intent",
        owner,
        handoff,
        "asked_for" if handoff else None,
        ("human",) if handoff else ("cache", "template", "fallback"),
        "order.status",
        None,
        ("orders",),
        "knowledge@1#5",
        "policy@1#6",
        used,
        {"order_id": "12"},
        None,
        None,
        a_state(message, number, handed_off=handoff or owner == "human"),
    )


def a_reply(message: MessageReceived, number: int, *, handoff: bool = False) -> ReplyProduced:
    """The reply to message `number`."""
    meta = follow_as_reply(message.meta, "reply", "reply@1#7", message.meta.occurred_at + 3000)
    return ReplyProduced(
        meta,
        "It is on its way.",
        "human" if handoff else "template",
        (PassedOver("cache", "no_match"),),
        (),
        "en",
        "order_query",
        "order.status",
        "policy@1#6",
        "knowledge@1#5",
        message.meta.event_id,
        number,
        None,
        handoff,
        0.5,
    )


def an_agent_reply(message: MessageReceived, number: int = 0) -> AgentReplied:
    """A human's answer to a message."""
    meta = follow(message.meta, "desk", "desk@1#8", message.meta.occurred_at + 9000, number)
    return AgentReplied(meta, "I have looked into it.", "agent-1")


def feedback_on(message: MessageReceived, score: int = 5) -> FeedbackGiven:
    """A customer's score of a turn."""
    meta = message.meta._replace(event_id=derived_id(LIVE, "feedback", message.meta.event_id, score))
    return FeedbackGiven(meta, score, "thanks")


def closed(message: MessageReceived, number: int) -> DialogueChanged:
    """The dialogue's end, after message `number`."""
    meta = follow(message.meta, "routing", "routing@1#4", message.meta.occurred_at + 9500, 7)._replace(turn_id=None)
    return DialogueChanged(meta, "closed", a_state(message, number + 1))


def a_dead_letter(message: MessageReceived, partition: int, offset: int, reason: str = "invalid") -> DeadLettered:
    """The dead letter of a message that was refused."""
    at = message.meta.occurred_at
    meta = message.meta._replace(event_id=dead_letter_id("chat.messages", partition, offset))
    return DeadLettered(
        meta, "chat.messages", partition, offset, at, b"key", b"value", "intent", reason, "mend it", "MessageReceived"
    )


def a_turn(tenant: str, session: str, number: int, *, at: int | None = None, text: str = "where?") -> tuple[Event, ...]:
    """A whole turn that the reply stage answered."""
    message = a_message(tenant, session, number, at=at or now_us(), text=text)
    return (message, *signals_of(message), a_route(message, number), a_reply(message, number))


def write(bootstrap: str, events: Iterable[Event], raw: Sequence[tuple[str, bytes | None, bytes]] = ()) -> None:
    """Appends events, each with its session's key; and raw bytes: topic, key, value. Returns when all are there."""
    codec, producer = Codec(), Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    for event in events:
        key = session_key(event.meta.tenant_id, event.meta.session_id)
        producer.produce(TOPIC_OF[type(event)], codec.encode(event), key)
        producer.poll(0)
    for topic, key, value in raw:
        producer.produce(topic, value, key)
    assert producer.flush(30) == 0, "the broker did not take every record"


def some_id(name: str) -> str:
    """A UUID that depends on `name` alone."""
    return uuid5(name)
