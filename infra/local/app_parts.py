"""Spillway's own processes in the local stack, as data: each is a `spillway` command with `SPILLWAY_*` variables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AppPart:
    """One Spillway process. It answers 200 at `http://127.0.0.1:$SPILLWAY_METRICS_PORT/ready` once it works.

    `command` follows `spillway`. `serves` says that it listens on the gateway's address.
    """

    name: str
    command: tuple[str, ...]
    serves: bool = False
    start_timeout: float = 60.0
    stop_grace: float = 20.0


WORKER = AppPart("worker", ("worker", "--stages", "intent,sentiment,entities,routing,reply"))
GENERATION = AppPart("generation", ("worker", "--stages", "generation"))
"""A process of its own: what models and their server do to it, it does to nobody else."""
SESSION_STATE = AppPart("session-state", ("projection", "session_state"))
ANALYTICS = AppPart("analytics", ("projection", "analytics"))
GATEWAY = AppPart("gateway", ("gateway",), serves=True)

APP_PARTS = (WORKER, GENERATION, SESSION_STATE, ANALYTICS, GATEWAY)
"""In the order in which they start; they stop in the opposite order."""
