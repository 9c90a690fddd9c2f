"""What this process wrote, or has read once already, is not decoded again when another stage of it reads the bytes.

Equal bytes are equal events, so it makes no difference to anyone which of the two a stage gets. The record still comes
from the log, with its offset and its append time; only the parsing is spared.
"""

from __future__ import annotations

from schemas.catalogue import MESSAGES, TOPIC_OF
from schemas.codec import Codec, Ids
from schemas.events import Event
from schemas.upcasting import UPCASTERS, Upcasters

KEPT = 8_192
"""Events of a generation, of which there are two: what a busy worker's stages write in a second or so."""


class RememberingCodec(Codec):
    """A codec for a worker whose stages read each other's events. Threads may share it; it forgets by itself.

    An event that was written here is given to the first who reads it; a message, which several stages read, also to
    the second. What is forgotten, or was written by another process, is decoded as ever.
    """

    def __init__(self, ids: Ids | None = None, upcasters: Upcasters = UPCASTERS, kept: int = KEPT) -> None:
        super().__init__(ids, upcasters)
        self._as_written = frozenset(cls for cls in self._writers if upcasters.of(cls) is None)
        self._kept = kept
        self._new: dict[bytes, Event] = {}
        self._old: dict[bytes, Event] = {}

    def encode(self, event: Event) -> bytes:
        value = super().encode(event)
        if type(event) in self._as_written:
            self._keep(value, event)
        return value

    def decode(self, topic: str, value: bytes | None) -> Event:
        if value is None:
            return super().decode(topic, value)
        event = self._new.pop(value, None) or self._old.pop(value, None)
        if event is not None and TOPIC_OF[type(event)] == topic:
            return event
        event = super().decode(topic, value)
        if topic == MESSAGES:
            self._keep(value, event)
        return event

    def _keep(self, value: bytes, event: Event) -> None:
        # No lock: each step is one operation on a dictionary, and whatever another thread does between two of them
        # at most forgets something.
        self._new[value] = event
        if len(self._new) >= self._kept:
            self._old, self._new = self._new, {}
