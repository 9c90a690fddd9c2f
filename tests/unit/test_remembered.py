"""A worker's codec: what was written or read once here is not parsed again, and nobody can tell."""

from __future__ import annotations

import pytest

from schemas import examples
from schemas.catalogue import MESSAGES, SIGNALS, TOPIC_OF
from schemas.codec import Codec, Undecodable
from schemas.events import Event
from streams.remembered import RememberingCodec

PLAIN = Codec()
EXAMPLES = examples.every_event()


def copied(value: bytes) -> bytes:
    """The same bytes, as they come back from the log: another object."""
    return bytes(bytearray(value))


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_was_written_comes_back_as_decoding_would_give_it(name: str) -> None:
    """The event itself the first time, a decoded one after that; they are equal."""
    codec, event = RememberingCodec(), EXAMPLES[name]
    topic, value = TOPIC_OF[type(event)], codec.encode(event)
    assert value == PLAIN.encode(event)
    first, again = codec.decode(topic, copied(value)), codec.decode(topic, copied(value))
    assert first is event
    assert again == first == PLAIN.decode(topic, value)


def test_a_message_is_parsed_once_for_two_readers() -> None:
    """chat.messages is read by the stages that understand, and by routing."""
    codec, value = RememberingCodec(), PLAIN.encode(EXAMPLES["MessageReceived.zh"])
    first = codec.decode(MESSAGES, copied(value))
    assert codec.decode(MESSAGES, copied(value)) is first
    assert codec.decode(MESSAGES, copied(value)) == first


def test_bytes_on_a_topic_that_does_not_take_them_are_refused_all_the_same() -> None:
    """A signal that lies on chat.messages is no message, though this process wrote its bytes."""
    codec = RememberingCodec()
    value = codec.encode(_signal())
    with pytest.raises(Undecodable, match="wrong_record"):
        codec.decode(MESSAGES, copied(value))
    assert codec.decode(SIGNALS, value) == _signal()


def test_it_forgets_by_itself() -> None:
    """Of two generations of ten no more than twenty are kept, and what is forgotten is decoded."""
    codec = RememberingCodec(kept=10)
    signal = _signal()
    written = [signal._replace(meta=signal.meta._replace(session_id=str(n))) for n in range(100)]
    values = [codec.encode(event) for event in written]
    same = [codec.decode(SIGNALS, copied(value)) is event for value, event in zip(values, written, strict=True)]
    assert sum(same) <= 20
    assert same[-5:] == [True] * 5


def test_nothing_is_decoded_of_no_bytes() -> None:
    """A record without a value is undecodable, as ever."""
    with pytest.raises(Undecodable):
        RememberingCodec().decode(MESSAGES, None)


def _signal() -> Event:
    return next(event for event in EXAMPLES.values() if TOPIC_OF[type(event)] == SIGNALS)
