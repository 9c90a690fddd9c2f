"""Our own endpoint is a registry to standard serialisers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from infra.schema_registry import Pinned, app
from schemas.codec import Codec, Ids, expanded, pinned_schema
from schemas.registry import RegistryError, SchemaMissing, ids_of, import_into, registered_id
from tests.contracts.registry_suite import RegistrySuite


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of our endpoint, served by a real HTTP server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app(), log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()


class TestPinnedRegistry(RegistrySuite):
    """The endpoint that serves the pinned ids."""

    @pytest.fixture
    def url(self, endpoint: str) -> str:
        return endpoint

    @pytest.fixture
    def ids(self) -> Ids:
        return Ids.pinned()


def test_it_serves_the_ids_in_use() -> None:
    """An installation that follows another registry's ids gives those to its adapters."""
    pinned = Ids.pinned().ids.items()
    older = {700 + n: pinned_schema(n, record) for record, numbers in pinned for n in numbers[:-1]}
    ids = Ids({record: [700 + n for n in numbers] for record, numbers in pinned}, older)
    assert Pinned(ids).by_id[701].record == "MessageReceived"
    assert Codec(ids).ids is ids


def test_its_ids_are_the_pinned_ones(endpoint: str, tmp_path: Path) -> None:
    """A worker that is pointed at it writes the ids that it would have written anyway."""
    assert ids_of(endpoint, tmp_path / "ids.json").ids == Ids.pinned().ids
    assert {i.version.id for i in import_into(endpoint)} == {i.id for i in import_into(endpoint)}


def test_a_schema_that_is_not_pinned_is_refused(endpoint: str) -> None:
    """Looking it up does not find it, and registering it is refused with the reason."""
    other = expanded("MessageReceived")
    other["fields"] = other["fields"][:-1]
    body = {"schema": json.dumps(other)}
    subject = "/subjects/chat.messages-spillway.MessageReceived"
    assert httpx.post(endpoint + subject, json=body).json()["error_code"] == 40403
    answer = httpx.post(f"{endpoint}{subject}/versions", json=body)
    assert answer.status_code == 422
    assert "spillway schemas pin" in answer.json()["message"]


def test_a_schema_without_its_docs_is_the_same_schema(endpoint: str) -> None:
    """Generated code in other languages drops what is for people, and still finds the id."""
    stripped = json.loads(json.dumps(expanded("SessionClosed")), object_hook=lambda d: {**d, "doc": ""})
    subject = "/subjects/chat.messages-spillway.SessionClosed"
    answer = httpx.post(endpoint + subject, json={"schema": json.dumps(stripped)})
    assert answer.json()["id"] == Ids.pinned().ids["SessionClosed"][-1]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/subjects/none/versions", 40401),
        ("/subjects/none/versions/1", 40401),
        ("/subjects/chat.messages-spillway.SessionClosed/versions/9", 40402),
        ("/schemas/ids/9999", 40403),
        ("/schemas/ids/9999/versions", 40403),
    ],
)
def test_what_is_not_there_has_confluents_error_code(endpoint: str, path: str, code: int) -> None:
    """Clients tell the cases apart by the code."""
    answer = httpx.get(endpoint + path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, code)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"schema": 5}', b'{"schema": "{}"}', b'{"schema": "nonsense"}'])
def test_a_request_that_is_no_schema_is_refused(endpoint: str, body: bytes) -> None:
    """It is the client's error, and says so."""
    answer = httpx.post(f"{endpoint}/subjects/chat.messages-spillway.SessionClosed", content=body)
    assert (answer.status_code, answer.json()["error_code"]) == (422, 42201)


def test_it_says_what_it_is(endpoint: str) -> None:
    """Read only, and FULL_TRANSITIVE."""
    assert httpx.get(f"{endpoint}/mode").json() == {"mode": "READONLY"}
    assert httpx.get(f"{endpoint}/config").json() == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert httpx.get(f"{endpoint}/schemas/types").json() == ["AVRO"]
    assert httpx.get(f"{endpoint}/schemas/ids/3/versions").json()[0]["version"] == 1


def test_missing_is_told_from_refused(endpoint: str) -> None:
    """An error of the registry names the command that mends it."""
    assert issubclass(SchemaMissing, RegistryError)
    version = next(iter(import_into(endpoint))).version
    with pytest.raises(SchemaMissing, match="spillway schemas import"):
        registered_id(endpoint, version._replace(subject="chat.none-spillway.None"))
