"""A worker knows its ids with the registry up, down, or changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import Ids
from schemas.registry import (
    IdsChanged,
    RegistryAway,
    RegistryError,
    SchemaMissing,
    ids_of,
    import_into,
    pinned_versions,
    subject_of,
)

NOWHERE = "http://127.0.0.1:1"


class Registry(ThreadingHTTPServer):
    """A registry with ids of its own: `ids` of each subject by schema; `takes_ids`: whether IMPORT mode works."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.ids: dict[str, dict[str, int]] = {}
        self.takes_ids = False
        self.refuses = 0
        self.next_id = 500

    def latest(self, record: str) -> int:
        """The id of a record's newest version."""
        return list(self.ids[subject_of(record)].values())[-1]

    def renumber(self, record: str, id_: int) -> None:
        """Gives a record of one version another id."""
        (schema,) = self.ids[subject_of(record)]
        self.ids[subject_of(record)][schema] = id_

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    server: Registry

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return body

    def _answer(self, status: int, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self) -> None:
        self._body()
        self._answer(200 if self.server.takes_ids else 405, {})

    def do_DELETE(self) -> None:
        self._answer(200, {})

    def do_POST(self) -> None:
        body, subject = self._body(), self.path.split("/")[2]
        if self.server.refuses:
            return self._answer(self.server.refuses, {"message": "no"})
        if not self.path.endswith("/versions"):
            found = self.server.ids.get(subject, {}).get(body["schema"])
            return self._answer(404 if found is None else 200, {"id": found})
        if "id" in body and not self.server.takes_ids:
            return self._answer(422, {})
        self.server.next_id += 1
        ids = self.server.ids.setdefault(subject, {})
        ids[body["schema"]] = body.get("id", self.server.next_id)
        return self._answer(200, {"id": ids[body["schema"]]})

    def log_message(self, *_: object) -> None:
        """Keeps quiet."""


@pytest.fixture
def running() -> Iterator[Registry]:
    """A registry that knows nothing yet."""
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_subject_is_the_topic_and_the_record() -> None:
    """TopicRecordNameStrategy, as JVM serialisers name it."""
    assert subject_of("MessageReceived") == "chat.messages-spillway.MessageReceived"
    assert len({v.subject for v in pinned_versions()}) == len(Ids.pinned().ids)


def test_a_registry_that_takes_ids_gets_ours(running: Registry, tmp_path: Path) -> None:
    """Imported in IMPORT mode, the ids are the pinned ones."""
    running.takes_ids = True
    assert all(i.id == i.version.id for i in import_into(running.url))
    assert ids_of(running.url, tmp_path / "ids.json").ids == Ids.pinned().ids


def test_a_registry_that_numbers_by_itself_is_followed(running: Registry, tmp_path: Path) -> None:
    """Its own ids are looked up, and the codec writes and reads those."""
    import_into(running.url)
    ids = ids_of(running.url, tmp_path / "kept" / "ids.json").ids
    assert {record: numbers[-1] for record, numbers in ids.items()} == {
        record: running.latest(record) for record in Ids.pinned().ids
    }
    assert min(numbers[0] for numbers in ids.values()) > 500


def test_importing_twice_changes_nothing(running: Registry) -> None:
    """What is there is left as it is."""
    assert import_into(running.url) == import_into(running.url)


def test_a_worker_starts_with_the_registry_down(running: Registry, tmp_path: Path) -> None:
    """What was looked up once is remembered in a file."""
    kept = tmp_path / "ids.json"
    import_into(running.url)
    ids = ids_of(running.url, kept)
    assert ids_of(NOWHERE, kept).ids == ids.ids
    running.refuses = 503
    assert ids_of(running.url, kept).ids == ids.ids


def test_without_a_registry_and_without_memory_it_does_not_start(tmp_path: Path) -> None:
    """It would write ids that may mean something else there."""
    with pytest.raises(RegistryAway, match="does not answer"):
        ids_of(NOWHERE, tmp_path / "ids.json")


def test_an_id_that_changed_is_refused(running: Registry, tmp_path: Path) -> None:
    """The log holds the old one: the error names the record, both ids and the file."""
    kept = tmp_path / "ids.json"
    import_into(running.url)
    ids_of(running.url, kept)
    running.renumber("AgentReplied", 9000)
    with pytest.raises(IdsChanged, match=r"AgentReplied version 1 the id 9000.*ids\.json"):
        ids_of(running.url, kept)


def test_one_id_for_two_schemas_is_refused(running: Registry, tmp_path: Path) -> None:
    """An id has to say what the bytes are."""
    import_into(running.url)
    running.renumber("AgentReplied", running.latest("SessionClosed"))
    with pytest.raises(IdsChanged, match="several of our schemas one id"):
        ids_of(running.url, tmp_path / "ids.json")


def test_a_registry_without_our_schemas_says_what_to_do(running: Registry, tmp_path: Path) -> None:
    """The error is the command to type."""
    with pytest.raises(SchemaMissing, match="spillway schemas import --registry"):
        ids_of(running.url, tmp_path / "ids.json")


def test_a_registry_that_refuses_a_schema_is_quoted(running: Registry) -> None:
    """Its own words say why."""
    running.refuses = 422
    with pytest.raises(RegistryError, match=r"refuses chat\.messages-.*422"):
        import_into(running.url)


def test_a_memory_that_cannot_be_read_is_not_guessed(tmp_path: Path) -> None:
    """Half a file is an error, not an empty one."""
    kept = tmp_path / "ids.json"
    kept.write_text('{"ids": ')
    with pytest.raises(RegistryError, match="remove it"):
        ids_of(NOWHERE, kept)
