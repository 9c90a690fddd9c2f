"""What any registry must give a standard Avro serialiser, whoever serves it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas import examples
from schemas.catalogue import TOPIC_OF
from schemas.codec import Codec, Ids, expanded, from_dict, to_dict
from schemas.events import Event
from schemas.registry import pinned_versions

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _integers(value: Any) -> Any:
    """Datetimes, which a standard deserialiser gives, as microseconds."""
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, dict):
        return {k: _integers(v) for k, v in value.items()}
    return [_integers(v) for v in value] if isinstance(value, list) else value


def _dictionary(event: Event, _: SerializationContext) -> dict[str, Any]:
    return to_dict(event)


class RegistrySuite:
    """Subclasses give `url`, of a registry that holds our schemas, and `ids`, the ids that it has for them."""

    def test_its_serialiser_writes_the_bytes_that_we_write(self, url: str, ids: Ids) -> None:
        """confluent-kafka's own AvroSerializer and our codec give the same bytes for every example."""
        codec = Codec(ids)
        with SchemaRegistryClient({"url": url}) as client:
            for name, event in examples.every_event().items():
                conf = {"auto.register.schemas": False, "subject.name.strategy": topic_record_subject_name_strategy}
                schema = json.dumps(expanded(name.partition(".")[0]))
                serialise = AvroSerializer(client, schema, _dictionary, conf)
                context = SerializationContext(TOPIC_OF[type(event)], MessageField.VALUE)
                assert serialise(event, context) == codec.encode(event), name

    def test_its_deserialiser_reads_what_we_write(self, url: str, ids: Ids) -> None:
        """confluent-kafka's own AvroDeserializer finds the schema by its id and reads the same event."""
        codec = Codec(ids)
        with SchemaRegistryClient({"url": url}) as client:
            deserialise = AvroDeserializer(client)
            for name, event in examples.every_event().items():
                context = SerializationContext(TOPIC_OF[type(event)], MessageField.VALUE)
                values = deserialise(codec.encode(event), context)
                assert from_dict(name.partition(".")[0], _integers(values)) == event, name

    def test_what_its_serialiser_writes_we_read(self, url: str, ids: Ids) -> None:
        """An adapter that registers by itself, as serialisers do by default, writes what we decode."""
        codec = Codec(ids)
        with SchemaRegistryClient({"url": url}) as client:
            conf = {"subject.name.strategy": topic_record_subject_name_strategy}
            schema = json.dumps(expanded("MessageReceived"))
            serialise = AvroSerializer(client, schema, _dictionary, conf)
            event = examples.event("MessageReceived.full")
            data = serialise(event, SerializationContext("chat.messages", MessageField.VALUE))
            assert codec.decode("chat.messages", data) == event

    def test_it_lists_a_subject_for_each_record(self, url: str, ids: Ids) -> None:
        """Subjects are named by topic and record, and the latest version is the one in use."""
        with SchemaRegistryClient({"url": url}) as client:
            assert {v.subject for v in pinned_versions()} <= set(client.get_subjects())
            latest = client.get_latest_version("chat.messages-spillway.MessageReceived")
            assert latest.schema_id == ids.ids["MessageReceived"][-1]
