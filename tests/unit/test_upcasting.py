"""A breaking change is a new record and an upcaster."""

from __future__ import annotations

import pytest

from schemas import examples
from schemas.catalogue import MESSAGES
from schemas.codec import Codec
from schemas.events import FeedbackGiven, SessionClosed, SessionReturned
from schemas.upcasting import Upcasters


def _closed(old: SessionReturned) -> SessionClosed:
    return SessionClosed(old.meta, f"returned by {old.agent_id}")


def test_a_replaced_record_is_read_as_the_new_one() -> None:
    """Whatever reads the log sees the record of today, under the id the event always had."""
    upcasters = Upcasters()
    upcasters.register(SessionReturned, SessionClosed, _closed)
    old = examples.event("SessionReturned.en")
    assert isinstance(old, SessionReturned)
    codec = Codec(upcasters=upcasters)
    assert codec.decode(MESSAGES, codec.encode(old)) == SessionClosed(old.meta, "returned by agent-12")


def test_a_chain_of_replacements_is_followed_to_its_end() -> None:
    """What was replaced twice is read as the latest."""
    upcasters = Upcasters()
    upcasters.register(SessionReturned, SessionClosed, _closed)
    upcasters.register(SessionClosed, FeedbackGiven, lambda old: FeedbackGiven(old.meta, 3, old.reason))
    old = examples.event("SessionReturned.en")
    upcast = upcasters.of(SessionReturned)
    assert upcast is not None
    assert upcast(old) == FeedbackGiven(old.meta, 3, "returned by agent-12")


def test_a_record_of_today_is_left_alone() -> None:
    """Without an upcaster nothing is called."""
    assert Upcasters().of(SessionClosed) is None


def test_a_record_has_one_successor_and_never_itself() -> None:
    """A second upcaster, or one that leads back, is refused when it is registered."""
    upcasters = Upcasters()
    upcasters.register(SessionReturned, SessionClosed, _closed)
    with pytest.raises(ValueError, match="already has"):
        upcasters.register(SessionReturned, SessionClosed, _closed)
    with pytest.raises(ValueError, match="leads back"):
        upcasters.register(SessionClosed, SessionReturned, lambda old: SessionReturned(old.meta, ""))
    with pytest.raises(ValueError, match="leads back"):
        upcasters.register(FeedbackGiven, FeedbackGiven, lambda old: old)
