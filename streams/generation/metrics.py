"""What the engine counts, for the dashboards."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from streams.metrics import LATENCY

STATES: Final = {"closed": 0, "probing": 1, "open": 2}

# Turns that ended. rung: of the answer, "none" where only the fallback was left; outcome: answered, none, cancelled.
TURNS: Final = Counter("spillway_generation_turns", "Turns that ended.", ("rung", "outcome"))
# Rungs that were passed over, by the reason that the reply records (docs/ladder.md).
PASSED_OVER: Final = Counter("spillway_generation_passed_over", "Rungs passed over.", ("rung", "reason"))
# Requests to models, by how they ended (docs/generation.md).
ENDS: Final = Counter("spillway_generation_ends", "Generations by their end.", ("model", "finish", "fault"))
# Tokens of prompts (kind prompt, an estimate) and of replies (kind reply, as the server counts).
TOKENS: Final = Counter("spillway_generation_tokens", "Tokens.", ("model", "kind"))
# What the guards said of generated texts; reason: of the first finding, empty where it passed.
GUARDED: Final = Counter("spillway_generation_guarded", "Verdicts on texts.", ("outcome", "reason"))
# From the request to its first text.
FIRST_SECONDS: Final = Histogram("spillway_generation_first_seconds", "To the first text.", ("model",), buckets=LATENCY)
# From the request to its end.
SECONDS: Final = Histogram("spillway_generation_seconds", "To the end.", ("model",), buckets=LATENCY)
# What turns waited in the queue before they began.
WAITED_SECONDS: Final = Histogram("spillway_generation_waited_seconds", "In the queue.", ("lane",), buckets=LATENCY)
# Turns that wait in the queue.
WAITING: Final = Gauge("spillway_generation_waiting", "Turns waiting for a place.")
# Turns that were handed over and have not ended.
UNDER_WAY: Final = Gauge("spillway_generation_under_way", "Turns handed over and not ended.")
# Tokens that are reserved in the pool.
IN_FLIGHT: Final = Gauge("spillway_generation_in_flight_tokens", "Tokens reserved in the pool.")
# 0 closed, 1 probing, 2 open.
BREAKER: Final = Gauge("spillway_generation_breaker", "State of the model's breaker.", ("model",))
# 1 while the model's server says that it is ready.
READY: Final = Gauge("spillway_generation_ready", "The model is ready.", ("model",))

ALL: Final = (
    TURNS,
    PASSED_OVER,
    ENDS,
    TOKENS,
    GUARDED,
    FIRST_SECONDS,
    SECONDS,
    WAITED_SECONDS,
    WAITING,
    UNDER_WAY,
    IN_FLIGHT,
    BREAKER,
    READY,
)
