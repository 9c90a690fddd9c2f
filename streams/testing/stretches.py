"""The log in memory as a stretch to replay, and a cast of models that are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.catalogue import CONTROL, MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.events import PolicyActivated, Record, ScenarioRouted
from streams.bus import Bus
from streams.control import ControlFold
from streams.log import Unreadable
from streams.replay.cast import Cast
from streams.replay.stretch import PartitionStretch, Window

ALWAYS = Window(0, 1 << 62)


def a_stretch(bus: Bus, partition: int = 0, window: Window = ALWAYS) -> PartitionStretch:
    """A partition of the log in memory, as a stretch holds it."""

    def read(topic: str) -> tuple[Record | Unreadable, ...]:
        place = (topic, partition)
        return tuple(bus.read(place, 0, bus.end(place)))

    messages = tuple(r for r in read(MESSAGES) if window.start <= r.appended_at < window.end)
    known = [r for r in messages if isinstance(r, Record)]
    inside = {r.event.meta.event_id for r in known}
    sessions = {(r.event.meta.tenant_id, r.event.meta.session_id) for r in known}
    every = [r for r in read(ROUTES) if isinstance(r, Record)]
    routes = tuple(r for r in every if r.event.meta.caused_by in inside and not _before(r, window))
    first: dict[tuple[str, str], int] = {}
    for r in routes:
        first.setdefault((r.event.meta.tenant_id, r.event.meta.session_id), r.offset)
    before = tuple(
        r
        for r in every
        if (r.event.meta.caused_by not in inside or _before(r, window))
        and (name := (r.event.meta.tenant_id, r.event.meta.session_id)) in sessions
        and r.offset < first.get(name, 1 << 62)
    )
    signals = tuple(r for r in read(SIGNALS) if isinstance(r, Unreadable) or r.event.meta.turn_id in inside)
    replies = tuple(r for r in read(REPLIES) if isinstance(r, Record) and r.event.meta.turn_id in inside)
    return PartitionStretch(partition, before, messages, signals, routes, replies)


def _before(route: Record, window: Window) -> bool:
    """Whether a turn was decided before the window, of a message that may come again within it."""
    return isinstance(route.event, ScenarioRouted) and route.event.state.last_turn_at < window.start


def a_cast(
    bus: Bus,
    models: Mapping[str, Any] | None = None,
    known: Iterable[tuple[str, Any]] = (),
    policies: Iterable[PolicyActivated] | None = None,
    wait: float = 0.3,
) -> Cast:
    """A cast over the control log of `bus`. models: the candidate's. known: tasks and the models that can be loaded
    for them. policies: what holds instead of the recorded ones."""
    control = ControlFold()
    for record in bus.records(CONTROL):
        if policies is None or not isinstance(record.event, PolicyActivated):
            control.take(record)
    for number, activated in enumerate(policies or ()):
        control.take(Record(CONTROL, 0, 1_000_000 + number, 0, activated))
    loaded = {(task, model.fingerprint): model for task, model in known}
    changed = frozenset(models or {}) | (frozenset(("policy",)) if policies is not None else frozenset())
    return Cast(control, models or {}, lambda task, fingerprint: loaded.get((task, fingerprint)), wait, changed)
