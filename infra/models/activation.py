"""Models put in force and taken back: the events that say so, and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from infra.announcing import announce
from infra.local.errors import StackError
from infra.settings import Settings
from schemas.events import LIVE, MadeBy, Meta, ModelActivated
from schemas.identity import uuid5
from schemas.validation import GENERATING, TASKS, is_withdrawal, wrong_activation
from streams.control import ControlView
from streams.models.in_force import EVERY_TENANT, Timeline
from streams.models.manifest import Manifest


def activation(
    manifest: Manifest, location: str, tenant: str, effective_at: int, now: int, operator: str
) -> ModelActivated:
    """The event that puts a bundle of the store in force; its id says what, for whom and when. Times: microseconds."""
    return ModelActivated(
        _meta(manifest.task, tenant, manifest.fingerprint, effective_at, now),
        manifest.task,
        manifest.name,
        manifest.version,
        manifest.fingerprint,
        location,
        effective_at,
        operator,
    )


def served_activation(
    rung: str, name: str, fingerprint: str, tenant: str, effective_at: int, now: int, operator: str
) -> ModelActivated:
    """The event that lets a model of the generating server stand for a rung. `fingerprint`: name@version#hash."""
    version = fingerprint.partition("@")[2].partition("#")[0]
    meta = _meta(rung, tenant, fingerprint, effective_at, now)
    return ModelActivated(meta, rung, name, version, fingerprint, "", effective_at, operator)


def withdrawal(task: str, tenant: str, effective_at: int, now: int, operator: str) -> ModelActivated:
    """The event that ends what was activated for this tenant, or (empty) for every tenant."""
    return ModelActivated(_meta(task, tenant, "", effective_at, now), task, "", "", "", "", effective_at, operator)


def _meta(task: str, tenant: str, fingerprint: str, effective_at: int, now: int) -> Meta:
    id_ = uuid5(f"model|{task}|{tenant}|{fingerprint}|{effective_at}")
    return Meta(id_, tenant, "", None, None, LIVE, None, now, None, MadeBy("operators", fingerprint or "spillway"))


def publish(settings: Settings, event: ModelActivated) -> None:
    """Writes the event. Raises StackError where it makes no sense, or the broker does not take it."""
    if wrong := wrong_activation(event):
        raise StackError(wrong)
    announce(settings, event, "it", f"{event.location} is too long a place for chat.control: use a shorter name")


def history(control: ControlView, now: int) -> Iterator[dict[str, Any]]:
    """Every activation and withdrawal, by task and tenant, the newest first: planned, in force, past."""
    for task in (*TASKS, *GENERATING):
        timeline = Timeline.of(control, task)
        for tenant in (EVERY_TENANT, *timeline.tenants):
            standing = [a for a in timeline.standing(tenant, now).activations if a.meta.tenant_id == tenant][:1]
            for event in reversed(control.models(task, tenant)):
                yield {
                    "task": task,
                    "tenant": tenant or "*",
                    "state": _state(event, standing, now),
                    "fingerprint": event.fingerprint,
                    "effective_at": when(event.effective_at),
                    "by": event.operator,
                    "announced_at": when(event.meta.occurred_at),
                }


def _state(event: ModelActivated, standing: list[ModelActivated], now: int) -> str:
    if event.effective_at > now:
        return "planned"
    if is_withdrawal(event):
        return "withdrawn"
    return "in force" if event in standing else "past"


def when(micros: int) -> str:
    """A time as people read it, in UTC."""
    return datetime.fromtimestamp(micros / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
