"""A record that is wrong in one way or several, made from a seed and a number, always the same."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from schemas.catalogue import RECORDS, TOPIC_OF, TOPICS
from schemas.codec import HEADER, Codec, Ids, from_dict, to_dict
from schemas.events import LIVE
from schemas.examples import every_event
from schemas.identity import SEPARATOR, session_key, uuid5
from streams.sink import OVERHEAD, event_key
from streams.testing.events import EPOCH
from streams.testing.fuzzing.structure import odd, places, put

TENANT: Final = "shop"
CODEC: Final = Codec()
IDS: Final = tuple(id_ for numbers in Ids.pinned().ids.values() for id_ in numbers)
WEIGHTS: Final[Mapping[str, int]] = {"MessageReceived": 8, "ScenarioRouted": 3, "ReplyProduced": 3}
"""How often a record is taken, where it is not once: what comes from outside is most often wrong."""
LENGTHS: Final = (b"\xff" * 9 + b"\x01", b"\x80" * 12, b"\xfe\xff\xff\xff\x0f", b"\x01", b"\x00", b"\x7f")
BAD_UTF8: Final = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x28\xa1", b"\x80")


class Mutant(NamedTuple):
    """Bytes for a topic, and how they came about."""

    number: int
    record: str
    how: str
    topic: str
    key: bytes | None
    value: bytes | None


class _Made(NamedTuple):
    how: str
    topic: str
    key: bytes | None
    value: bytes | None


@cache
def _examples() -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Record and values of every example, as often as its record is to be taken."""
    found = sorted(every_event().items())
    each = ((name.partition(".")[0], to_dict(event)) for name, event in found)
    return tuple(pair for pair in each for _ in range(WEIGHTS.get(pair[0], 1)))


def mutant(seed: int, number: int) -> Mutant:
    """Record `number` of a seed. Never larger than its topic takes."""
    rng = random.Random(f"{seed}|{number}")
    record, values = rng.choice(_examples())
    values = _own(record, values, uuid5(f"fuzz|{seed}|{number}"), f"f-{number}")
    made = _made(record, values, rng)
    if made is None or len(made.key or b"") + len(made.value or b"") + OVERHEAD > TOPICS[made.topic].max_bytes:
        event = from_dict(record, values)
        made = _Made("whole", TOPIC_OF[type(event)], event_key(event), CODEC.encode(event))
    return Mutant(number, record, *made)


def _own(record: str, values: Mapping[str, Any], id_: str, session: str) -> Mapping[str, Any]:
    """The example as an event of its own: its id, its session, and the time at which the world begins."""
    meta = values["meta"]
    turn = id_ if record == "MessageReceived" else uuid5(f"turn|{id_}") if meta["turn_id"] else None
    own = {
        **meta,
        "event_id": id_,
        "tenant_id": TENANT,
        "session_id": session if meta["session_id"] else "",
        "turn_id": turn,
        "turn_started_at": EPOCH if turn else None,
        "run_id": LIVE,
        "occurred_at": EPOCH,
        "deadline_at": EPOCH + 5_000_000 if meta["deadline_at"] else None,
    }
    return {**values, "meta": own}


