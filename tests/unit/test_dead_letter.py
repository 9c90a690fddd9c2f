"""What a dead letter says, and when a stage has rejected too much."""

from __future__ import annotations

import pytest

from schemas.codec import Codec
from schemas.events import Customer, IntentDetected, MadeBy, MessageReceived, Meta, Record
from schemas.identity import dead_letter_id, follow, session_key
from streams.dead_letter import MAX_VALUE, Bad, DeadLetterLimit, dead_letter, halt, of_record, too_large
from streams.sink import TooLarge

META = Meta("id-1", "shop", "s1", "other-turn", 5, "live", None, 5, 9, MadeBy("web", "web@1"))
MESSAGE = MessageReceived(META, "hello", "web", "m1", Customer("c"))


def unreadable(key: bytes | None, value: bytes | None = b"garbage") -> Bad:
    return Bad("chat.messages", 3, 42, 1_000, key, value, "undecodable", "no event", None)


def test_bytes_that_cannot_be_read_keep_the_session_of_their_key() -> None:
    """Tenant and session come from the key; there is no turn."""
    letter = dead_letter(unreadable(session_key("shop", "s1")), "intent", 2_000)
    assert (letter.meta.tenant_id, letter.meta.session_id, letter.meta.turn_id) == ("shop", "s1", None)
    assert (letter.topic, letter.partition, letter.offset, letter.value) == ("chat.messages", 3, 42, b"garbage")


@pytest.mark.parametrize("key", [None, b"", b"no separator", b"\xff\x1f\xff"])
def test_a_key_that_names_no_session_leaves_it_unknown(key: bytes | None) -> None:
    """Whatever the key is, a dead letter is written."""
    letter = dead_letter(unreadable(key), "intent", 2_000)
    assert (letter.meta.tenant_id, letter.meta.session_id) == ("", "")
    assert Codec().encode(letter)


def test_stages_that_trip_over_one_record_write_one_dead_letter() -> None:
    """The id is that of the place in the log."""
    letters = {dead_letter(unreadable(None), stage, 2_000).meta.event_id for stage in ("intent", "routing")}
    assert letters == {dead_letter_id("chat.messages", 3, 42)}


def test_a_rejected_message_is_its_own_turn_and_starts_when_the_log_took_it() -> None:
    """Its own timestamps and turn id may be what is wrong with it."""
    record = Record("chat.messages", 3, 42, 7_000, MESSAGE)
    letter = dead_letter(of_record(record, "invalid", "why", Codec()), "intent", 9_000)
    assert (letter.meta.turn_id, letter.meta.turn_started_at) == ("id-1", 7_000)
    assert (letter.record, letter.meta.caused_by) == ("MessageReceived", "id-1")
    assert Codec().decode("chat.messages", letter.value) == MESSAGE


def test_a_rejected_signal_keeps_its_turn() -> None:
    """Only a message is its own turn."""
    signal = IntentDetected(follow(META, "intent", "x@1", 6), "a", "other", 0.5, (), 0.0, "en")
    letter = dead_letter(of_record(Record("chat.signals", 0, 1, 7, signal), "invalid", "", Codec()), "routing", 8)
    assert letter.meta.turn_id == "other-turn"


def test_a_dead_letter_fits_its_topic_whatever_it_keeps() -> None:
    """Values and details are cut, so that the dead letter itself is never too large."""
    long = "s" * 700_000
    event = MESSAGE._replace(meta=META._replace(session_id=long))
    bad = unreadable(session_key("shop", long), b"x" * (5 << 20))._replace(detail="y" * 10_000, event=event)
    letter = dead_letter(bad, "intent", 1)
    assert len(letter.value or b"") == MAX_VALUE
    assert len(Codec().encode(letter)) < 3 << 19


def test_an_event_that_is_too_large_names_its_topic_and_turn() -> None:
    """It lies nowhere in the log, and its turn is still accounted for."""
    letter = too_large(TooLarge(MESSAGE, b"z" * 100, 50), "chat.messages", "routing", 3)
    assert (letter.reason, letter.offset, letter.meta.turn_id) == ("too_large", -1, "other-turn")
    assert "50" in letter.detail


def test_a_stage_halts_at_so_many_in_a_row_across_batches() -> None:
    """Rows go on from one batch to the next, and end with a good record."""
    limit = DeadLetterLimit(in_a_row=4)
    assert limit.batch(5, [3, 4]) is None
    assert limit.batch(3, [0]) is None
    assert limit.batch(4, [1, 2, 3]) is None
    assert limit.batch(0, []) is None
    assert limit.batch(2, [0]) == "4 records in a row were rejected"


def test_a_stage_halts_at_a_share_of_a_window() -> None:
    """More than one in a hundred of at least a thousand; below a thousand records nobody knows."""
    limit = DeadLetterLimit()
    assert limit.batch(990, list(range(0, 220, 20))) is None
    assert limit.batch(10, []) == "11 of 1000 records were rejected"
    assert limit.batch(1000, list(range(0, 200, 20))) is None


def test_good_traffic_never_halts() -> None:
    """No rejections, however many records."""
    limit = DeadLetterLimit()
    assert all(limit.batch(500, []) is None for _ in range(100))


def test_one_halt_is_one_event() -> None:
    """Written twice for the same dead letter it has the same id."""
    assert halt("routing", "x", "t|0|1", 5).meta.event_id == halt("routing", "x", "t|0|1", 6).meta.event_id
