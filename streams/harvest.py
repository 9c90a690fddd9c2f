"""What a batch has come to, and how it gets out: produced, delivered, counted, and held against the limit."""

from __future__ import annotations

import time
from collections import Counter
from typing import NamedTuple

from processors.outcomes import Drop, Emit, Outcome
from schemas.catalogue import TOPIC_OF
from schemas.codec import Codec
from schemas.events import DeadLettered, Event, ReplyProduced
from streams import metrics
from streams.crash_points import Reached
from streams.dead_letter import Bad, DeadLetterLimit, dead_letter, halt, of_record, too_large
from streams.sink import Sink


class StageStopped(RuntimeError):
    """The stage has halted itself by its dead-letter limit; an operator must clear it."""


class Harvest:
    """The events and dead letters of one batch, in the order in which they were made."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.events: list[Event] = []
        self.bad: list[Bad] = []
        self.rejected: list[int] = []
        self.dropped: Counter[str] = Counter()
        self.records = 0
        self.emitted = 0

    def reject(self, found: Bad, position: int | None = None) -> None:
        """The record at `position` of the batch cannot be worked on; None: the one that was read last."""
        self.rejected.append(self.records - 1 if position is None else position)
        self.bad.append(found)

    def add(self, outcome: Outcome) -> None:
        """An outcome of a record that is not necessarily the last; a rejected one's bytes are made again."""
        if isinstance(outcome, Emit):
            self.events.extend(outcome.events)
            self.emitted += 1
        elif isinstance(outcome, Drop):
            self.dropped[outcome.reason] += 1
        else:
            self.bad.append(of_record(outcome.record, outcome.reason, outcome.detail, self._codec))


class Written(NamedTuple):
    """What was handed to the producer. `dead`: the dead letters of it, with those of what was too large."""

    outputs: list[Event]
    dead: list[DeadLettered]


class Delivery:
    """Gets the harvests of one stage out. One thread at a time.

    Stages that share a batch share a sink: each writes, then one waits for all, then each is told.
    """

    def __init__(self, stage: str, sink: Sink, limit: DeadLetterLimit, reached: Reached) -> None:
        self._stage, self._sink, self._limit, self._reached = stage, sink, limit, reached

    def deliver(self, harvest: Harvest, now: int) -> None:
        """Produces everything, and returns when the broker has it. Raises Undelivered."""
        written = self.write(harvest, now)
        if written.outputs:
            self._sink.deliver()
        self.delivered(harvest, written)

    def write(self, harvest: Harvest, now: int) -> Written:
        """Hands everything to the producer, without waiting."""
        dead = [dead_letter(bad, self._stage, now) for bad in harvest.bad]
        outputs = [*harvest.events, *dead]
        if outputs:
            self._reached("before_produce")
            left_out = self._sink.enqueue(outputs)
            if left_out:
                letters = [too_large(x, TOPIC_OF[type(x.event)], self._stage, now) for x in left_out]
                if self._sink.enqueue(letters):
                    raise RuntimeError("a dead letter is itself too large for its topic")
                dead += letters
            self._reached("after_produce")
        return Written(outputs, dead)

    def delivered(self, harvest: Harvest, written: Written) -> None:
        """The broker has all that was written: it is counted."""
        if written.outputs:
            self._reached("after_delivery")
        self._count(harvest, written.dead, written.outputs)

    def after_commit(self, harvest: Harvest, now: int) -> None:
        """Stops the stage when it has rejected too much: at the end of a batch, so that each clearing gets it on.

        Raises StageStopped, once the control log has it.
        """
        if harvest.events or harvest.bad:
            self._reached("after_commit")
        reason = self._limit.batch(harvest.records, sorted(harvest.rejected))
        if reason is not None:
            last = harvest.bad[-1] if harvest.bad else None
            cause = f"{last.topic}|{last.partition}|{last.offset}" if last is not None else str(now)
            self._sink.send([halt(self._stage, reason, cause, now)])
            metrics.HALTED.labels(self._stage).set(1)
            raise StageStopped(f"{self._stage} has halted: {reason}; see: spillway dead-letters list")

    def _count(self, harvest: Harvest, dead: list[DeadLettered], outputs: list[Event]) -> None:
        stage = self._stage
        if harvest.emitted:
            metrics.OUTCOMES.labels(stage, "emit", "").inc(harvest.emitted)
        for reason, number in harvest.dropped.items():
            metrics.OUTCOMES.labels(stage, "drop", reason).inc(number)
        for letter in dead:
            metrics.OUTCOMES.labels(stage, "reject", letter.reason).inc()
            metrics.DEAD_LETTERS.labels(stage, letter.reason).inc()
        for kind, number in Counter(type(event).__name__ for event in outputs).items():
            metrics.EVENTS.labels(stage, kind).inc(number)
        for event in harvest.events:
            if isinstance(event, ReplyProduced):
                count_reply(event, time.time())


def count_reply(reply: ReplyProduced, now: float) -> None:
    """A reply that the log has; `now` in seconds."""
    meta = reply.meta
    metrics.REPLIES.labels(reply.rung, reply.scenario).inc()
    if meta.turn_started_at is not None:
        metrics.REPLY_SECONDS.labels(reply.rung).observe(max(0.0, now - meta.turn_started_at / 1e6))
    if meta.deadline_at is not None and now * 1e6 > meta.deadline_at:
        metrics.DEADLINE_MISSES.labels(reply.rung).inc()
