"""Events to bytes and back, and bytes that are no events."""

from __future__ import annotations

import io
import json
import struct
from importlib.resources import files

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from schemas import examples
from schemas.catalogue import DEAD_LETTERS, MESSAGES, RECORDS, ROUTES, TOPIC_OF, TOPICS
from schemas.codec import Codec, Ids, Undecodable, expanded, from_dict, pinned_schema, to_dict
from schemas.events import Event, MessageReceived

CODEC = Codec()
EXAMPLES = examples.every_event()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_comes_back_from_its_bytes(name: str) -> None:
    """Encoding and decoding gives the event that went in."""
    event = EXAMPLES[name]
    assert CODEC.decode(TOPIC_OF[type(event)], CODEC.encode(event)) == event


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_comes_back_from_its_dictionary(name: str) -> None:
    """An event's nested dictionaries hold all of it, in whatever order the fields come."""
    event = EXAMPLES[name]
    backwards = dict(reversed(to_dict(event).items()))
    assert from_dict(type(event).__name__, backwards) == event


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_bytes_are_those_of_any_avro_reader(name: str) -> None:
    """A reader with the registry's schema, which knows nothing of ours, reads the same values."""
    event = EXAMPLES[name]
    data = CODEC.encode(event)
    schema = parse_schema(expanded(type(event).__name__), named_schemas={})
    body = io.BytesIO(data[5:])
    values = schemaless_reader(body, schema)
    assert body.tell() == len(data) - 5
    again = io.BytesIO()
    schemaless_writer(again, schema, values)
    assert again.getvalue() == data[5:]


def test_the_header_is_a_zero_byte_and_the_pinned_id() -> None:
    """The wire format is Confluent's: 0x00 and the schema id, big-endian."""
    event = EXAMPLES["MessageReceived.zh"]
    assert struct.unpack(">bI", CODEC.encode(event)[:5]) == (0, Ids.pinned().ids["MessageReceived"][-1])


@pytest.mark.parametrize("value", [None, b"", b"\x00", b"\x00" * 4, b"\x01\x00\x00\x00\x01abc", b'{"text":"hi"}'])
def test_what_is_not_in_the_wire_format_is_undecodable(value: bytes | None) -> None:
    """Without a zero byte and an id there is no event."""
    with pytest.raises(Undecodable) as caught:
        CODEC.decode(MESSAGES, value)
    assert caught.value.reason == "undecodable"


def test_an_id_that_is_not_pinned_is_an_unknown_schema() -> None:
    """The body is not looked at: a wrong writer schema would succeed with garbage."""
    data = CODEC.encode(EXAMPLES["MessageReceived.zh"])
    with pytest.raises(Undecodable, match="9999 is not pinned") as caught:
        CODEC.decode(MESSAGES, struct.pack(">bI", 0, 9999) + data[5:])
    assert caught.value.reason == "unknown_schema"


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_takes_only_its_own_records(topic: str) -> None:
    """A record of another topic is refused, though its bytes are right."""
    for name, event in EXAMPLES.items():
        if TOPIC_OF[type(event)] == topic:
            continue
        with pytest.raises(Undecodable, match=name.partition(".")[0]) as caught:
            CODEC.decode(topic, CODEC.encode(event))
        assert caught.value.reason == "wrong_record"


@pytest.mark.parametrize("name", EXAMPLES)
def test_bytes_after_the_end_are_refused(name: str) -> None:
    """Avro readers accept trailing bytes; this one does not."""
    event = EXAMPLES[name]
    with pytest.raises(Undecodable, match="1 bytes after the end"):
        CODEC.decode(TOPIC_OF[type(event)], CODEC.encode(event) + b"\x00")


@pytest.mark.parametrize("name", EXAMPLES)
def test_cut_anywhere_it_is_undecodable(name: str) -> None:
    """No beginning of an event is an event."""
    event = EXAMPLES[name]
    data = CODEC.encode(event)
    for end in range(len(data)):
        with pytest.raises(Undecodable):
            CODEC.decode(TOPIC_OF[type(event)], data[:end])


