"""What a replay of a partition gives: the facts of its run, and what was measured of each turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.events import Record


class TurnMeasure(NamedTuple):
    """One turn of the candidate, beside the recorded one.

    turn_started_at: microseconds UTC. on_policy: whether the customer had seen what this candidate said before (always
    so when it is teacher-forced). differs: the decision fields that are not as recorded. score_difference: the biggest
    difference of a score. recomputed, served: which parts ran, and which were taken from the record, of intent,
    sentiment, entities, route, reply, human_reply, cache. missing_effects: what the candidate needed of the world and
    the record lacks. Seconds: of this turn's part, that of a batch shared evenly. What computes in the replay's own
    thread counts by the time that the thread had a core, so that a busy machine does not make it longer; models that
    run elsewhere, by the clock on the wall. tokens: read and written by models that count them.
    """

    tenant_id: str
    session_id: str
    turn_id: str
    turn_started_at: int
    on_policy: bool
    differs: tuple[str, ...]
    score_difference: float
    recomputed: tuple[str, ...]
    served: tuple[str, ...]
    missing_effects: tuple[str, ...]
    intent_seconds: float
    sentiment_seconds: float
    entities_seconds: float
    routing_seconds: float
    reply_seconds: float
    tokens: int


class PartitionReplay(NamedTuple):
    """records: the facts, by topic and offset, each at its recorded place; the same input gives the same, byte for
    byte. turns: in the order decided. counts: how much of what, for people and for the run's summary."""

    records: tuple[Record, ...]
    turns: tuple[TurnMeasure, ...]
    counts: Mapping[str, int]
