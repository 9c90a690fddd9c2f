"""Where a group begins whose work others may have done before it: stages that worked apart, or chained."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.kafka_log import KAFKA_LOG
from streams.ownership import Place
from streams.topology import CHAINS, SPECS

PATIENCE = 60.0
AGAIN = 0.1


class Stood:
    """Positions for a reader (`positions=`), by what several groups have committed.

    stages: of each stage that will be run, the groups that may have done its work: it stands where the furthest of them
    does. Together they begin where the first of them stands; one that nobody ever worked on does not count, as long as
    there is another.
    """

    def __init__(self, bootstrap: str, stages: Sequence[Sequence[str]]) -> None:
        self._bootstrap, self._stages = bootstrap, [tuple(groups) for groups in stages]

    def __call__(self, places: Collection[Place]) -> Mapping[Place, int]:
        """Raises KafkaException when the broker does not say for a minute."""
        groups = {group for groups in self._stages for group in groups}
        admin = AdminClient({"bootstrap.servers": self._bootstrap}, logger=KAFKA_LOG)
        return earliest(self._stages, {group: committed(admin, group, places) for group in groups}, places)


def earliest(
    stages: Sequence[Sequence[str]], found: Mapping[str, Mapping[Place, int]], places: Collection[Place]
) -> dict[Place, int]:
    """Of each place where to begin; places without any position are left out. found: each group's offsets."""
    begin: dict[Place, int] = {}
    for place in places:
        done = [[found[g][place] for g in groups if place in found[g]] for groups in stages]
        stood = [max(offsets) for offsets in done if offsets]
        if stood:
            begin[place] = min(stood)
    return begin


def left_behind(found: Mapping[str, Mapping[Place, int]]) -> set[str]:
    """Of groups with their offsets, those whose work another has taken over: stages that are chained now, or a chain
    whose stages work apart now. What they are behind is nobody's lag."""
    behind = set()
    for chain in CHAINS:
        together = found.get(chain.group)
        if together is None:
            continue
        own = {group: found[group] for name in chain.stages if (group := SPECS[name].group) in found}
        late = {group for group, offsets in own.items() if _is_past(together, offsets)}
        if not late and len(own) == len(chain.stages) and all(_is_past(x, together) for x in own.values()):
            late = {chain.group}
        behind |= late
    return behind


def _is_past(one: Mapping[Place, int], other: Mapping[Place, int]) -> bool:
    return all(one.get(place, -1) >= offset for place, offset in other.items())


def committed(
    admin: AdminClient, group: str, places: Collection[Place], patience: float = PATIENCE
) -> dict[Place, int]:
    """What a group has committed of these places; those without are left out. Raises KafkaException."""
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(*place) for place in sorted(places)])
    end = time.monotonic() + patience
    while True:
        try:
            (answer,) = admin.list_consumer_group_offsets([asked], request_timeout=10.0).values()
            found = answer.result().topic_partitions
            if failed := next((p.error for p in found if p.error), None):
                raise KafkaException(failed)
            return {(p.topic, p.partition): p.offset for p in found if p.offset >= 0}
        except KafkaException:
            if time.monotonic() > end:
                raise
        time.sleep(AGAIN)