def test_a_record_without_a_pinned_id_is_refused_at_start() -> None:
    """The error says which record, and the command that mends it."""
    ids = {name: numbers for name, numbers in Ids.pinned().ids.items() if name != "ReplyProduced"}
    with pytest.raises(ValueError, match=r"ReplyProduced.*spillway schemas pin"):
        Codec(Ids(ids))


def test_ids_of_another_registry_are_written_and_read() -> None:
    """A registry with ids of its own is used with those."""
    codec = Codec(Ids({record: [1000 + numbers[-1]] for record, numbers in Ids.pinned().ids.items()}))
    event = EXAMPLES["MessageReceived.zh"]
    data = codec.encode(event)
    assert struct.unpack(">bI", data[:5]) == (0, 1001)
    assert codec.decode(MESSAGES, data) == event


def _written_with(schema: dict[str, object], id_: int, values: dict[str, object]) -> bytes:
    out = io.BytesIO(struct.pack(">bI", 0, id_))
    out.seek(5)
    schemaless_writer(out, parse_schema(schema, named_schemas={}), values)
    return out.getvalue()


def _codec_that_knows(id_: int, older: dict[str, object]) -> Codec:
    pinned = Ids.pinned().ids
    return Codec(Ids({**pinned, "MessageReceived": [id_, *pinned["MessageReceived"]]}, {id_: older}))


def test_a_reader_of_today_fills_in_what_an_older_writer_did_not_know() -> None:
    """A field added with a default is read from older bytes as that default, and the rest is unchanged."""
    event = EXAMPLES["MessageReceived.zh"]
    assert isinstance(event, MessageReceived)
    older = expanded("MessageReceived")
    older["fields"] = [f for f in older["fields"] if f["name"] != "entry_path"]
    codec = _codec_that_knows(901, older)
    data = _written_with(older, 901, to_dict(event))
    assert codec.decode(MESSAGES, data) == event._replace(entry_path="")


def test_a_reader_of_today_passes_over_what_an_older_writer_still_knew() -> None:
    """A field removed since is read past, wherever it stood."""
    event = EXAMPLES["MessageReceived.full"]
    older = json.loads(json.dumps(expanded("MessageReceived")))
    older["fields"].insert(1, {"name": "priority", "type": "int", "default": 0})
    codec = _codec_that_knows(902, older)
    data = _written_with(older, 902, {**to_dict(event), "priority": 7})
    assert codec.decode(MESSAGES, data) == event


def test_every_kept_version_has_its_schema() -> None:
    """Each id of `ids.json` has its expanded schema in `pinned/`, and no file there is of another."""
    pinned = {(number, record) for record, numbers in Ids.pinned().ids.items() for number in numbers}
    kept = {tuple(f.name.split(".")[:2]) for f in files("schemas").joinpath("pinned").iterdir()}
    assert {(str(number), record) for number, record in pinned} == kept
    assert all(pinned_schema(number, record)["name"] == record for number, record in pinned)


def test_no_id_stands_for_two_records() -> None:
    """An id decides what bytes mean, so it is given once."""
    numbers = [n for ns in Ids.pinned().ids.values() for n in ns]
    assert len(numbers) == len(set(numbers))
    assert set(Ids.pinned().ids) == set(RECORDS)


def test_a_lone_surrogate_cannot_be_written() -> None:
    """Text that has no UTF-8 is an error at the writer, which must have refused it before."""
    event = EXAMPLES["MessageReceived.zh"]
    assert isinstance(event, MessageReceived)
    with pytest.raises(UnicodeEncodeError):
        CODEC.encode(event._replace(text="\ud83d"))


def test_a_dead_letter_keeps_the_bytes_it_came_as() -> None:
    """Whatever was in the log is in the dead letter, byte for byte."""
    event = EXAMPLES["DeadLettered.undecodable"]
    back: Event = CODEC.decode(DEAD_LETTERS, CODEC.encode(event))
    assert back.value == event.value  # type: ignore[union-attr]
    assert TOPIC_OF[type(EXAMPLES["ScenarioRouted.zh"])] == ROUTES
