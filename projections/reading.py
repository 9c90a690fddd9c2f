"""What a projection makes of an offset of the log: decoded, refused by validation, or not to be read."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from confluent_kafka import Message

from schemas.catalogue import DEAD_LETTERS, MESSAGES
from schemas.codec import Codec
from schemas.events import Record
from schemas.identity import SEPARATOR, session_key
from schemas.validation import wrong_event, wrong_run
from streams.log import Unreadable, decoded

Status = Literal["decoded", "invalid", "undecodable"]
_ANY_KEY: Final = frozenset({DEAD_LETTERS})
"""A dead letter's key is that of the record that it is about, be it ever so wrong."""


class Entry(NamedTuple):
    """One offset of the log. `record` is None where the bytes could not be decoded; an invalid one is not folded."""

    topic: str
    partition: int
    offset: int
    appended_at: int
    status: Status
    detail: str
    key: bytes | None
    record: Record | None


def entry(message: Message, codec: Codec) -> Entry:
    """The entry of a message of librdkafka's that carries no error."""
    found, key = decoded(message, codec), message.key()
    if isinstance(found, Unreadable):
        topic, partition, offset, appended_at = found[:4]
        return Entry(topic, partition, offset, appended_at, "undecodable", str(found.why), as_bytes(key), None)
    wrong = refused(found, as_bytes(key))
    return Entry(*found[:4], "decoded" if wrong is None else "invalid", wrong or "", as_bytes(key), found)


def refused(record: Record, key: bytes | None) -> str | None:
    """Why a decoded record leaves nothing but its dead letter; None where it is folded."""
    if (another := wrong_run(record.event)) is not None:
        return another
    meta = record.event.meta
    if record.topic not in _ANY_KEY and key != session_key(meta.tenant_id, meta.session_id):
        return f"the key {key!r:.100} is not that of tenant {meta.tenant_id!r:.70}, session {meta.session_id!r:.70}"
    return wrong_event(record.event, record.appended_at) if record.topic == MESSAGES else None


def as_bytes(key: bytes | str | None) -> bytes | None:
    """A key as the bytes it is; librdkafka's types allow for text."""
    return key.encode() if isinstance(key, str) else key


def owner_of(key: bytes | None) -> tuple[str, str]:
    """Tenant and session that a key names; empty where it is no key of ours."""
    tenant, separator, session = (key or b"").decode("utf-8", "replace").partition(SEPARATOR)
    return (tenant, session) if separator else ("", "")
