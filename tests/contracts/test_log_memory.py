"""The log in memory is a log."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.codec import Codec
from schemas.events import Event, Record
from streams.bus import Bus, Clock, TooLargeForTopic
from streams.log import Place, Unreadable
from tests.contracts.log_suite import LogSuite, Refused


class InMemory:
    """The bus, as the suite sees a log."""

    def __init__(self, codec: Codec | None) -> None:
        self.clock = Clock()
        self.bus = Bus(self.clock.now, codec=codec)

    def append(self, events: Sequence[Event]) -> None:
        for event in events:
            self.clock.advance(0.0004)
            self.bus.append(event)

    def append_bytes(self, topic: str, key: bytes, value: bytes) -> None:
        try:
            self.bus.append_bytes(topic, key, value)
        except TooLargeForTopic as err:
            raise Refused from err

    def read(self, topic: str) -> list[Record | Unreadable]:
        return [r for place in self.bus.places([topic]) for r in self.bus.read(place, 0, self.bus.end(place))]

    def commit(self, group: str, place: Place, offset: int) -> None:
        self.bus.commit(group, place, offset)

    def committed(self, group: str, place: Place) -> int | None:
        return self.bus.committed(group, place)


class TestTheBus(LogSuite):
    """With events as they are, and through their bytes."""

    @pytest.fixture(params=["events", "bytes"])
    def log(self, request: pytest.FixtureRequest) -> InMemory:
        return InMemory(Codec() if request.param == "bytes" else None)
