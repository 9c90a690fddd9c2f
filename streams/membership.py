"""Whether the readers of a process have their place in their groups: partitions, or none since others have all."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription  # type: ignore[attr-defined]

from streams.kafka_log import KAFKA_LOG
from streams.partitions import PartitionedReader

PATIENCE = 2.0
"""Seconds for which a probe waits for the broker's answer."""
ANSWER_WITHIN = 60.0
"""Seconds after which the client gives a question up. A question to a group's coordinator that its client gives up can
end the process (an assertion in librdkafka, its issue 4605): so there is one at a time, and it has long."""

log = logging.getLogger(__name__)


class Membership:
    """Asked by probes. A reader without partitions is not told so by its client, so the broker is asked."""

    def __init__(self, bootstrap: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap}, logger=KAFKA_LOG)
        self._standing_by: set[str] = set()
        self._asked: dict[str, Future[ConsumerGroupDescription]] = {}

    def of(self, readers: Mapping[str, PartitionedReader[Any]]) -> dict[str, bool]:
        """Of each reader, by its name: whether it has had its partitions, or stands by as a member with none."""
        return {name: reader.assigned or self._stands_by(name, reader) for name, reader in readers.items()}

    def _stands_by(self, name: str, reader: PartitionedReader[Any]) -> bool:
        if name in self._standing_by:
            return True
        try:
            found = self._description(reader.group)
        except KafkaException as err:
            log.info("%s: the group is not known: %s", name, err)
            return False
        if found is None:
            log.info("%s: the broker does not say yet who is in the group", name)
            return False
        if found.state is not ConsumerGroupState.STABLE:
            return False  # It may yet be given some.
        for member in found.members:
            meant = (member.assignment, member.target_assignment)
            if member.member_id == reader.member_id and not any(a and a.topic_partitions for a in meant):
                self._standing_by.add(name)
        return name in self._standing_by

    def _description(self, group: str) -> ConsumerGroupDescription | None:
        """What the broker says of the group; None where it has not answered yet. Raises KafkaException."""
        asked = self._asked.get(group)
        if asked is None:
            (asked,) = self._admin.describe_consumer_groups([group], request_timeout=ANSWER_WITHIN).values()
            self._asked[group] = asked
        try:
            return asked.result(timeout=PATIENCE)
        except TimeoutError:
            return None
        finally:
            if asked.done():
                self._asked.pop(group, None)
