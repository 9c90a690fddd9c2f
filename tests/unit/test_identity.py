"""Ids come out the same when work is done twice, and differ when anything that matters does."""

from __future__ import annotations

import itertools
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import examples
from schemas.events import MessageReceived, Meta, ReplyProduced
from schemas.identity import (
    NAMESPACE,
    dead_letter_id,
    derived_id,
    fingerprint,
    follow,
    follow_as_reply,
    message_id,
    reply_id,
    session_key,
    uuid5,
)

MESSAGE = examples.event("MessageReceived.full")
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


@given(TEXT)
def test_our_uuid5_is_the_standard_one(name: str) -> None:
    """It is faster than the standard library's, and gives the same for any text."""
    assert uuid5(name) == str(uuid.uuid5(NAMESPACE, name))


def test_a_webhook_sent_three_times_is_one_message() -> None:
    """Tenant, channel and the channel's own message id make the id, and each of them matters."""
    assert message_id("shop", "web", "m-1") == message_id("shop", "web", "m-1")
    assert len({message_id(t, c, m) for t in ("shop", "bank") for c in ("web", "app") for m in ("1", "2")}) == 8


def test_what_is_derived_twice_has_one_id() -> None:
    """Run, stage, cause and ordinal make the id; the version of what decided does not."""
    made = itertools.product(("live", "r1"), ("intent", "reply"), ("a", "b"), (0, 1))
    ids = {derived_id(*parts) for parts in made}
    assert len(ids) == 16
    meta = MESSAGE.meta
    assert follow(meta, "intent", "one@1#0", 5).event_id == follow(meta, "intent", "two@9#f", 6).event_id


def test_what_follows_stays_in_its_turn() -> None:
    """Tenant, session, turn, run, deadline and trace go on; cause, time and maker are its own."""
    meta = MESSAGE.meta
    after = follow(meta, "intent", "intent@1#abc", 77)
    changed = {f for f in Meta._fields if getattr(after, f) != getattr(meta, f)}
    assert changed == {"event_id", "caused_by", "occurred_at", "made_by"}
    assert (after.caused_by, after.occurred_at) == (meta.event_id, 77)


def test_a_turn_has_one_reply_whoever_writes_it() -> None:
    """The id does not depend on the stage, so of two replies the log's first counts."""
    meta = MESSAGE.meta
    ids = {follow_as_reply(meta, stage, "x@1#0", now).event_id for stage in ("reply", "generation") for now in (1, 2)}
    assert ids == {reply_id(meta.run_id, str(meta.turn_id))}


def test_stages_that_trip_over_one_record_write_one_dead_letter() -> None:
    """Topic, partition and offset make its id."""
    assert len({dead_letter_id("chat.messages", p, o) for p in range(3) for o in range(3)}) == 9


def test_a_key_is_of_one_session() -> None:
    """Neither part can run over into the other."""
    assert session_key("shop", "a") == b"shop\x1fa"
    assert session_key("sho", "pa") != session_key("shop", "a")


def test_a_fingerprint_is_name_version_and_content() -> None:
    """Another content is another fingerprint under the same name and version."""
    assert fingerprint("shop", "3", b"") == "shop@3#e3b0c44298fc"
    assert fingerprint("shop", "3", b"x") != fingerprint("shop", "3", b"y")


@pytest.mark.parametrize("name", examples.names())
def test_the_examples_have_the_ids_that_they_would_have(name: str) -> None:
    """An adapter's author can compute them from the rest of the example."""
    event = examples.event(name)
    assert uuid.UUID(event.meta.event_id).version == 5
    if isinstance(event, MessageReceived):
        made = message_id(event.meta.tenant_id, event.channel, event.channel_message_id)
        assert event.meta.event_id == event.meta.turn_id == made
    if isinstance(event, ReplyProduced):
        assert event.meta.event_id == reply_id("live", str(event.meta.turn_id))
