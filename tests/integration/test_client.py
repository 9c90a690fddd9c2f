"""The client for adapters that publish to Kafka themselves."""

from __future__ import annotations

import socket
import time
from itertools import islice

import pytest

from infra.topics import create_topics
from schemas.events import Customer, Event, MessageReceived, ReplyProduced
from schemas.identity import message_id
from streams.channels.client import ChannelClient, NotDelivered, WrongInput, wall_clock
from tests.integration.edge import Responder, ordinary, reply_event, until

pytestmark = pytest.mark.broker


@pytest.fixture
def topics(broker: str) -> str:
    create_topics(broker)
    return broker


def texts(client: ChannelClient, count: int) -> list[str]:
    return [r.text for r in islice(client.replies(idle=20), count)]


def test_what_is_sent_is_answered_in_order_once(topics: str, unique: str) -> None:
    """Replies that lie in the log out of order and twice come out in turn order, once."""
    first: list[MessageReceived] = []

    def answer(message: MessageReceived, seq: int) -> list[Event]:
        if seq == 1:
            first.append(message)
            return []
        if seq == 2:
            early = reply_event(message, 2, earlier_deadline_at=message.meta.deadline_at)
            return [early, early, reply_event(first[0], 1), reply_event(first[0], 1, "another text")]
        return ordinary(message, seq)

    with Responder(topics, unique, answer), ChannelClient(topics, unique, "wechat") as client:
        turn = client.send("s", "one", "m1", Customer("c1", "gold", True, {"lang": "en"}))
        assert turn == message_id(unique, "wechat", "m1")
        client.send("s", "two", "m2")
        client.send("s", "three", "m3")
        assert texts(client, 3) == ["re: one", "re: two", "re: three"]
        assert client.repeats == 2


def test_a_reply_goes_without_the_earlier_one_at_its_deadline(topics: str, unique: str) -> None:
    """The wait for an earlier turn that is never answered ends at that turn's deadline."""

    def answer(message: MessageReceived, seq: int) -> list[Event]:
        return [] if seq == 1 else [reply_event(message, seq, earlier_deadline_at=message.meta.deadline_at)]

    with Responder(topics, unique, answer), ChannelClient(topics, unique, "wechat", deadline=1.0) as client:
        client.send("s", "one", "m1")
        client.send("s", "two", "m2")
        reply = next(client.replies(idle=20))
        assert isinstance(reply, ReplyProduced)
        assert reply.text == "re: two"
        assert wall_clock() >= (reply.earlier_deadline_at or 0)


def test_a_client_that_comes_back_reads_from_where_it_says(topics: str, unique: str) -> None:
    """With `replies_since`, the replies since then are read again; other tenants' are not."""
    began = wall_clock() - 1_000_000
    with Responder(topics, unique), ChannelClient(topics, unique, "app") as client:
        client.send("s", "one", "m1")
        assert texts(client, 1) == ["re: one"]
    with ChannelClient(topics, unique, "app", replies_since=began) as again:
        assert texts(again, 1) == ["re: one"]
    with ChannelClient(topics, "another", "app", replies_since=began) as other:
        assert list(other.replies(idle=0.5)) == []


def test_feedback_and_ends_are_published(topics: str, unique: str) -> None:
    """They are confirmed before the call returns, and lie in the log."""
    with Responder(topics, unique) as responder, ChannelClient(topics, unique, "app") as client:
        client.feedback("s", message_id(unique, "app", "m1"), wall_clock(), 2, "thanks")
        client.close_session("s", "done")
        until(lambda: len(responder.seen) == 2, "they are not in the log")
    assert [type(e).__name__ for e in responder.seen] == ["FeedbackGiven", "SessionClosed"]


@pytest.mark.parametrize(
    ("session", "text", "id_", "field"),
    [
        ("s", "", "m", "text"),
        ("s", "a\x00b", "m", "text"),
        ("s", "\ud800", "m", "text"),
        ("s", "x" * 20_000, "m", "text"),
        ("", "x", "m", "session"),
        ("a\x1fb", "x", "m", "session"),
        ("s", "x", "", "channel_message_id"),
    ],
)
def test_what_would_be_a_dead_letter_is_refused(topics: str, session: str, text: str, id_: str, field: str) -> None:
    """The field and the remedy are named, and nothing is published."""
    with ChannelClient(topics, "shop", "app") as client, pytest.raises(WrongInput) as wrong:
        client.send(session, text, id_)
    assert wrong.value.field == field
    assert wrong.value.remedy


def test_without_a_broker_nothing_is_acknowledged() -> None:
    """`send` raises within its patience; it never returns an id that the log does not have."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    client = ChannelClient(nobody, "shop", "app", patience=1)
    began = time.monotonic()
    with pytest.raises(NotDelivered):
        client.send("s", "x", "m")
    assert time.monotonic() - began < 5
    client.close(0.1)
