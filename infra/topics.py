"""Creates the topics of the catalogue, and holds existing ones against it."""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from schemas.catalogue import CATALOGUE, DEFAULT_PARTITIONS, Topic
from streams.kafka_log import KAFKA_LOG


class WrongTopic(RuntimeError):
    """A topic is there, but not as the catalogue has it."""


def topic_config(topic: Topic) -> dict[str, str]:
    """The broker's settings of a topic."""
    return {
        "retention.ms": str(topic.retention * 1000) if topic.retention is not None else "-1",
        "max.message.bytes": str(topic.max_bytes),
        "message.timestamp.type": "LogAppendTime" if topic.log_append_time else "CreateTime",
        "cleanup.policy": "delete",
        **topic.config,
    }


def create_topics(bootstrap: str, partitions: int = DEFAULT_PARTITIONS, replication: int = 1) -> list[str]:
    """Creates what is missing, and returns its names. Safe to run again, and by several at once.

    Raises WrongTopic where a topic has another number of partitions: a key's partition depends on it, so it is fixed
    for the life of a cluster.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap}, logger=KAFKA_LOG)
    there = admin.list_topics(timeout=30).topics
    counts = {len(there[t.name].partitions) for t in CATALOGUE if t.name in there and t.partitions is None}
    if len(counts) > 1:
        raise WrongTopic(f"the chat topics have different numbers of partitions: {sorted(counts)}; they must be equal")
    wanted = counts.pop() if counts else partitions
    missing = [t for t in CATALOGUE if t.name not in there]
    new = [NewTopic(t.name, t.partitions or wanted, replication, config=topic_config(t)) for t in missing]
    created = []
    for name, done in (admin.create_topics(new, operation_timeout=30) if new else {}).items():
        try:
            done.result(timeout=60)
            created.append(name)
        except KafkaException as err:
            if err.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    _check(admin)
    return created


def _check(admin: AdminClient) -> None:
    for topic in CATALOGUE:
        entries = _config(admin, topic.name)
        kind = topic_config(topic)["message.timestamp.type"]
        if entries["message.timestamp.type"].value != kind:
            raise WrongTopic(
                f"topic {topic.name}: message.timestamp.type is {entries['message.timestamp.type'].value}; "
                f"set it to {kind}: routing measures its waits on the log's own time"
            )


def _config(admin: AdminClient, name: str, patience: float = 30.0) -> dict[str, ConfigEntry]:
    """A topic's settings. A broker may answer for a moment that it does not know a topic it has just made."""
    end = time.monotonic() + patience
    while True:
        (done,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
        try:
            entries: dict[str, ConfigEntry] = done.result(timeout=30)
            return entries
        except KafkaException as err:
            if err.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART or time.monotonic() > end:
                raise
        time.sleep(0.1)
