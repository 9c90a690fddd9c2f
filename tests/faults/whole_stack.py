"""A whole local stack under traffic, for tests that hurt its parts and then audit everything."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx
from confluent_kafka import KafkaException

from infra.demo import CONVERSATIONS
from infra.drills.verdict import Verdict
from infra.drills.verdict import verdict as judged
from infra.local.stack import LocalStack
from infra.manifest import Sent
from infra.play import PlayOptions, play
from infra.recordings import read_recordings
from infra.settings import Settings
from streams.channels.keys import load_keys

RATE = 40.0
POST_EVERY = 0.05


@dataclass
class Traffic:
    """The demonstration's conversations over and over straight to Kafka, and messages over HTTP, until it is left."""

    settings: Settings
    sent: list[Sent] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(job,)) for job in (self._play, self._post)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def acknowledged(self) -> list[str]:
        return [*(m.event_id for m in self.sent if m.acknowledged), *self.posted]

    def _run(self, job: object) -> None:
        try:
            job()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - kept for the test, which fails with it
            self.failed.append(error)

    def _play(self) -> None:
        conversations = read_recordings(CONVERSATIONS)
        while not self._stop.is_set():
            options = PlayOptions(rate=RATE, patience=60.0)
            try:
                self.sent += play(conversations, self.settings, options, stop=self._stop.is_set).manifest.messages
            except KafkaException:
                continue  # it could not begin: the broker is the part that is away

    def _post(self) -> None:
        """Messages through the gateway: what it acknowledges must be in the log, whatever dies meanwhile."""
        key = load_keys(self.settings.data_dir / "keys.json").clear_key("shop", "channel")
        number = 0
        with httpx.Client(base_url=self.settings.gateway_url, headers={"Authorization": f"Bearer {key}"}) as client:
            while not self._stop.wait(POST_EVERY):
                number += 1
                ids = {"session": f"http-{number % 20}", "channel_message_id": f"p{number}"}
                try:
                    answer = client.post("/v1/messages", json={**ids, "text": "where is my order?"}, timeout=15)
                except httpx.HTTPError:
                    continue  # no answer, hence no acknowledgement
                if answer.is_success:
                    self.posted.append(answer.json()["turn_id"])


def verdict(stack: LocalStack, traffic: Traffic) -> Verdict:
    """Waits until the stack has come to rest, and audits it."""
    for name in ("kafka", "postgres", "clickhouse", "worker", "generation", "session-state", "analytics", "gateway"):
        stack.wait_ready(name)
    return judged(stack.settings(), traffic.acknowledged())
