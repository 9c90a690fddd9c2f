"""Every metric of every Spillway process, in one place. They are updated once a batch, never once a record."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

QUICK = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
LATENCY = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

# Of a stage: how many records of a topic it has not read yet.
LAG: Final = Gauge("spillway_lag_records", "Records not read yet.", ("stage", "topic"))
# Of a stage: how long one batch took, from decoding to the commit.
BATCH_SECONDS: Final = Histogram("spillway_batch_seconds", "From decode to commit.", ("stage",), buckets=QUICK)
# Of a stage: how many records a batch had.
BATCH_RECORDS: Final = Counter("spillway_batch_records", "Records read.", ("stage",))
# What became of records: emit, drop, reject; reason: of a drop or a rejection.
OUTCOMES: Final = Counter("spillway_outcomes", "Outcomes of records.", ("stage", "outcome", "reason"))
# Events written, by their type.
EVENTS: Final = Counter("spillway_events", "Events written and acknowledged.", ("stage", "event"))
# Seconds for which a stage held its batch, since it could not work as a whole.
HELD_SECONDS: Final = Counter("spillway_held_seconds", "Time in which the stage could not work.", ("stage", "reason"))
# Records to the dead letters.
DEAD_LETTERS: Final = Counter("spillway_dead_letters", "Dead letters written.", ("stage", "reason"))
# 1 while a stage is stopped by its dead-letter limit.
HALTED: Final = Gauge("spillway_halted", "Stopped by the dead-letter limit.", ("stage",))
# 1 for the model of a task that is in force now; tenant: * for those without an activation of their own,
# tenant/experiment/arm for an arm's sessions while an experiment holds.
MODEL_IN_FORCE: Final = Gauge("spillway_model_in_force", "The model in force now.", ("task", "tenant", "fingerprint"))
# Activated bundles that cannot be used: the ones before them stay in force.
MODELS_REFUSED: Final = Gauge("spillway_models_refused", "Activated bundles that are refused.", ("task",))
# How long a bundle took to load and check, refused ones included.
MODEL_LOAD_SECONDS: Final = Histogram("spillway_model_load_seconds", "Loading a bundle.", ("task",), buckets=LATENCY)
# How long an assignment took to recover from the changelog, the last time.
RECOVERY_SECONDS: Final = Gauge("spillway_recovery_seconds", "The last recovery of a stage's state.", ("stage",))
# How many records that recovery read.
RECOVERY_RECORDS: Final = Gauge("spillway_recovery_records", "Records of the last recovery.", ("stage",))
# From the customer's message to the reply acknowledged by the log.
REPLY_SECONDS: Final = Histogram("spillway_reply_seconds", "From the message to its reply.", ("rung",), buckets=LATENCY)
# Replies by how they were made.
REPLIES: Final = Counter("spillway_replies", "Replies written.", ("rung", "scenario"))
# Replies made after the turn's deadline.
DEADLINE_MISSES: Final = Counter("spillway_deadline_misses", "Replies after the deadline.", ("rung",))
# How far behind its topics a projection is, in records.
PROJECTION_LAG: Final = Gauge("spillway_projection_lag_records", "Records not folded yet.", ("projection", "topic"))
# From a record's append to its being visible in the projection's store.
FRESHNESS_SECONDS: Final = Histogram(
    "spillway_projection_freshness_seconds", "From append to visible.", ("projection",), buckets=LATENCY
)
# Rows or records that a projection has stored.
PROJECTED: Final = Counter("spillway_projected_records", "Records folded and stored.", ("projection",))
# Requests that the gateway answered, by route and status.
GATEWAY_REQUESTS: Final = Counter("spillway_gateway_requests", "Requests answered.", ("route", "status"))
# How long the gateway took to answer; waiting for a reply included where it was asked for.
GATEWAY_SECONDS: Final = Histogram("spillway_gateway_seconds", "Request to response.", ("route",), buckets=LATENCY)
# Open WebSocket and server-sent event connections.
GATEWAY_STREAMS: Final = Gauge("spillway_gateway_streams", "Open reply streams.", ("kind",))
# Pieces of replies under way, to the log: written, or dropped since the broker was slow.
PARTIALS: Final = Counter("spillway_partials", "Pieces of replies that are being made.", ("outcome",))
# Seconds since the end of the control topic was last confirmed.
CONTROL_AGE: Final = Gauge("spillway_control_age_seconds", "Since the control log was last seen to its end.")
# Turns past the grace time without a disposition; anything but 0 is a customer who was dropped.
UNACCOUNTED: Final = Gauge("spillway_ledger_unaccounted", "Turns without a disposition.", ("tenant",))

ALL: Final = (
    LAG,
    BATCH_SECONDS,
    BATCH_RECORDS,
    OUTCOMES,
    EVENTS,
    HELD_SECONDS,
    DEAD_LETTERS,
    HALTED,
    MODEL_IN_FORCE,
    MODELS_REFUSED,
    MODEL_LOAD_SECONDS,
    RECOVERY_SECONDS,
    RECOVERY_RECORDS,
    REPLY_SECONDS,
    REPLIES,
    DEADLINE_MISSES,
    PROJECTION_LAG,
    FRESHNESS_SECONDS,
    PROJECTED,
    GATEWAY_REQUESTS,
    GATEWAY_SECONDS,
    GATEWAY_STREAMS,
    PARTIALS,
    CONTROL_AGE,
    UNACCOUNTED,
)
