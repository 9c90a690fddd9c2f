"""The gateway under requests and frames that nobody should send: it answers as declared, and goes on serving."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from infra import schema_registry
from infra.topics import create_topics
from tests.fuzz.texts import damaged
from tests.integration.edge import Rig, rig

pytestmark = pytest.mark.broker
STREAMS = "/events"
"""What ends in this has no end; it is asked by hand."""
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 15
AT_THE_DESK = 4
"""Of an operation on one session of the desk, which waits a moment for a session that it has not heard of."""
REQUESTS = 300
FRAMES = 300
CLOSES = {1000, 1002, 1003, 1007, 1009, 1011, 1012}
"""What a socket may be closed with after a frame that is none: by the protocol, or by what lies below us."""


@pytest.fixture(scope="module")
def edge(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway with all that `spillway gateway` serves."""
    create_topics(broker)
    with rig(broker, tmp_path_factory.mktemp("edge"), more=[("/registry", schema_registry.router())]) as made:
        yield made


def _headers(edge: Rig, path: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {edge.key('desk' if path.startswith('/v1/desk') else 'channel')}"}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
def test_every_operation_answers_as_it_declares(edge: Rig, mode: GenerationMode) -> None:
    """Requests made from our own document, right and wrong: status, content type and body are those it names."""
    answered: Counter[int] = Counter()
    schema = schemathesis.openapi.from_url(f"{edge.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    asked = [operation for operation in operations if not operation.path.endswith(STREAMS)]
    assert len(asked) >= 12, [operation.label for operation in asked]
    for operation in asked:
        examples = AT_THE_DESK if operation.path.startswith("/v1/desk/sessions/") else EXAMPLES

        @seed(618)
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode))
        def ask(case: Case) -> None:
            if case.query and "wait" in case.query:
                case.query["wait"] = 0  # a reply that is not coming would be waited for
            response = case.call_and_validate(headers=_headers(edge, case.path), checks=CHECKS)
            answered[response.status_code] += 1

        with suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
            ask()
    assert {status for status in answered if status >= 500} <= {503}
    assert edge.send("after", "hello").status_code == 200


PATHS = (
    "/v1/messages",
    "/v1/feedback",
    "/v1/sessions/%2e%2e%2f%2e%2e%2fetc%2fpasswd/close",
    "/v1/sessions/..%5c..%5c/close",
    "/v1/sessions/%00/close",
    "/v1/sessions/%ff%fe/close",
    "/v1/sessions/" + "x" * 4000 + "/close",
    "/v1/desk/sessions/%F0%9F%98%80/take",
    "/v1/desk/sessions/../../../keys.json/take",
    "/../../keys.json",
    "/static/../../../etc/passwd",
    "/%2e%2e/%2e%2e/keys.json",
    "//v1//messages",
    "/registry/subjects/x%2Fy",
    "/registry/subjects/chat.messages-spillway.MessageReceived",
    "/docs/..%2f..%2f",
)
TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "application/json;;",
    "a/b; q=" + "1" * 500,
    "application/avro",
    "",
)
BODIES = (
    b"",
    b"{}",
    b"null",
    b"[" * 100_000,
    b'{"schema": "' + b"[" * 100_000 + b'"}',
    b'{"schema": "{\\"type\\": \\"record\\"}"}',
    b'{"session": "s", "text": "x", "customer": ' * 1000,
    b'{"session":"s","text":"x","channel_message_id":"' + b"9" * 5000 + b'"}',
    b'{"session":"s","turn_id":"t","score":' + b"9" * 5000 + b"}",
    b'{"session":"s","turn_id":"t","score":1,"turn_started_at":1e400}',
    b'{"session":"s","turn_id":"t","score":1,"turn_started_at":9223372036854775808}',
    b'{"session":"s","turn_id":"t","score":1,"turn_started_at":-9223372036854775809}',
    b'{"session":"s","turn_id":"t","score":NaN}',
    b'{"agent_id":"a","text":"x","turn_id":"\\ud800"}',
    b"\xff\xfe{\x00}\x00",
    b"x" * 300_000,
    b"--x\r\nContent-Disposition: form-data\r\n\r\n",
)
HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer " + "k" * 5000},
    {"Authorization": "Basic eDp5"},
    {"X-Api-Key": "\u00ff"},
    {"traceparent": "00-" + "z" * 200},
    {"Cookie": "a=" + "b" * 4000},
    {"Last-Event-ID": "\u00ff" * 100},
    {"Host": "evil.example"},
    {"Accept": "application/xml"},
    {"X-Forwarded-For": "1" * 1000},
    {"Content-Encoding": "gzip"},
    {"Expect": "100-continue"},
)


