"""How a dead letter goes back: under its own id, as a follow-up, or not at all."""

from __future__ import annotations

from infra.redrive import Again, Not, Settled, plan
from schemas.codec import Codec
from schemas.events import Customer, DeadLettered, Event, MadeBy, MessageReceived, Meta
from schemas.identity import message_id, session_key
from schemas.validation import wrong_event
from streams.dead_letter import Bad, dead_letter

CODEC = Codec()
NOW = 1_800_000_000_000_000
ID = message_id("shop", "web", "m1")


def message(occurred_at: int = NOW - 1_000_000, deadline: int | None = NOW + 1) -> MessageReceived:
    meta = Meta(ID, "shop", "s1", ID, occurred_at, "live", None, occurred_at, deadline, MadeBy("web", "web@1"))
    return MessageReceived(meta, "hello", "web", "m1", Customer("c"))


def letter(value: bytes | None, offset: int = 7, event: Event | None = None) -> DeadLettered:
    bad = Bad("chat.messages", 0, offset, NOW - 500, session_key("shop", "s1"), value, "invalid", "", event)
    return dead_letter(bad, "routing", NOW)


def test_a_turn_that_was_never_answered_goes_back_byte_for_byte() -> None:
    """Under its own id, on its own topic, with its session's key."""
    value = CODEC.encode(message())
    assert plan(letter(value), set(), CODEC, NOW) == Again("again", "chat.messages", session_key("shop", "s1"), value)


def test_a_turn_that_was_answered_is_asked_anew() -> None:
    """The follow-up is a valid message of its own, caused by the dead letter, whatever was wrong with the first."""
    dead = letter(CODEC.encode(message(deadline=None)))
    again = plan(dead, {ID}, CODEC, NOW)
    assert isinstance(again, Again)
    event = CODEC.decode("chat.messages", again.value)
    assert isinstance(event, MessageReceived)
    assert wrong_event(event, NOW) is None
    assert (event.meta.caused_by, event.text) == (dead.meta.event_id, "hello")
    assert event.meta.event_id == message_id("shop", "web", event.channel_message_id) != ID


def test_a_follow_up_sent_twice_is_one_message() -> None:
    """Its id follows from the dead letter alone, not from the time."""
    dead = letter(CODEC.encode(message()))
    ids = set()
    for now in (NOW, NOW + 60_000_000):
        again = plan(dead, {ID}, CODEC, now)
        assert isinstance(again, Again)
        ids.add(CODEC.decode("chat.messages", again.value).meta.event_id)
    assert len(ids) == 1


def test_what_still_cannot_be_read_stays_and_says_why() -> None:
    """A redrive before the mending would only make the same dead letter again."""
    refused = plan(letter(b"\x00\x00\x00\xff\xffxyz"), set(), CODEC, NOW)
    assert isinstance(refused, Not)
    assert "schema id" in refused.why


def test_what_is_still_invalid_stays_and_says_why() -> None:
    """An unanswered message without a deadline would be rejected again."""
    refused = plan(letter(CODEC.encode(message(deadline=None))), set(), CODEC, NOW)
    assert isinstance(refused, Not)
    assert "deadline" in refused.why


def test_what_never_lay_in_the_log_stays() -> None:
    """An event that was too large for its topic is made again by its stage, not by hand."""
    assert isinstance(plan(letter(b"x", offset=-1), set(), CODEC, NOW), Not)


def test_a_follow_up_that_was_answered_settles_its_dead_letter() -> None:
    """Sending back again leaves it alone."""
    dead = letter(CODEC.encode(message()))
    again = plan(dead, {ID}, CODEC, NOW)
    assert isinstance(again, Again)
    turn = CODEC.decode("chat.messages", again.value).meta.event_id
    assert plan(dead, {ID, turn}, CODEC, NOW) == Settled(turn)
