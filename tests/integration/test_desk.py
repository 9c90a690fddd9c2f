"""The human desk: who waits, take, answer, return; right also after a restart of the gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.topics import create_topics
from schemas.events import SessionReturned
from streams.channels.service import GatewayService
from tests.integration.edge import OPTIONS, Rig, rig, running_gateway, until

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def edge(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    create_topics(broker)
    with rig(broker, tmp_path_factory.mktemp("edge")) as made:
        yield made


def listed(edge: Rig) -> dict[str, dict[str, object]]:
    return {s["session"]: s for s in edge.desk.get("/v1/desk/sessions").json()["sessions"]}


def answer(edge: Rig, session: str, text: str, **more: str) -> int:
    body = {"agent_id": "maria", "text": text, **more}
    return edge.desk.post(f"/v1/desk/sessions/{session}/answers", json=body).status_code


def test_a_handed_off_session_is_listed_answered_and_returned(edge: Rig) -> None:
    """From the handoff to the return: the agent's words reach the customer, and the bot answers again."""
    assert edge.send("d1", "human").json()["reply"]["handoff"] is True
    taken = edge.desk.post("/v1/desk/sessions/d1/take", json={"agent_id": "maria"})
    assert taken.status_code == 200
    assert taken.json()["reason"] == "asked for"
    assert [t["text"] for t in taken.json()["turns"]] == ["human"]
    question = edge.send("d1", "are you there?", wait=0).json()
    until(lambda: len(edge.desk.get("/v1/desk/sessions/d1").json()["turns"]) == 2, "the turn is not on the board")
    assert answer(edge, "d1", "I am Maria.", turn_id=question["turn_id"]) == 202
    retried = edge.send("d1", "are you there?", channel_message_id=question["channel_message_id"])
    assert retried.json()["reply"]["text"] == "I am Maria."
    assert retried.json()["reply"]["agent_id"] == "maria"
    assert edge.desk.post("/v1/desk/sessions/d1/return", json={"agent_id": "maria"}).status_code == 202
    until(lambda: any(isinstance(e, SessionReturned) for e in edge.responder.seen), "it was not returned")
    assert edge.send("d1", "thanks").json()["reply"]["rung"] == "template"


def test_an_answer_without_a_turn_goes_to_the_latest_open_one(edge: Rig) -> None:
    """The desk need not know turn ids."""
    edge.send("d2", "human")
    question = edge.send("d2", "hello?", wait=0).json()
    until(lambda: len(edge.desk.get("/v1/desk/sessions/d2").json()["turns"]) == 2, "the turn is not on the board")
    assert answer(edge, "d2", "Hello!") == 202
    reply = edge.send("d2", "hello?", channel_message_id=question["channel_message_id"]).json()["reply"]
    assert reply["turn_id"] == question["turn_id"]


def test_an_answer_sent_twice_under_one_request_id_counts_once(edge: Rig) -> None:
    """A desk that repeats its request gets the same event's id."""
    edge.send("d3", "human")
    body = {"agent_id": "maria", "text": "Hello!", "request_id": "r1"}
    ids = {edge.desk.post("/v1/desk/sessions/d3/answers", json=body).json()["id"] for _ in range(2)}
    assert len(ids) == 1


def test_two_agents_do_not_answer_one_customer(edge: Rig) -> None:
    """What one took is refused to the other, unless by force."""
    edge.send("d4", "human")
    take = "/v1/desk/sessions/d4/take"
    assert edge.desk.post(take, json={"agent_id": "maria"}).status_code == 200
    assert edge.desk.post(take, json={"agent_id": "paul"}).status_code == 409
    body = {"agent_id": "paul", "text": "Hello!"}
    assert edge.desk.post("/v1/desk/sessions/d4/answers", json=body).status_code == 409
    assert edge.desk.post(take, json={"agent_id": "paul", "force": True}).status_code == 200


def test_a_session_with_the_bot_is_not_the_desks(edge: Rig) -> None:
    """409, with where to look."""
    edge.send("d5", "hello")
    response = edge.desk.post("/v1/desk/sessions/d5/answers", json={"agent_id": "maria", "text": "Hello!"})
    assert response.status_code == 409
    assert "/v1/desk/sessions" in response.json()["error"]["remedy"]
    assert "d5" not in listed(edge)


def test_the_board_is_right_after_a_restart(edge: Rig, broker: str) -> None:
    """A new gateway lists the sessions that were handed off before it began, with their open turns."""
    edge.send("d6", "human")
    edge.send("d6", "and now?", wait=0)
    until(lambda: len(edge.desk.get("/v1/desk/sessions/d6").json()["turns"]) == 2, "the turn is not on the board")
    with running_gateway(GatewayService(broker, edge.keys, options=OPTIONS)) as url:
        second = Rig(url, edge.tenant, edge.keys, edge.responder)
        with second.channel, second.desk:
            until(second.ready, "the second gateway did not become ready")
            until(lambda: "d6" in listed(second), "the session is not listed")
            assert listed(second)["d6"]["turns"] == listed(edge)["d6"]["turns"]
