"""Any event survives the codec, and any bytes are an event or Undecodable."""

from __future__ import annotations

import random
import struct
import tracemalloc
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import examples
from schemas.catalogue import RECORDS, TOPIC_OF
from schemas.codec import Codec, Ids, Undecodable, expanded, from_dict

CODEC = Codec()
SEEDS = [(TOPIC_OF[type(e)], CODEC.encode(e)) for e in examples.every_event().values()]
LENGTHS = [b"\xff" * 9 + b"\x01", b"\x80" * 12, b"\xfe\xff\xff\xff\x0f", b"\x01", b"\x00"]
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def _values(schema: Any) -> st.SearchStrategy[Any]:
    """Values that a schema describes, at the ends of their ranges too."""
    if isinstance(schema, list):
        return st.one_of(*(_values(s) for s in schema))
    kind = schema if isinstance(schema, str) else schema["type"]
    match kind:
        case "null":
            return st.none()
        case "string":
            return TEXT
        case "bytes":
            return st.binary(max_size=20)
        case "boolean":
            return st.booleans()
        case "int":
            return st.integers(-(2**31), 2**31 - 1)
        case "long":
            return st.integers(-(2**63), 2**63 - 1)
        case "double":
            return st.floats(allow_nan=False)
        case "enum":
            return st.sampled_from(schema["symbols"])
        case "array":
            return st.lists(_values(schema["items"]), max_size=3)
        case "map":
            return st.dictionaries(TEXT, _values(schema["values"]), max_size=3)
        case "record":
            return st.fixed_dictionaries({f["name"]: _values(f["type"]) for f in schema["fields"]})
    raise ValueError(f"no strategy for {kind}")


EVENTS = st.one_of(
    *(_values(expanded(name)).map(lambda values, name=name: from_dict(name, values)) for name in RECORDS)  # type: ignore[misc]
)


@settings(max_examples=400, deadline=None)
@given(EVENTS)
def test_any_event_comes_back_from_its_bytes(event: Any) -> None:
    """Whatever the fields hold, decoding gives what was encoded, and encoding that gives the same bytes."""
    data = CODEC.encode(event)
    back = CODEC.decode(TOPIC_OF[type(event)], data)
    assert back == event
    assert CODEC.encode(back) == data


def _event_or_undecodable(topic: str, data: bytes) -> None:
    """Any other exception fails the test. What is an event can be written again."""
    reason = ""
    try:
        event = CODEC.decode(topic, data)
    except Undecodable as err:
        reason = err.reason
    else:
        CODEC.encode(event)
    assert reason in ("", "undecodable", "unknown_schema", "wrong_record")


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(sorted(set(TOPIC_OF.values()))), st.binary(max_size=200), st.integers(0, 20))
def test_any_bytes_are_an_event_or_undecodable(topic: str, body: bytes, id_: int) -> None:
    """Bytes that nobody wrote, with and without a header that is known."""
    _event_or_undecodable(topic, body)
    _event_or_undecodable(topic, struct.pack(">bI", 0, id_) + body)


def _mutated(data: bytes, rng: random.Random) -> bytes:
    """A few bytes changed, put in, taken out, cut off or repeated: lengths, counts and branches among them."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(5, len(out)) if len(out) > 5 else len(out)
        match rng.randrange(6):
            case 0:
                out[at:at + 1] = bytes([rng.randrange(256)])
            case 1:
                out[at:at + 1] = rng.choice(LENGTHS)
            case 2:
                out[at:at] = rng.randbytes(rng.randint(1, 12))
            case 3:
                del out[at:at + rng.randint(1, 8)]
            case 4:
                del out[at:]
            case 5:
                out[at:at] = out[at:at + 20]
    return bytes(out)


def test_twenty_thousand_damaged_events_are_events_or_undecodable() -> None:
    """Every example damaged in every way that random finds, with no other exception and no great allocation."""
    rng = random.Random(20251111)
    tracemalloc.start()
    for n in range(20_000):
        topic, data = SEEDS[n % len(SEEDS)]
        _event_or_undecodable(topic, _mutated(data, rng))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def _zigzag(n: int) -> bytes:
    z, out = (n << 1) ^ (n >> 63), bytearray()
    z &= 2**64 - 1
    while z > 0x7F:
        out.append(z & 0x7F | 0x80)
        z >>= 7
    return bytes([*out, z])


def test_a_length_that_promises_gigabytes_allocates_nothing() -> None:
    """A string, or an array's block, that says it is longer than the record is refused for what it is."""
    header = struct.pack(">bI", 0, Ids.pinned().ids["MessageReceived"][-1])
    tracemalloc.start()
    for length in (-(2**63), -(2**31), -1, 2**20, 2**31, 2**40, 2**62, 2**63 - 1):
        _event_or_undecodable(TOPIC_OF[RECORDS["MessageReceived"]], header + _zigzag(length) + b"x" * 100)
    for topic, data in SEEDS:
        for at in range(5, len(data)):
            for length in (-(2**40), 2**40, 2**63 - 1):
                _event_or_undecodable(topic, data[:at] + _zigzag(length) + data[at + 1:])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20
