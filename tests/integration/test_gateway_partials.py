"""Replies while they are made, through a real log and a real gateway: the test is the generation stage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.sync.client import ClientConnection

from infra.cli.talking import Conversation
from infra.cli.unfolding import Unfolding
from infra.topics import create_topics
from schemas.codec import Codec
from schemas.events import Event, MessageReceived, ReplyPartial
from schemas.identity import follow, message_id
from streams.channels.client import wall_clock
from streams.channels.publisher import Publisher
from streams.channels.service import GatewayService
from tests.integration.edge import (
    OPTIONS,
    PATIENCE,
    Rig,
    ordinary,
    reply_event,
    rig,
    route_event,
    running_gateway,
    until,
)
from tests.integration.test_gateway_streams import frame, say

pytestmark = pytest.mark.broker

asked: dict[str, MessageReceived] = {}


def scripted(message: MessageReceived, seq: int) -> list[Event]:
    """Routes what begins with "think" to generation, and leaves it to the test; answers everything else."""
    if not message.text.startswith("think"):
        return ordinary(message, seq)
    asked[f"{message.meta.session_id} {message.text}"] = message
    route = route_event(message, seq, "generation", False)
    state = route.state._replace(episode_id=f"episode of {message.meta.session_id}")
    return [route._replace(state=state, earlier_deadline_at=message.meta.deadline_at if seq > 1 else None)]


class Worker:
    """What a worker of the generation stage puts on the log, as the test says."""

    def __init__(self, broker: str) -> None:
        self._publisher = Publisher(broker, Codec())

    def put(self, *events: Event) -> None:
        reports: list[str | None] = []
        for event in events:
            self._publisher.publish(event, reports.append)
        self._publisher.flush(PATIENCE)
        assert reports == [None] * len(events)


def message_of(session: str, text: str) -> MessageReceived:
    until(lambda: f"{session} {text}" in asked, "the message did not come")
    return asked[f"{session} {text}"]


def piece(message: MessageReceived, attempt: str, position: int, text: str) -> ReplyPartial:
    meta = follow(message.meta, f"partial {attempt}", "scripted@1", wall_clock(), position)
    return ReplyPartial(meta, attempt, position, text)


def shown(socket: ClientConnection) -> tuple[str, str, str]:
    """The next piece or reply: attempt, position and text, or "reply", its rung and its text."""
    while True:
        found = json.loads(socket.recv(PATIENCE))
        if found["type"] == "partial":
            return found["attempt"], str(found["position"]), found["text"]
        if found["type"] == "reply":
            return "reply", found["rung"], found["text"]


@pytest.fixture(scope="module")
def edge(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    create_topics(broker)
    with rig(broker, tmp_path_factory.mktemp("edge"), scripted) as made:
        yield made


@pytest.fixture(scope="module")
def worker(broker: str) -> Worker:
    create_topics(broker)
    return Worker(broker)


def test_a_socket_shows_a_reply_while_it_is_made(edge: Rig, worker: Worker) -> None:
    """Each piece comes with its place; the reply comes last, whole."""
    with edge.socket("p1") as socket:
        say(socket, "think")
        turn = message_of("p1", "think")
        worker.put(piece(turn, "a", 0, "One. "))
        first = frame(socket, "partial")
        assert first == {
            "type": "partial", "turn_id": turn.meta.event_id, "attempt": "a", "position": 0, "text": "One. ",
        }  # fmt: skip
        worker.put(piece(turn, "a", 5, "二。"))
        assert shown(socket) == ("a", "5", "二。")
        worker.put(reply_event(turn, 1, "One. 二。", rung="small_model"))
        assert shown(socket) == ("reply", "small_model", "One. 二。")


def test_a_worker_that_dies_leaves_one_reply(edge: Rig, worker: Worker) -> None:
    """Two pieces, then another worker's attempt, then the deadline's fallback; what came later is not shown."""
    with edge.socket("p2") as socket:
        say(socket, "think")
        turn = message_of("p2", "think")
        worker.put(piece(turn, "a", 0, "One. "), piece(turn, "a", 5, "Two. "))
        text = ""
        while text != "One. Two. ":  # in one piece or in two
            attempt, position, more = shown(socket)
            assert (attempt, position) == ("a", str(len(text)))
            text += more
        worker.put(piece(turn, "b", 0, "Anew. "))
        assert shown(socket) == ("b", "0", "Anew. ")
        worker.put(reply_event(turn, 1, "Sorry.", rung="fallback"))
        assert shown(socket) == ("reply", "fallback", "Sorry.")
        worker.put(piece(turn, "b", 6, "Late. "), reply_event(turn, 1, "Anew. Late.", rung="small_model"))
        say(socket, "think again")
        fence = message_of("p2", "think again")
        worker.put(piece(fence, "c", 0, "Next. "))
        assert shown(socket) == ("c", "0", "Next. ")
        worker.put(reply_event(fence, 2, "Next."))
        assert shown(socket) == ("reply", "template", "Next.")


def test_a_gateway_that_starts_in_the_middle_shows_the_whole_text(edge: Rig, worker: Worker, broker: str) -> None:
    """It reads back the pieces of the last minutes, and shows none of a turn that was answered."""
    with edge.socket("p3") as socket:
        say(socket, "think")
        done = message_of("p3", "think")
        worker.put(piece(done, "a", 0, "Old. "), reply_event(done, 1, "Old."))
        until(lambda: shown(socket)[0] == "reply", "no reply")
        say(socket, "think more")
        turn = message_of("p3", "think more")
        worker.put(piece(turn, "b", 0, "One. "))
        assert shown(socket) == ("b", "0", "One. ")
        with running_gateway(GatewayService(broker, edge.keys, options=OPTIONS)) as url:
            other = Rig(url, edge.tenant, edge.keys, edge.responder)
            with other.channel, other.desk:
                until(other.ready, "the gateway did not become ready")
                with other.socket("p3") as late:
                    assert shown(late) == ("b", "0", "One. ")
                    worker.put(piece(turn, "b", 5, "Two. "), reply_event(turn, 2, "One. Two."))
                    until(lambda: shown(late) == ("reply", "template", "One. Two."), "no reply")


def test_a_later_turn_is_shown_after_the_earlier_ones_reply(edge: Rig, worker: Worker) -> None:
    """Two turns are generated at once; the second's text waits for the first's reply."""
    with edge.socket("p4") as socket:
        say(socket, "think 1")
        say(socket, "think 2")
        first, second = message_of("p4", "think 1"), message_of("p4", "think 2")
        worker.put(piece(second, "b", 0, "Second. "))
        worker.put(piece(first, "a", 0, "First. "))
        assert shown(socket) == ("a", "0", "First. ")
        worker.put(reply_event(first, 1, "First."))
        assert [shown(socket) for _ in range(2)] == [("reply", "template", "First."), ("b", "0", "Second. ")]
        worker.put(reply_event(second, 2, "Second.", earlier_deadline_at=second.meta.deadline_at))
        assert shown(socket) == ("reply", "template", "Second.")


def test_server_sent_events_have_pieces_without_an_id(edge: Rig, worker: Worker) -> None:
    """So a stream that comes back still asks for what follows its last reply."""
    with edge.channel.stream("GET", "/v1/sessions/p5/events") as response:
        lines = response.iter_lines()
        with ThreadPoolExecutor(1) as pool:
            answered = pool.submit(edge.send, "p5", "think")
            turn = message_of("p5", "think")
            worker.put(piece(turn, "a", 0, "One. "))
            assert _event(lines) == {"event": "partial", "text": "One. "}
            worker.put(reply := reply_event(turn, 1, "One. Two."))
            assert _event(lines) == {"event": "reply", "text": "One. Two.", "id": reply.meta.event_id}
            assert answered.result(PATIENCE).json()["reply"]["text"] == "One. Two."


def test_a_terminal_shows_a_reply_while_it_is_made(edge: Rig, worker: Worker) -> None:
    """The piece stands there before there is a reply, and the reply completes it."""
    out: list[str] = []
    screen = Unfolding(out.append)
    with Conversation(edge.url, edge.key("channel"), edge.tenant, "p6") as talk, ThreadPoolExecutor(1) as pool:
        talk.follow(lambda found: screen.take(found) if found["type"] == "partial" else None)
        screen.begin(message_id(edge.tenant, talk.channel, "m1"))
        exchange = pool.submit(talk.send, "think", PATIENCE, "m1")
        turn = message_of("p6", "think")
        worker.put(piece(turn, "a", 0, "One. "))
        until(lambda: out == ["One. "], "the piece did not come")
        worker.put(reply_event(turn, 1, "One. Two."))
        reply = exchange.result(PATIENCE).reply
        assert reply is not None
        screen.end(reply["text"])
    assert out == ["One. ", "Two.\n"]


def _event(lines: Iterator[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if not line and "event" in found:
            break
        if name == "data":
            found["text"] = json.loads(value)["text"]
        elif name in ("id", "event"):
            found[name] = value
    return found
