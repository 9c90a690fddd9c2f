"""A worker is killed around a change of models: nothing is lost, and what is done twice names the same model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.stack import LocalStack
from infra.models.activation import activation, publish
from infra.models.settings import ModelSettings
from infra.models.store import ModelStore
from infra.settings import Settings
from infra.topics import create_topics
from schemas.catalogue import MESSAGES, SIGNALS
from schemas.events import Record
from streams.log import read_to_end
from streams.models.manifest import read_manifest
from streams.sink import Sink
from streams.stage_work import now_micros
from streams.topology import SPECS
from tests.bundles import a_hashed_bundle
from tests.faults.drill import shorten_session_of, until
from tests.integration.stage_loop import CODEC, message

pytestmark = pytest.mark.faults


class Load:
    """A tenant's messages, about a hundred a second, until it is left."""

    def __init__(self, bootstrap: str, tenant: str) -> None:
        self._sink, self._tenant, self._stop = Sink(bootstrap, CODEC), tenant, threading.Event()
        self._thread = threading.Thread(target=self._run, name="load")
        self.sent = 0

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            self._sink.send([message(self._tenant, self.sent + n) for n in range(5)])
            self.sent += 5


class IntentWorker:
    """`spillway worker --stages intent`, as an installation runs it."""

    def __init__(self, settings: Settings, log: Path) -> None:
        words = ["worker", "--stages", "intent"]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "infra.cli.main", *words],
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings.to_env()},
            )

    def end(self, number: signal.Signals) -> int:
        """Sends a signal, and waits for the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(60)


@pytest.fixture
def bootstrap(short_folder: Path) -> Iterator[str]:
    """A broker whose stage intent is the drilled one."""
    with LocalStack(short_folder / "model-drill", only={"kafka"}, usual_ports=False) as stack:
        assert stack.addresses.kafka is not None
        create_topics(stack.addresses.kafka, partitions=4)
        shorten_session_of(stack.addresses.kafka, SPECS["intent"].group)
        yield stack.addresses.kafka


def test_a_worker_is_killed_before_a_change_and_comes_back_after_it(
    bootstrap: str, unique: str, tmp_path: Path
) -> None:
    """It answers the backlog with the model of each message's time, though it never saw the older one in force."""
    old, new = (a_hashed_bundle(tmp_path / f"v{n}", name="mine", version=n) for n in ("1", "2"))
    fingerprints = [read_manifest(folder).fingerprint for folder in (old, new)]
    settings = Settings(
        bootstrap, "postgresql://127.0.0.1:1/x", "http://127.0.0.1:1", None, tmp_path, models=ModelSettings(str(old))
    )
    log = tmp_path / "worker.log"
    worker = IntentWorker(settings, log)
    try:
        with Load(bootstrap, unique) as load:
            until(lambda: len(_records(bootstrap, SIGNALS, unique)) >= 50, "signals by the first model")
            now = now_micros()
            effective_at = now + 5_000_000
            location = ModelStore(settings.model_store).add(new)
            publish(settings, activation(read_manifest(new), location, "", effective_at, now, "drill"))
            worker.end(signal.SIGKILL)
            until(lambda: now_micros() > effective_at + 500_000, "messages on both sides of the change")
            worker = IntentWorker(settings, log)
            until(lambda: fingerprints[1] in _made(bootstrap, unique), "signals by the second model")
            worker.end(signal.SIGKILL)
            worker = IntentWorker(settings, log)
            goal = load.sent + 50
            until(lambda: load.sent >= goal, "messages after the second kill")
        asked = _records(bootstrap, MESSAGES, unique)
        until(lambda: len(_answers(bootstrap, unique)) >= len(asked), "every message answered")
        assert worker.end(signal.SIGTERM) == 0, log.read_text(encoding="utf-8")
    finally:
        worker.end(signal.SIGKILL)

    answers = _answers(bootstrap, unique)
    expected = {r.event.meta.event_id: {fingerprints[r.appended_at >= effective_at]} for r in asked}
    assert set(fingerprints) == {f for found in expected.values() for f in found}
    assert answers == expected


def _records(bootstrap: str, topic: str, tenant: str) -> list[Record]:
    records = read_to_end(bootstrap, [topic], CODEC)
    return [r for r in records if isinstance(r, Record) and r.event.meta.tenant_id == tenant]


def _made(bootstrap: str, tenant: str) -> set[str]:
    return {r.event.meta.made_by.fingerprint for r in _records(bootstrap, SIGNALS, tenant)}


def _answers(bootstrap: str, tenant: str) -> dict[str | None, set[str]]:
    """Of each message, by which models it was understood; more than one would be a contradiction."""
    found: dict[str | None, set[str]] = defaultdict(set)
    for record in _records(bootstrap, SIGNALS, tenant):
        found[record.event.meta.turn_id].add(record.event.meta.made_by.fingerprint)
    return found
