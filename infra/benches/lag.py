"""How far readers are behind the log while a benchmark runs: in records, and in seconds of the traffic they read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from infra.benches.probing import listed
from infra.settings import Settings
from projections.analytics.schema import client_of
from projections.analytics.store import positions as analytics_positions
from projections.session_state.reading import positions as session_positions
from projections.session_state.store import SCHEMA, connect
from streams.kafka_log import KAFKA_LOG
from streams.log import Place, newest_offsets
from streams.topology import PROJECTIONS, STAGES

TIMEOUT: Final = 10.0
PREFIX: Final = "spillway."
RECENT: Final = 60_000_000
"""Microseconds: no projection that is looked at was further behind when that began."""
_PROJECTIONS: Final = {f"{PREFIX}{name}": name for name in PROJECTIONS}
_OWN_OUTPUT: Final = {spec.group: frozenset(spec.reads) & frozenset(spec.writes) for spec in STAGES}


@dataclass(frozen=True)
class Reading:
    """At `at` (seconds of the monotonic clock): each group's records behind, and the ends of what it reads, summed."""

    at: float
    behind: Mapping[str, int]
    ends: Mapping[str, int] = field(default_factory=dict)

    @property
    def most(self) -> int:
        """Of the group that is furthest behind."""
        return max(self.behind.values(), default=0)


class LagMeter:
    """Asks the broker again and again, over one connection. groups: those that have members, where none are named.

    stores: also asks the stores how far the projections are, which tell the broker only every few seconds; None: what
    they told the broker counts. What a stage reads of its own output does not count: it holds that back on purpose, as
    generation does with replies until their turns' deadlines.
    """

    def __init__(self, bootstrap: str, groups: Iterable[str] | None = None, stores: Settings | None = None) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}, logger=KAFKA_LOG)
        self.groups = tuple(sorted(groups)) if groups is not None else active_groups(self._admin)
        projections = [g for g in self.groups if g in _PROJECTIONS]
        self._stores = _Stores(stores, projections) if stores is not None and projections else None

    def read(self) -> Reading:
        """As of now. Raises KafkaException where the broker, one of AWAY or psycopg.Error where a store is away."""
        known = {} if self._stores is None else self._stores.positions()
        groups = [g for g in self.groups if g not in known]
        asked = {g: self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(g)]) for g in groups}
        for group, found in asked.items():
            listed = found[group].result(timeout=TIMEOUT).topic_partitions
            own = _OWN_OUTPUT.get(group, frozenset())
            known[group] = {(p.topic, p.partition): p.offset for p in listed if p.offset >= 0 and p.topic not in own}
        places = {place for positions in known.values() for place in positions}
        ends = newest_offsets(self._admin, places, TIMEOUT)
        return Reading(
            time.monotonic(),
            {g: sum(max(0, ends[place] - n) for place, n in known[g].items()) for g in self.groups},
            {g: sum(ends[place] for place in known[g]) for g in self.groups},
        )

    def close(self) -> None:
        """Lets go of the stores' connections."""
        if self._stores is not None:
            self._stores.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Stores:
    """How far the projections are, as their stores have it. The first look takes in everything, the next ones what was
    appended since: the index of the log is long."""

    def __init__(self, settings: Settings, groups: Sequence[str]) -> None:
        self._groups, self._since = groups, time.time_ns() // 1000 - RECENT
        self._postgres = connect(settings.postgres, SCHEMA)
        self._clickhouse = client_of(settings.clickhouse)
        self._listed = analytics_positions(self._clickhouse)

    def positions(self) -> dict[str, dict[Place, int]]:
        found: dict[str, dict[Place, int]] = {}
        for group in self._groups:
            if _PROJECTIONS[group] == "session_state":
                found[group] = session_positions(self._postgres)
            else:
                self._listed |= listed(self._clickhouse, self._since)
                found[group] = dict(self._listed)
        return found

    def close(self) -> None:
        self._postgres.close()
        self._clickhouse.close()


def active_groups(admin: AdminClient) -> tuple[str, ...]:
    """Our groups that have members now, by name; one that was left behind by an upgrade lags for ever."""
    listed = admin.list_consumer_groups(request_timeout=TIMEOUT).result()
    return tuple(
        sorted(
            g.group_id for g in listed.valid if g.group_id.startswith(PREFIX) and g.state != ConsumerGroupState.EMPTY
        )
    )


def lags(bootstrap: str, groups: Iterable[str]) -> dict[str, int]:
    """Records that each of the groups is behind the ends of its partitions, as of now.

    Raises KafkaException where the broker does not answer.
    """
    return dict(LagMeter(bootstrap, groups).read().behind)


def seconds_behind(readings: Sequence[Reading]) -> list[tuple[float, float]]:
    """Of each reading: seconds since the first, and how many seconds of its traffic the furthest group is behind.

    Traffic is what came in from the first reading to the last; groups whose topics stood still are left out.
    """
    if len(readings) < 2:
        return []
    first, last = readings[0], readings[-1]
    lasted = max(1e-9, last.at - first.at)
    per_s = {g: (end - first.ends.get(g, end)) / lasted for g, end in last.ends.items()}
    return [
        (r.at - first.at, max((r.behind.get(g, 0) / rate for g, rate in per_s.items() if rate > 0), default=0.0))
        for r in readings
    ]


def growth(seconds: Sequence[tuple[float, float]]) -> float:
    """By how much the lag grows, in seconds a second: the slope of a straight line through the readings.

    0: flat. 1: nothing is worked off. 0 of fewer than three readings.
    """
    if len(seconds) < 3:
        return 0.0
    mean_x = sum(x for x, _ in seconds) / len(seconds)
    mean_y = sum(y for _, y in seconds) / len(seconds)
    spread = sum((x - mean_x) ** 2 for x, _ in seconds)
    return sum((x - mean_x) * (y - mean_y) for x, y in seconds) / spread if spread else 0.0