def _made(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    way = rng.choice(_WAYS)
    return way(record, values, rng)


def _fields(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    """One field or a few at the ends of what they can hold. The key follows, as a careful adapter's would."""
    changed, names = dict(values), []
    for path, node in rng.choices(places(record), k=rng.choice((1, 1, 1, 2, 4))):
        there: Any = changed
        for step in path:
            there = None if there is None else there[step]
        changed = put(changed, path, odd(node, there, rng))
        names.append(".".join(map(str, path)))
    event = from_dict(record, changed)
    return _Made(f"fields {' '.join(names)}", TOPIC_OF[type(event)], event_key(event), CODEC.encode(event))


def _key(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    """A sound record under a key that is not its own, so that it lies on another partition than its session."""
    event = from_dict(record, values)
    keys = (
        None,
        b"",
        session_key("bank", "s-1"),
        session_key(TENANT, "n-1"),
        SEPARATOR.encode(),
        b"\xff\xfe\x1f\xff",
        b"k" * 5000,
        rng.randbytes(12),
    )
    return _Made("key", TOPIC_OF[type(event)], rng.choice(keys), CODEC.encode(event))


def _tenant(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    """A sound record that says it is another tenant's, or another session's, under its own key or the other's."""
    other = {
        **values["meta"],
        "tenant_id": rng.choice(("bank", "nobody", "Shop", "shop ", "")),
        "session_id": rng.choice((values["meta"]["session_id"], "n-1", "")),
    }
    old, new = from_dict(record, values), from_dict(record, {**values, "meta": other})
    key = event_key(rng.choice((old, new)))
    return _Made("tenant", TOPIC_OF[type(new)], key, CODEC.encode(new))


def _topic(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    """A sound record on a topic that it does not belong on."""
    event = from_dict(record, values)
    return _Made("topic", rng.choice(tuple(TOPICS)), event_key(event), CODEC.encode(event))


def _schema(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    """A sound body under another schema's id, or one that nobody knows."""
    event = from_dict(record, values)
    body = CODEC.encode(event)[HEADER.size :]
    id_ = rng.choice((*IDS, 0, max(IDS) + 1, 2**32 - 1))
    magic = rng.choice((0, 0, 0, 1, 255))
    return _Made("schema", TOPIC_OF[type(event)], event_key(event), struct.pack(">BI", magic, id_) + body)


def _splice(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    """The beginning of one record and the end of another."""
    other, theirs = rng.choice(_examples())
    event = from_dict(record, values)
    first, second = CODEC.encode(event), CODEC.encode(from_dict(other, theirs))
    at, then = rng.randrange(HEADER.size, len(first)), rng.randrange(HEADER.size, len(second))
    return _Made(f"splice {other}", TOPIC_OF[type(event)], event_key(event), first[:at] + second[then:])


def _bytes(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    """Bytes changed, put in, taken out, cut off, repeated; lengths that lie; text that is no UTF-8."""
    event = from_dict(record, values)
    out, done = bytearray(CODEC.encode(event)), []
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(HEADER.size, len(out)) if len(out) > HEADER.size else len(out)
        name, change = rng.choice(_BYTE_WAYS)
        change(out, at, rng)
        done.append(name)
    return _Made(f"bytes {' '.join(done)}", TOPIC_OF[type(event)], event_key(event), bytes(out))


def _nothing(record: str, values: Mapping[str, Any], rng: random.Random) -> _Made | None:
    """No record at all: a tombstone, nothing, noise."""
    event = from_dict(record, values)
    id_ = CODEC.encode(event)[: HEADER.size]
    value = rng.choice((None, b"", b"\x00", id_, rng.randbytes(rng.randint(1, 200)), id_ + rng.randbytes(60), b"{}"))
    return _Made("nothing", TOPIC_OF[type(event)], event_key(event), value)


def _flip(out: bytearray, at: int, rng: random.Random) -> None:
    if at < len(out):
        out[at] ^= 1 << rng.randrange(8)


def _replace(out: bytearray, at: int, rng: random.Random) -> None:
    out[at : at + 1] = bytes([rng.randrange(256)])


def _length(out: bytearray, at: int, rng: random.Random) -> None:
    out[at : at + 1] = rng.choice(LENGTHS)


def _insert(out: bytearray, at: int, rng: random.Random) -> None:
    out[at:at] = rng.randbytes(rng.randint(1, 12))


def _delete(out: bytearray, at: int, rng: random.Random) -> None:
    del out[at : at + rng.randint(1, 8)]


def _cut(out: bytearray, at: int, rng: random.Random) -> None:
    del out[at:]


def _repeat(out: bytearray, at: int, rng: random.Random) -> None:
    out[at:at] = out[at : at + 20]


def _extend(out: bytearray, at: int, rng: random.Random) -> None:
    out += rng.choice((b"\x00", b"!", rng.randbytes(9), bytes(2000)))


def _utf8(out: bytearray, at: int, rng: random.Random) -> None:
    """In place of letters, so that lengths stay right and the text alone is wrong."""
    bad = rng.choice(BAD_UTF8)
    letters = [i for i in range(at, max(at, len(out) - len(bad))) if 0x61 <= out[i] <= 0x7A]
    if letters:
        out[letters[0] : letters[0] + len(bad)] = bad


_BYTE_WAYS: Final[tuple[tuple[str, Callable[[bytearray, int, random.Random], None]], ...]] = (
    ("flip", _flip),
    ("replace", _replace),
    ("length", _length),
    ("insert", _insert),
    ("delete", _delete),
    ("cut", _cut),
    ("repeat", _repeat),
    ("extend", _extend),
    ("utf8", _utf8),
)
_WAYS: Final = (_fields, _fields, _fields, _bytes, _bytes, _bytes, _splice, _schema, _key, _tenant, _topic, _nothing)
assert set(WEIGHTS) <= set(RECORDS)
