"""The gateway, over HTTP, against a real broker and a pipeline that says what it is told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.topics import create_topics
from schemas.events import FeedbackGiven, MessageReceived, SessionClosed
from streams.channels.keys import Keys, Principal, digest
from streams.channels.limits import Rate
from streams.channels.service import GatewayOptions, GatewayService
from tests.integration.edge import PATIENCE, Rig, rig, running_gateway, until

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def edge(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    create_topics(broker)
    with rig(broker, tmp_path_factory.mktemp("edge")) as made:
        yield made


def test_a_message_gets_its_reply(edge: Rig) -> None:
    """With `wait`, the answer to the request is the reply, with rung and citations."""
    response = edge.send("s1", "hello", customer={"id": "c1", "tier": "gold", "attributes": {"lang": "en"}})
    assert response.status_code == 200
    body = response.json()
    assert body["tenant"] == edge.tenant
    assert body["reply"]["text"] == "re: hello"
    assert body["reply"]["rung"] == "template"
    assert body["reply"]["turn_id"] == body["turn_id"]
    assert body["reply"]["citations"] == [{"article_id": "a1", "title": "An article"}]


def test_a_retried_request_gets_the_stored_reply(edge: Rig) -> None:
    """The same channel message id again is answered from what is kept, and nothing more is published."""
    first = edge.send("s2", "hello", channel_message_id="webhook 1")
    again = edge.send("s2", "hello", wait=0, channel_message_id="webhook 1")
    assert again.status_code == 200
    assert again.json()["reply"] == first.json()["reply"]
    received = [e for e in edge.responder.seen if e.meta.session_id == "s2"]
    assert len(received) == 1


def test_without_wait_the_ids_come_at_once(edge: Rig) -> None:
    """202 says that the log has the message, and names it."""
    response = edge.send("s3", "silence", wait=0, channel_message_id="m")
    assert response.status_code == 202
    body = response.json()
    assert body["reply"] is None
    assert body["deadline_at"] - body["accepted_at"] == 10_000_000
    until(lambda: any(e.meta.event_id == body["turn_id"] for e in edge.responder.seen), "it is not in the log")


def test_a_reply_that_does_not_come_leaves_the_request_accepted(edge: Rig) -> None:
    """When the wait is over, the answer is 202 without a reply."""
    began = time.monotonic()
    response = edge.send("s4", "silence", wait=0.3)
    assert response.status_code == 202
    assert 0.3 <= time.monotonic() - began < PATIENCE


BAD: list[tuple[bytes, int, str | None]] = [
    (b'{"session":"b","text":"\\ud800"}', 422, "text"),
    (b'{"session":"b","text":"a\\u0000b"}', 422, "text"),
    (b'{"session":"b","text":" \\n "}', 422, "text"),
    (b'{"session":"b","text":""}', 422, "text"),
    (b'{"session":"b","text":"' + b"x" * 20_000 + b'"}', 422, "text"),
    (b'{"session":"b","text":5}', 422, "text"),
    (b'{"session":"","text":"x"}', 422, "session"),
    (b'{"session":"a\\u001fb","text":"x"}', 422, "session"),
    (b'{"session":"b","text":"x","tenant":"another"}', 422, "tenant"),
    (b'{"session":"b","text":"x","customer":{"id":"\\udfff"}}', 422, "customer.id"),
    (b'{"session":"b","text":"x","customer":{"attributes":{"\\ud800":"y"}}}', 422, "customer.attributes"),
    (b'{"session":"b","text":"x","channel_message_id":""}', 422, "channel_message_id"),
    (b'{"session":"b","text":"x","\\ud800":"y"}', 422, None),
    (b'{"text":"x"}', 422, "session"),
    (b"\xff\xfe\x00", 400, None),
    (b"[" * 200_000, 400, None),
    (b"[1]", 422, None),
    (b"", 422, None),
    (b"x" * 5_000_000, 413, None),
    (('{"session":"b","text":"' + "😀" * 262_144 + '"}').encode(), 413, None),
]


@pytest.mark.parametrize(("body", "status", "field"), BAD)
def test_bad_input_is_refused_with_field_and_remedy(edge: Rig, body: bytes, status: int, field: str | None) -> None:
    """One clear 4xx, nothing published, and the next message is served."""
    before = len(edge.responder.seen)
    response = edge.channel.post("/v1/messages", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    error = response.json()["error"]
    assert error["remedy"]
    assert field is None or error["field"] == field
    assert edge.send("neighbour", "hello").status_code == 200
    assert {e.meta.session_id for e in edge.responder.seen[before:]} == {"neighbour"}


def test_a_body_without_length_is_limited_too(edge: Rig) -> None:
    """Chunks are counted as they come."""
    chunks = (b"x" * 65_536 for _ in range(40))
    response = edge.channel.post("/v1/messages", content=chunks, headers={"Content-Type": "application/json"})
    assert response.status_code == 413


def test_only_known_keys_of_the_right_role_are_served(edge: Rig) -> None:
    """No key is 401, a key of another role 403; the answer says which role does."""
    body = {"session": "s", "text": "x"}
    with httpx.Client(base_url=edge.url, trust_env=False) as anybody:
        assert anybody.post("/v1/messages", json=body).status_code == 401
        assert anybody.post("/v1/messages", json=body, headers={"X-Api-Key": "guess"}).status_code == 401
        assert anybody.get("/v1/desk/sessions").status_code == 401
    assert edge.desk.post("/v1/messages", json=body).status_code == 403
    refused = edge.channel.get("/v1/desk/sessions")
    assert refused.status_code == 403
    assert "desk" in refused.json()["error"]["remedy"]


def test_a_page_key_opens_only_sessions_that_nobody_can_guess(edge: Rig) -> None:
    """It is public, so it may not read an adapter's session, nor say who the customer is."""
    with edge.client("page") as page:
        secret = "page-0123456789abcdef0123456789abcdef"
        assert page.post("/v1/messages", json={"session": "s1", "text": "x"}).status_code == 403
        assert page.get("/v1/sessions/s1/events").status_code == 403
        gold = {"session": secret, "text": "x", "customer": {"id": "me", "tier": "gold"}}
        assert page.post("/v1/messages", json=gold).status_code == 403
        sent = page.post("/v1/messages", params={"wait": 10}, json={"session": secret, "text": "x", "channel": "app"})
        assert sent.status_code == 200
    message = next(e for e in edge.responder.seen if e.meta.session_id == secret)
    assert isinstance(message, MessageReceived)
    assert message.channel == "web"


