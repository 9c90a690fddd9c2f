"""Replies as they come: order, what was missed, and both ways of streaming."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from infra.topics import create_topics
from schemas.events import Event, MessageReceived
from tests.integration.edge import PATIENCE, Rig, ordinary, reply_event, rig

pytestmark = pytest.mark.broker


def scripted(message: MessageReceived, seq: int) -> list[Event]:
    """Holds back the reply to "slow" until "fast" was answered; says everything twice at "echo"."""
    if message.text == "slow":
        held[message.meta.session_id] = message
        return []
    if message.text == "fast":
        early = reply_event(message, seq, earlier_deadline_at=message.meta.deadline_at)
        return [early, reply_event(held.pop(message.meta.session_id), seq - 1)]
    if message.text == "echo":
        return [reply_event(message, seq, "first"), reply_event(message, seq, "another text under the same id")]
    return ordinary(message, seq)


held: dict[str, MessageReceived] = {}


@pytest.fixture(scope="module")
def edge(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    create_topics(broker)
    with rig(broker, tmp_path_factory.mktemp("edge"), scripted) as made:
        yield made


def frame(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of this kind."""
    while True:
        found: dict[str, Any] = json.loads(socket.recv(PATIENCE))
        if found["type"] == kind:
            return found


def say(socket: ClientConnection, text: str, **more: object) -> None:
    socket.send(json.dumps({"type": "message", "text": text, **more}))


def test_a_socket_takes_messages_and_gives_replies(edge: Rig) -> None:
    """Hello, accepted with the ids and the sender's own reference, then the reply."""
    with edge.socket("w1") as socket:
        assert frame(socket, "hello")["tenant"] == edge.tenant
        say(socket, "hello", ref="7", channel_message_id="m1")
        accepted, reply = None, None
        while accepted is None or reply is None:
            found = json.loads(socket.recv(PATIENCE))
            accepted = found if found["type"] == "accepted" else accepted
            reply = found if found["type"] == "reply" else reply
    assert accepted["ref"] == "7"
    assert accepted["channel_message_id"] == "m1"
    assert reply["turn_id"] == accepted["turn_id"]
    assert reply["text"] == "re: hello"


def test_what_was_missed_comes_first_after_a_reconnect(edge: Rig) -> None:
    """With the last reply's id, a socket that comes back gets the later ones, and none twice."""
    seen = edge.send("w2", "one").json()["reply"]
    edge.send("w2", "two")
    with edge.socket("w2", f"?after={seen['id']}") as socket:
        assert frame(socket, "reply")["text"] == "re: two"
        say(socket, "three")
        assert frame(socket, "reply")["text"] == "re: three"


def test_a_fast_reply_waits_for_the_slow_one_before_it(edge: Rig) -> None:
    """In the log the second turn's reply comes first; the customer sees them in turn order."""
    with edge.socket("w3") as socket:
        say(socket, "slow")
        say(socket, "fast")
        assert [frame(socket, "reply")["text"] for _ in range(2)] == ["re: slow", "re: fast"]


def test_a_turn_is_answered_once(edge: Rig) -> None:
    """Of two replies under one id the first counts, for sockets and for requests alike."""
    with edge.socket("w4") as socket:
        assert edge.send("w4", "echo").json()["reply"]["text"] == "first"
        edge.send("w4", "hello")
        assert [frame(socket, "reply")["text"] for _ in range(2)] == ["first", "re: hello"]


def test_a_socket_says_what_is_wrong_with_a_frame_and_stays(edge: Rig) -> None:
    """Each bad frame gets one error that names the field; the next message is served."""
    with edge.socket("w5") as socket:
        for text, field in [
            ("no json", None),
            ("[" * 100_000, None),
            ('{"type":"dance"}', "type"),
            ('{"type":"message","text":"\\ud800"}', "text"),
            ('{"type":"message","text":" "}', "text"),
            ('{"type":"message","text":"x","tenant":"another"}', "tenant"),
        ]:
            socket.send(text)
            error = frame(socket, "error")
            assert error["status"] == 422
            assert error["error"]["field"] == field
        say(socket, "hello")
        assert frame(socket, "reply")["text"] == "re: hello"


def test_a_socket_without_a_key_is_closed_with_the_status(edge: Rig) -> None:
    """A channel's key in the address is refused too: addresses get logged."""
    url = edge.url.replace("http", "ws", 1)
    edge_socket = f"{url}/v1/sessions/w6/ws?key={edge.key('channel')}"
    with connect(edge_socket, proxy=None) as socket:
        assert frame(socket, "error")["status"] == 401
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_a_socket_is_not_compressed_and_has_one_address(edge: Rig) -> None:
    """A compressor for each of thousands would take more than all else; elsewhere there are no sockets."""
    with edge.socket("w8") as socket:
        assert frame(socket, "hello")
        assert socket.protocol.extensions == []
    url = edge.url.replace("http", "ws", 1)
    for path in ("/v1/sessions/w8/w9/ws", "/v1/sessions/ws", "/v1/elsewhere"):
        with pytest.raises(InvalidStatus) as refused, connect(url + path, proxy=None):
            pass
        assert refused.value.response.status_code == 403


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def test_server_sent_events_give_the_replies_and_those_missed(edge: Rig) -> None:
    """A stream that comes back with Last-Event-ID begins after that reply."""
    seen = edge.send("e1", "one").json()["reply"]
    edge.send("e1", "two")
    with edge.channel.stream("GET", "/v1/sessions/e1/events", headers={"Last-Event-ID": seen["id"]}) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        stream = events(response)
        assert next(stream)["text"] == "re: two"
        edge.send("e1", "three")
        assert next(stream)["text"] == "re: three"


def test_streams_end_when_the_gateway_stops(broker: str, tmp_path: Path) -> None:
    """A socket is told to come back, so a stop does not hang on open conversations."""
    create_topics(broker)
    with ExitStack() as after:
        with rig(broker, tmp_path) as made:
            socket = after.enter_context(made.socket("w7"))
            assert frame(socket, "hello")
        with pytest.raises(ConnectionClosed) as closed:
            frame(socket, "never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
