"""A look at a running stack from outside: every part is asked by its own protocol, whatever its supervisor believes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.local import clickhouse, kafka, postgres, registry
from infra.local.http_probe import answers_ok, json_of
from infra.local.process import memory_of
from infra.local.state import Folder, PartRecord, StackRecord, shown_address
from streams.log import newest_offsets
from streams.positions import left_behind

_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class PartStatus:
    """A part as it is now. `ready`: its protocol answers. Memory includes its children; PSS divides shared pages."""

    name: str
    version: str
    state: str
    ready: bool
    pid: int | None
    port: int | None
    address: str | None
    restarts: int
    rss_bytes: int
    pss_bytes: int
    log: str


@dataclass(frozen=True)
class StackStatus:
    """The whole stack. `lag` is by consumer group, in records; None where the broker could not be asked.

    `models`: of each stage that asks models, what its worker says of them.
    """

    data_dir: str
    ready: bool
    rss_bytes: int
    pss_bytes: int
    lag: dict[str, int] | None
    parts: list[PartStatus]
    models: dict[str, Any] = field(default_factory=dict)


def inspect_stack(folder: Folder) -> StackStatus:
    """Ask every part of the stack that runs on `folder`, its supervisor included.

    Raises:
        StackNotRunning: none runs there.
    """
    record = folder.running()
    with ThreadPoolExecutor(max(1, len(record.parts))) as pool:
        parts = [_supervisor(record), *pool.map(_look_at, record.parts)]
        said = list(pool.map(_models_of, record.parts))
    return StackStatus(
        data_dir=str(folder.path),
        ready=record.ready and all(part.ready for part in parts),
        rss_bytes=sum(part.rss_bytes for part in parts),
        pss_bytes=sum(part.pss_bytes for part in parts),
        lag=_lag(record.addresses.get("kafka")),
        parts=parts,
        models={stage: models for of_part in said for stage, models in of_part.items()},
    )


def group_lags(bootstrap: str) -> dict[str, int]:
    """How many records each consumer group with committed offsets is behind the ends of its partitions; without those
    whose work another group has taken over.

    Raises:
        KafkaException: the broker does not answer.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    listed = admin.list_consumer_groups(request_timeout=_TIMEOUT_S).result()
    committed: dict[str, list[TopicPartition]] = {}
    for group in sorted(found.group_id for found in listed.valid):
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=_TIMEOUT_S)
        offsets = asked[group].result().topic_partitions
        committed[group] = [position for position in offsets if position.offset >= 0]
    for group in left_behind({g: {(p.topic, p.partition): p.offset for p in ps} for g, ps in committed.items()}):
        del committed[group]
    places = {(position.topic, position.partition) for offsets in committed.values() for position in offsets}
    end_of = newest_offsets(admin, places, _TIMEOUT_S)
    return {
        group: sum(max(0, end_of[position.topic, position.partition] - position.offset) for position in offsets)
        for group, offsets in committed.items()
        if offsets
    }


def _lag(bootstrap: str | None) -> dict[str, int] | None:
    if bootstrap is None:
        return {}
    try:
        return group_lags(bootstrap)
    except KafkaException:
        return None


def _supervisor(record: StackRecord) -> PartStatus:
    # Its children are parts of their own: only itself is counted.
    process = record.supervisor.process()
    own = process.memory_full_info() if process else None
    return PartStatus(
        name="supervisor",
        version="",
        state="running" if process else "ended",
        ready=process is not None,
        pid=record.supervisor_pid,
        port=None,
        address=None,
        restarts=0,
        rss_bytes=own.rss if own else 0,
        pss_bytes=getattr(own, "pss", own.rss) if own else 0,
        log="",
    )


def _look_at(part: PartRecord) -> PartStatus:
    memory = memory_of(part.identity) if part.identity else None
    rss, pss = memory or (0, 0)
    return PartStatus(
        name=part.name,
        version=part.version,
        state=part.state,
        ready=memory is not None and part.address is not None and _probe(part)(),
        pid=part.pid,
        port=part.port,
        address=shown_address(part.address) if part.address else None,
        restarts=part.restarts,
        rss_bytes=rss,
        pss_bytes=pss,
        log=part.log,
    )


def _models_of(part: PartRecord) -> dict[str, Any]:
    said = json_of(part.health) if part.health else None
    models = said.get("models") if isinstance(said, dict) else None
    return models if isinstance(models, dict) else {}


def _probe(part: PartRecord) -> Callable[[], bool]:
    address = part.address or ""
    stores: dict[str, Callable[[str], bool]] = {
        "kafka": kafka.answers,
        "postgres": postgres.answers,
        "clickhouse": clickhouse.answers,
        "registry": registry.answers,
    }
    if part.name in stores:
        return lambda: stores[part.name](address)
    return lambda: answers_ok(part.health or address)