def test_feedback_and_the_end_of_a_session_reach_the_log(edge: Rig) -> None:
    """Feedback joins the turn that it is about; a turn that is not known here needs its time."""
    turn = edge.send("s5", "hello").json()
    given = {"session": "s5", "turn_id": turn["turn_id"], "score": -1, "comment": "no"}
    assert edge.channel.post("/v1/feedback", json=given).status_code == 202
    assert edge.channel.post("/v1/feedback", json={**given, "turn_id": "unknown"}).status_code == 404
    assert edge.channel.post("/v1/feedback", json={**given, "score": 9}).status_code == 422
    assert edge.channel.post("/v1/sessions/s5/close", json={"reason": "done"}).status_code == 202

    def there(kind: type) -> bool:
        return any(isinstance(e, kind) and e.meta.session_id == "s5" for e in edge.responder.seen)

    until(lambda: there(FeedbackGiven) and there(SessionClosed), "they are not in the log")
    feedback = next(e for e in edge.responder.seen if isinstance(e, FeedbackGiven))
    assert feedback.meta.turn_started_at == turn["accepted_at"]


def test_what_an_operator_asks_is_answered(edge: Rig) -> None:
    """Health, readiness, metrics by route, the OpenAPI page, and the chat page without anything from elsewhere."""
    assert edge.channel.get("/health").status_code == 200
    edge.send("s6", "hello")
    assert 'spillway_gateway_requests_total{route="/v1/messages",status="200"}' in edge.channel.get("/metrics").text
    assert "/v1/messages" in edge.channel.get("/openapi.json").json()["paths"]
    page = edge.channel.get("/")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for path in ("/chat.js", "/chat.css", "/words.js", "/icon.svg"):
        text = edge.channel.get(path).text.replace("http://www.w3.org/", "")
        assert "http://" not in text
        assert "https://" not in text
    assert edge.channel.get("/page/tenants").json()["tenants"] == [{"tenant": edge.tenant, "key": edge.key("page")}]


def keys_of(key: str, limits: dict[str, Rate]) -> Keys:
    return Keys({digest(key): Principal("shop", "channel")}, {key: Principal("shop", "channel")}, limits)


def test_a_flood_is_told_when_to_come_back(broker: str) -> None:
    """Beyond the tenant's bucket: 429 with Retry-After, and the message was not taken."""
    create_topics(broker)
    service = GatewayService(broker, keys_of("a key of the shop", {"shop": Rate(0.2, 1)}))
    with running_gateway(service) as url, httpx.Client(base_url=url, trust_env=False) as client:
        client.headers["Authorization"] = "Bearer a key of the shop"
        bodies = [client.post("/v1/messages", json={"session": "flood", "text": "x"}) for _ in range(2)]
    assert [b.status_code for b in bodies] == [202, 429]
    assert 1 <= int(bodies[1].headers["Retry-After"]) <= 5


def test_without_a_broker_nothing_is_acknowledged() -> None:
    """503 within a bounded time, with the ids to repeat the very same message; alive, but not ready."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    service = GatewayService(nobody, keys_of("a key of the shop", {}), options=GatewayOptions(patience=1, grace=1))
    with running_gateway(service) as url, httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as client:
        client.headers["Authorization"] = "Bearer a key of the shop"
        began = time.monotonic()
        response = client.post("/v1/messages", json={"session": "s", "text": "x", "channel_message_id": "m"})
        assert response.status_code == 503
        assert time.monotonic() - began < 5
        assert response.json()["error"]["channel_message_id"] == "m"
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503


def test_a_stop_finishes_waiting_requests_in_bounded_time(broker: str, tmp_path: Path) -> None:
    """Who waits for a reply is told that the message was accepted, and the gateway is gone soon."""
    create_topics(broker)
    answers: list[int] = []

    def wait(made: Rig) -> None:
        with made.client("channel") as client:
            body = {"session": "stop", "text": "silence"}
            answers.append(client.post("/v1/messages", params={"wait": 30}, json=body).status_code)

    with rig(broker, tmp_path) as made:
        waiting = threading.Thread(target=wait, args=(made,))
        waiting.start()
        until(lambda: any(e.meta.session_id == "stop" for e in made.responder.seen), "it was not sent")
        began = time.monotonic()
    waiting.join(PATIENCE)
    assert answers == [202]
    assert time.monotonic() - began < 10
