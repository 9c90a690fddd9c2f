"""Creates the topics of the catalogue, and holds existing ones against it."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
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
    resources = [ConfigResource(ConfigResource.Type.TOPIC, t.name) for t in CATALOGUE]
    for resource, done in admin.describe_configs(resources).items():
        topic = next(t for t in CATALOGUE if t.name == resource.name)
        entries = done.result(timeout=30)
        kind = topic_config(topic)["message.timestamp.type"]
        if entries["message.timestamp.type"].value != kind:
            raise WrongTopic(
                f"topic {topic.name}: message.timestamp.type is {entries['message.timestamp.type'].value}; "
                f"set it to {kind}: routing measures its waits on the log's own time"
            )
