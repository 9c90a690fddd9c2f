"""The AsyncAPI document: the catalogue, the schemas and the examples, for whoever writes an adapter.

`spillway schemas asyncapi` writes it to `docs/asyncapi.yaml`, and a test holds that file against this.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Final

from schemas import examples
from schemas.catalogue import CATALOGUE, DEFAULT_PARTITIONS, RECORDS, SESSION_KEY, TOPIC_OF, Topic
from schemas.codec import Ids, expanded
from schemas.registry import subject_of

AVRO: Final = "application/vnd.apache.avro;version=1.12.0"
ABOUT: Final = """\
Every record is one event: a zero byte, the schema's id as four bytes, big-endian, and the Avro body (Confluent's wire
format; subjects by TopicRecordNameStrategy). The ids are pinned and served over the Confluent registry API, read only.
The key of a record keeps a session on one partition: tenant, U+001F, session, as UTF-8, with the partitioner
murmur2_random (the JVM's default). Of several records with one meta.event_id the one with the lowest offset counts, so
that anything may be sent again. Timestamps are microseconds since the epoch, UTC.
"""


def document() -> dict[str, Any]:
    """The document, in AsyncAPI 3.0's own structure."""
    operations: dict[str, Any] = {}
    for topic in CATALOGUE:
        operations |= _operations(topic)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Spillway",
            "version": version("spillway"),
            "description": ABOUT,
        },
        "defaultContentType": AVRO,
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "The brokers; spillway status prints the local stack's.",
                "variables": {"bootstrap": {"description": "host:port of a broker", "default": "127.0.0.1:9092"}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in CATALOGUE},
        "operations": operations,
        "components": {"messages": {name: _message(name) for name in RECORDS}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    names = [r.__name__ for r in topic.records]
    config: dict[str, Any] = {
        "cleanup.policy": ["delete"],
        "retention.ms": -1 if topic.retention is None else topic.retention * 1000,
        "max.message.bytes": topic.max_bytes,
    }
    return {
        "address": topic.name,
        "description": f"{topic.about} Owner: {topic.owner}. Key: {topic.key}.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "partitions": topic.partitions or DEFAULT_PARTITIONS,
                "topicConfiguration": config,
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operations(topic: Topic) -> dict[str, Any]:
    """From Spillway's side: it receives what it reads, and sends what it writes."""
    short = topic.name.removeprefix("chat.").replace("-", "_")
    channel = {"$ref": f"#/channels/{_pointer(topic.name)}"}
    return {
        f"write_{short}": {
            "action": "send",
            "channel": channel,
            "summary": f"Written by {', '.join(topic.writers)}.",
        },
        f"read_{short}": {
            "action": "receive",
            "channel": channel,
            "summary": f"Read by {', '.join(topic.readers)}.",
        },
    }


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _message(record: str) -> dict[str, Any]:
    schema = expanded(record)
    found = [name for name in examples.names() if name.partition(".")[0] == record]
    keyed = TOPIC_OF[RECORDS[record]] != "chat.control"
    return {
        "name": record,
        "title": record,
        "summary": schema["doc"],
        "contentType": AVRO,
        "payload": {"schemaFormat": AVRO, "schema": schema},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": SESSION_KEY if keyed else "tenant or stage"},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "schemaLookupStrategy": "TopicRecordNameStrategy",
                "bindingVersion": "0.5.0",
            }
        },
        "examples": [{"name": name.partition(".")[2], "payload": examples.document(name)} for name in found],
        "x-schema-id": Ids.pinned().ids[record][-1],
        "x-subject": subject_of(record),
    }
