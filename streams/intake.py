"""From messages to records: what can be read, and what cannot."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from confluent_kafka import Message

from schemas.codec import Codec, Undecodable
from schemas.events import Record
from schemas.identity import session_key
from schemas.validation import wrong_run
from streams.dead_letter import Bad


class Passed(NamedTuple):
    """A record that does not concern the stage: it was not looked at, for others do."""

    topic: str
    partition: int
    offset: int
    appended_at: int


class Intake:
    """Decodes the messages of a stage's topics.

    passes: by topic the records that the stage only passes by, by their names.
    """

    def __init__(self, codec: Codec, passes: Mapping[str, frozenset[str]] = MappingProxyType({})) -> None:
        self._codec, self._passes = codec, passes

    def records(
        self, messages: Iterable[Message], partitions: Container[int]
    ) -> Iterator[tuple[Message, Record | Bad | Passed]]:
        """Those of `partitions`, in order: the record, or why there is none, or where it lies if it is passed by.

        A record whose key is not its session's lies on the wrong partition, where nobody may decide for its session.
        One of another run than live has no place in the log: here it is nobody's turn, and its dead letter is nobody's.
        """
        decode, passes = self._codec.decode, self._passes
        for message in messages:
            topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
            if partition not in partitions:
                continue
            appended_at, key, value = message.timestamp()[1] * 1000, _bytes(message.key()), _bytes(message.value())
            if (others := passes.get(topic)) is not None and self._codec.record(value) in others:
                yield message, Passed(topic, partition, offset, appended_at)
                continue
            try:
                event = decode(topic, value)
            except Undecodable as why:
                yield message, Bad(topic, partition, offset, appended_at, key, value, why.reason, why.detail, None)
                continue
            if (wrong := wrong_run(event)) is not None:
                yield message, Bad(topic, partition, offset, appended_at, key, value, "invalid", wrong, None)
                continue
            meta = event.meta
            if key != session_key(meta.tenant_id, meta.session_id):
                detail = f"the key is {(key or b'')[:100]!r}, not the tenant and session of meta"
                yield message, Bad(topic, partition, offset, appended_at, key, value, "invalid", detail, event)
            else:
                yield message, Record(topic, partition, offset, appended_at, event)


def bad(message: Message, record: Record, reason: str, detail: str) -> Bad:
    """What the dead letter needs of a record that was read, and rejected."""
    key, value = _bytes(message.key()), _bytes(message.value())
    return Bad(*record[:4], key, value, reason, detail, record.event)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
