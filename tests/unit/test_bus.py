"""The log in memory, where it differs from a list."""

from __future__ import annotations

import pytest

from schemas.catalogue import MESSAGES, TOPICS
from schemas.codec import Codec
from schemas.events import Record
from streams.bus import Bus, Clock, TooLargeForTopic
from streams.log import Unreadable
from streams.testing import EPOCH, a_message


def test_append_time_is_the_clocks_in_milliseconds() -> None:
    """Kafka's append times have no microseconds, so neither have the bus's."""
    clock = Clock(EPOCH)
    bus = Bus(clock.now)
    clock.advance(0.0123456)
    assert bus.append(a_message()).appended_at == EPOCH + 12_000


def test_bytes_that_are_no_event_are_unreadable() -> None:
    """What cannot be decoded comes with its bytes and the reason."""
    bus = Bus(Clock().now, partitions=1)
    bus.append_bytes(MESSAGES, b"key", b"garbage")
    (found,) = bus.read((MESSAGES, 0), 0, 10)
    assert isinstance(found, Unreadable)
    assert (found.key, found.value, found.offset) == (b"key", b"garbage", 0)


def test_with_a_codec_events_go_through_their_bytes() -> None:
    """What is read is equal to what was appended, and another object."""
    bus = Bus(Clock().now, partitions=1, codec=Codec())
    message = a_message("你好")
    bus.append(message)
    (found,) = bus.read((MESSAGES, 0), 0, 10)
    assert isinstance(found, Record)
    assert found.event == message
    assert found.event is not message


def test_a_record_beyond_the_topics_limit_is_refused() -> None:
    """The limit is the catalogue's; nothing is appended."""
    bus = Bus(Clock().now, partitions=1)
    with pytest.raises(TooLargeForTopic):
        bus.append_bytes(MESSAGES, b"k", b"x" * TOPICS[MESSAGES].max_bytes)
    assert bus.end((MESSAGES, 0)) == 0
