"""What becomes of a dead letter that is sent back: the record itself, or a follow-up of its turn."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from confluent_kafka import Producer

from schemas.catalogue import MESSAGES, REPLIES
from schemas.codec import Codec, Undecodable
from schemas.events import (
    AgentReplied,
    DeadLettered,
    MadeBy,
    MessageReceived,
    Record,
    ReplyProduced,
)
from schemas.identity import message_id, session_key
from schemas.validation import wrong_event, wrong_run
from streams.kafka_log import KAFKA_LOG
from streams.log import read_to_end
from streams.sink import Undelivered, producer_config

TIME_TO_ANSWER = 30_000_000
"""Microseconds until the deadline of a follow-up."""


class Again(NamedTuple):
    """A record to be written. `how`: "again" under its own id, or as a "follow-up"."""

    how: str
    topic: str
    key: bytes
    value: bytes


class Not(NamedTuple):
    """Why a dead letter cannot go back."""

    why: str


class Settled(NamedTuple):
    """The dead letter's follow-up has its answer: nothing is left to do."""

    turn_id: str


def plan(letter: DeadLettered, answered: Container[str], codec: Codec, now: int) -> Again | Settled | Not:
    """How to send a dead letter back. `answered`: turns with a reply. `now`: microseconds.

    A turn that was never answered goes back under its own id, byte for byte. One that was (the customer had the
    fallback) is asked anew: a message of its own, caused by the dead letter; the same one however often it is sent.
    """
    if letter.offset < 0 or letter.value is None:
        return Not("it was never a record of the log: what made it must be mended")
    try:
        event = codec.decode(letter.topic, letter.value)
    except Undecodable as why:
        return Not(f"still not readable: {why}")
    if wrong := wrong_run(event):
        return Not(f"it is of no use to any customer: {wrong}")
    meta = event.meta
    if letter.topic != MESSAGES or not isinstance(event, MessageReceived):
        return Again("again", letter.topic, session_key(meta.tenant_id, meta.session_id), letter.value)
    if meta.event_id not in answered:
        if wrong := wrong_event(event, now):
            return Not(f"still invalid: {wrong}")
        return Again("again", letter.topic, session_key(meta.tenant_id, meta.session_id), letter.value)
    asked_anew = follow_up(event, letter, now)
    if asked_anew.meta.event_id in answered:
        return Settled(asked_anew.meta.event_id)
    if wrong := wrong_event(asked_anew, now):
        return Not(f"still invalid: {wrong}")
    return Again("follow-up", MESSAGES, session_key(meta.tenant_id, meta.session_id), codec.encode(asked_anew))


def follow_up(event: MessageReceived, letter: DeadLettered, now: int) -> MessageReceived:
    """The message asked anew; its id follows from the dead letter's alone."""
    channel_message_id = f"redrive-{letter.meta.event_id}"
    id_ = message_id(event.meta.tenant_id, event.channel, channel_message_id)
    meta = event.meta._replace(
        event_id=id_,
        turn_id=id_,
        turn_started_at=now,
        occurred_at=now,
        deadline_at=now + TIME_TO_ANSWER,
        caused_by=letter.meta.event_id,
        made_by=MadeBy("redrive", "redrive@1"),
    )
    return event._replace(meta=meta, channel_message_id=channel_message_id)


def answered_turns(bootstrap: str, codec: Codec) -> set[str]:
    """Every turn that has a reply in the log, by the bot or by a human."""
    turns = set()
    for record in read_to_end(bootstrap, [REPLIES], codec):
        if isinstance(record, Record) and isinstance(record.event, ReplyProduced | AgentReplied):
            turns.add(record.event.meta.turn_id or "")
    return turns


class Writer:
    """Writes records as they are; each is acknowledged before the next."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(producer_config(bootstrap), logger=KAFKA_LOG)

    def write(self, again: Again) -> None:
        """Raises Undelivered."""
        failed: list[object] = []
        self._producer.produce(
            again.topic, again.value, again.key, on_delivery=lambda error, _: failed.append(error) if error else None
        )
        if self._producer.flush(30) or failed:
            raise Undelivered(f"the broker refused a record: {failed[:1] or 'no answer in 30 s'}")
