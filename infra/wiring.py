"""Puts the product together: which adapter stands behind which port, in this installation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.demo import TENANTS
from infra.local.errors import StackError
from infra.models.loading import active_intents, active_sentiments
from infra.settings import Settings
from infra.tenants import activation, load_tenant
from infra.topics import create_topics
from processors.entities import PatternEntities
from processors.policy import Tenant
from processors.stage import Stage
from projections import analytics, session_state
from schemas.catalogue import DEFAULT_PARTITIONS
from schemas.codec import Codec
from schemas.registry import RegistryError, ids_of, import_into
from streams.channels.keys import ensure_keys
from streams.channels.service import DeadlineFor, ten_seconds
from streams.control import Control, ControlView
from streams.health import AsksModels
from streams.policies import Policies
from streams.reply import Reply
from streams.reply_cache import LruReplyCache
from streams.routing import Routing
from streams.sink import Sink
from streams.topology import SPECS, StageSpec
from streams.understanding import IntentStage, SentimentStage, Understanding

CONTROL_PATIENCE = 60.0
SIGNAL_WAIT = 2.0
"""Seconds of log time that routing waits for a signal: about as long as a rebalance (docs/adr/0060)."""


def stage_builders(
    control: ControlView, settings: Settings, codec: Codec | None = None
) -> dict[str, Callable[[], Stage]]:
    """Of each stage of the topology, what makes it. Those that understand load their models when they are made, and
    generation begins to run beside the stage. codec: the installation's; None: with the pinned ids.
    """
    policies = Policies(control)
    return {
        "intent": lambda: IntentStage(active_intents(control, settings)),
        "sentiment": lambda: SentimentStage(active_sentiments(control, settings)),
        "entities": lambda: Understanding.entities(PatternEntities()),
        "routing": lambda: Routing(policies, wait=SIGNAL_WAIT),
        "reply": lambda: Reply(policies, LruReplyCache()),
        "generation": lambda: _generation(policies, control, settings, codec or Codec()),
    }


def _generation(policies: Policies, control: ControlView, settings: Settings, codec: Codec) -> Stage:
    from infra.generation.serving import generation_stage  # takes a while to load, and one process needs it

    return generation_stage(policies, control, settings, codec)


def build_stages(
    names: Sequence[str], control: ControlView, settings: Settings, codec: Codec | None = None
) -> list[tuple[StageSpec, Stage]]:
    """The named stages of the topology, ready to run.

    Raises KeyError on a name that it does not know, StackError where a model that the settings name is refused.
    """
    builders = stage_builders(control, settings, codec)
    return [(SPECS[name], builders[name]()) for name in names]


def models_of(stages: Iterable[tuple[StageSpec, Stage]]) -> dict[str, Any]:
    """Of each stage that asks models, which are in force and what is wrong with them."""
    return {spec.name: stage.status() for spec, stage in stages if isinstance(stage, AsksModels)}


def open_control(settings: Settings, codec: Codec) -> Control:
    """The control log, read to its end once. Raises StackError when the broker does not give it."""
    control = Control(settings.kafka, codec)
    control.start()
    if not control.wait_until_read(CONTROL_PATIENCE):
        control.close()
        raise StackError(f"chat.control could not be read from {settings.kafka} in {CONTROL_PATIENCE:.0f} s")
    return control


def _tenant(directory: Path) -> Tenant:
    tenant = load_tenant(directory)
    if isinstance(tenant, tuple):
        raise StackError("\n".join(str(problem) for problem in tenant))
    return tenant


def build_codec(settings: Settings) -> Codec:
    """The codec with the pinned ids, or with those of the installation's registry, kept on disk once looked up."""
    if settings.registry is None:
        return Codec()
    try:
        return Codec(ids_of(settings.registry, settings.data_dir / "registry-ids.json"))
    except RegistryError as err:
        raise StackError(str(err)) from err


@contextmanager
def channel_deadlines(settings: Settings) -> Iterator[DeadlineFor]:
    """Tenant and channel to the seconds that a reply may take, by the policy in force; for whoever sets deadlines."""
    control = open_control(settings, build_codec(settings))
    try:
        yield deadlines_by(Policies(control))
    finally:
        control.close()


def deadlines_by(policies: Policies) -> DeadlineFor:
    """The deadlines of the policies in force now."""

    def deadline_for(tenant: str, channel: str) -> float:
        version = policies.in_force(tenant, time.time_ns() // 1000)
        return ten_seconds(tenant, channel) if version is None else version.rules.policy.deadline(channel)

    return deadline_for


def prepare(
    settings: Settings, tenants: Path | None = TENANTS, partitions: int = DEFAULT_PARTITIONS, replication: int = 1
) -> None:
    """Topics, tables, the tenants' first policies and the gateway's keys: what must be there before anything runs.

    Safe to run again: what is there stays as it is; a tenant that has a policy keeps it.
    """
    create_topics(settings.kafka, partitions, replication)
    session_state.prepare(settings.postgres)
    analytics.migrate(settings.clickhouse)
    if settings.registry is not None:
        import_into(settings.registry)
    codec = build_codec(settings)
    control = open_control(settings, codec)
    try:
        known = set(control.tenants())
    finally:
        control.close()
    folders = sorted(p for p in tenants.iterdir() if (p / "policy.yaml").is_file()) if tenants else []
    now = time.time_ns() // 1000
    first = [activation(t, now, now) for t in map(_tenant, folders) if t.rules.tenant not in known]
    if first:
        Sink(settings.kafka, codec).send(first)
    ensure_keys(settings.data_dir, [*known, *(e.meta.tenant_id for e in first)])
