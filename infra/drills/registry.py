"""Schemas that do not fit, and a registry that is away: refused before it is written, and worked without."""

from __future__ import annotations

from typing import Final

from infra.drills.drilling import Drilling
from schemas.compatibility import record_changes, snapshot

RECORD: Final = "MessageReceived"


def schemas(it: Drilling) -> None:
    """An incompatible change is refused by the check; workers run and start while the registry is down."""
    _incompatible(it)
    for i in range(it.plan.times):
        it.moment()
        name = ("worker", "worker-2", "session-state", "analytics", "gateway")[i % 5]
        if not it.ground.has(name):
            name = "worker"
        it.ground.stop("registry")
        with it.fault(
            f"{name} started while the registry is down", name, stores=name in ("session-state", "analytics")
        ):
            it.killed(name)
        it.wait(it.plan.hold / 4)
        it.ground.start("registry")
        it.ground.wait_ready("registry")


def _incompatible(it: Drilling) -> None:
    """A producer's schema that drops a field without a default must not get past the check."""
    now = snapshot().schemas[RECORD]
    changed = {**now, "fields": [f for f in now["fields"] if f["name"] != "text"]}
    breaking = [c for c in record_changes(RECORD, now, changed) if c.breaking]
    if not breaking:
        it.problem(f"a {RECORD} without its text passes for compatible")
    else:
        it.note(f"a {RECORD} without its text is refused: {breaking[0].what}")