def test_odd_requests_are_refused_and_the_next_one_is_served(edge: Rig) -> None:
    """Paths that climb, bodies that lie, headers that shout: one clear answer each, and JSON wherever we refuse."""
    rng, wrong = random.Random(618), []
    base = json.dumps({"session": "s", "text": "x", "customer": {"id": "c", "attributes": {"lang": "en"}}}).encode()
    with httpx.Client(base_url=edge.url, timeout=30, trust_env=False) as client:
        for number in range(REQUESTS):
            path, method = rng.choice(PATHS), rng.choice(("POST", "POST", "POST", "GET", "PUT", "DELETE", "OPTIONS"))
            body = rng.choice(BODIES) if rng.random() < 0.5 else damaged(base, rng)
            extra = rng.choice(HEADERS)
            headers = {**_headers(edge, path), "Content-Type": rng.choice(TYPES), **extra}
            raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
            answer = client.request(method, path, content=body, headers=raw)
            if answer.status_code >= 500 and answer.status_code != 503:
                wrong.append((number, method, path, headers, body[:200], answer.status_code, answer.text[:200]))
            if "root:" in answer.text or '"sha256"' in answer.text:
                wrong.append((number, method, path, headers, body[:200], answer.status_code, "a file was given away"))
    assert wrong == []
    assert edge.send("after", "hello").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/sessions/s/events", {200}),
        ("/v1/sessions/s/events?after=" + "x" * 3000, {200}),
        ("/v1/sessions/%00/events", {422}),
        ("/v1/sessions/s/events?after=%ff%00&key=%00", {200}),
    ],
)
def test_a_stream_begins_or_is_refused(edge: Rig, path: str, status: set[int]) -> None:
    """Server-sent events have no end, so only their beginning is looked at."""
    with edge.channel.stream("GET", path) as answer:
        assert answer.status_code in status


FRAME: dict[str, Any] = {
    "type": "message",
    "text": "where is my order?",
    "ref": 7,
    "customer": {"id": "c", "tier": "gold", "attributes": {"lang": "en"}},
    "channel_message_id": "m-1",
}


def _frames(rng: random.Random) -> Iterator[str | bytes]:
    """Frames that are almost right, and some that are not even text."""
    kinds = ("message", "feedback", "ping", "", "close", None, 7, ["message"])
    for number in range(FRAMES):
        given_ = json.dumps({**FRAME, "type": rng.choice(kinds), "channel_message_id": f"m-{number}"}).encode()
        content = damaged(given_, rng) if rng.random() < 0.8 else given_
        yield content if rng.random() < 0.05 else content.decode("utf-8", "replace")


def _until_closed(
    socket: ClientConnection, frames: Iterator[str | bytes], closes: list[tuple[str | bytes, int]]
) -> int:
    """Sends frames on a socket until they are sent, or it is closed for one; how many had an answer."""
    answered = 0
    for frame in frames:
        try:
            socket.send(frame)
            said = {"type": "reply"}
            while said["type"] in ("reply", "partial"):
                said = json.loads(socket.recv(timeout=20))
        except ConnectionClosed as closed:
            closes.append((frame, 1000 if closed.rcvd is None else closed.rcvd.code))
            break
        assert said["type"] in ("accepted", "thanks", "pong", "error"), (frame, said)
        assert said["type"] != "error" or 400 <= int(said["status"]) < 500, (frame, said)
        answered += 1
    return answered


def test_each_odd_frame_has_one_answer_or_ends_its_socket(edge: Rig) -> None:
    """Another socket goes on, and whoever comes back is served."""
    rng, answered = random.Random(618), 0
    frames, closes = _frames(rng), list[tuple[str | bytes, int]]()
    with edge.socket("neighbour") as neighbour:
        neighbour.recv(timeout=20)
        while answered + len(closes) < FRAMES:
            with edge.socket("odd") as socket:
                socket.recv(timeout=20)
                answered += _until_closed(socket, frames, closes)
        neighbour.send(json.dumps({"type": "message", "text": "hello"}))
        assert json.loads(neighbour.recv(timeout=20))["type"] == "accepted"
    assert [(frame, code) for frame, code in closes if code not in CLOSES] == []
    assert answered > FRAMES / 2
