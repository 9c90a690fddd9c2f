"""The customers of the drills: turns at a rate from many sessions, straight to Kafka, and a few over HTTP.

Open loop: messages go out at their random moments whatever comes back, and latency counts from the moment that was
meant. What the log or the gateway acknowledged is in the manifest; it is what every audit starts from.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

import httpx
from confluent_kafka import KafkaException

from infra.generation_drills.tenants import QUESTIONS
from infra.manifest import Got, Manifest, Sent
from infra.play_links import KafkaLink
from infra.settings import Settings
from schemas.codec import Codec
from schemas.events import Customer, MessageReceived
from streams.channels import compose
from streams.channels.client import wall_clock
from streams.channels.compose import Sender
from streams.channels.keys import load_keys

SESSIONS: Final = 120
LONGEST_PAUSE: Final = 0.02
PATIENCE: Final = 120.0
"""Seconds for which librdkafka tries to deliver a message: longer than any outage of a drill."""
GRACE: Final = 20.0
POST_EVERY: Final = 0.1
HOUR: Final = 3_600_000_000


@dataclass(frozen=True)
class Manner:
    """How the customers behave. rate: turns a second. Shares: of messages that are published twice, that go out after
    the next one of their session, and that come an hour after they were written."""

    rate: float
    deadline: float = 10.0
    sessions: int = SESSIONS
    repeated: float = 0.0
    reordered: float = 0.0
    late: float = 0.0
    over_http: bool = True


@dataclass
class Posted:
    """A message over HTTP. Seconds since the epoch; `refused`: what was said instead of taking it, None if taken."""

    at: float
    answered: float
    turn_id: str | None
    refused: str | None


@dataclass
class Load:
    """Turns from entering the context until `finish` or leaving it. `seed` fixes who says what, and about when."""

    settings: Settings
    tenant: str
    manner: Manner
    seed: int
    codec: Codec | None = None
    name: str = ""
    posted: list[Posted] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    disorder: set[str] = field(default_factory=set)
    """Sessions whose customers read a reply to an earlier message after one to a later."""

    def __post_init__(self) -> None:
        self.name = self.name or f"d{time.time_ns() // 1_000_000:x}"
        self.manifest = Manifest(self.name)
        self._random = random.Random(self.seed)
        self._link = KafkaLink(self.settings.kafka, self.name, PATIENCE, wall_clock, self.codec)
        self._open: dict[str, Sent] = {}
        self._queue: deque[Sent] = deque()
        self._counts: dict[str, int] = {}
        self._read: dict[str, int] = {}
        self._held: dict[str, tuple[MessageReceived, Sent]] = {}
        self._extra = 0
        self._unreported = 0
        self._stop = threading.Event()
        jobs = [self._run, self._post] if self.manner.over_http else [self._run]
        self._threads = [threading.Thread(target=self._guarded, args=(job,), daemon=True) for job in jobs]

    def __enter__(self) -> Self:
        self._link.begin(False)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def finish(self) -> Manifest:
        """Sends no more; returns once all is acknowledged and answered, or can no longer be. Raises what went wrong."""
        self.__exit__()
        if self.failed:
            raise self.failed[0]
        return self.manifest

    @property
    def sent(self) -> int:
        return len(self.manifest.messages)

    @property
    def acknowledged(self) -> list[str]:
        """The ids of all messages that somebody was told are safe."""
        return [
            *(m.event_id for m in self.manifest.messages if m.acknowledged),
            *(p.turn_id for p in self.posted if p.turn_id is not None),
        ]

    @property
    def age(self) -> float:
        """Seconds that the oldest unanswered message has waited: how far behind the traffic replies are. One that has
        waited longer than any message can is lost, and no longer counts."""
        while self._queue:
            waited = (wall_clock() - self._queue[0].sent_at) / 1e6
            if self._queue[0].reply is None and waited < PATIENCE + GRACE:
                return max(0.0, waited)
            self._queue.popleft()
        return 0.0

    def burst(self, messages: int) -> None:
        """So many messages more, at once."""
        self._extra += messages

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - whoever finishes the load fails with it
            self.failed.append(error)

    def _run(self) -> None:
        due = time.time()
        while not self._stop.is_set():
            now = time.time()
            while due <= now:
                self._send(due)
                due += self._random.expovariate(self.manner.rate)
            extra, self._extra = self._extra, 0
            for _ in range(extra):
                self._send(now)
            self._note(min(LONGEST_PAUSE, max(0.0, due - time.time())))
        for event, sent in self._held.values():
            self._publish(event, sent)
        self._held.clear()
        self._await_answers()
        self._link.close()

    def _send(self, meant: float) -> None:
        """One message. meant: when it was to go, seconds since the epoch; its latency counts from there."""
        manner, chance = self.manner, self._random.random
        session = f"{self.name}.s{self._random.randrange(manner.sessions)}"
        number = self._counts.get(session, 0)
        self._counts[session] = number + 1
        text = self._random.choice(QUESTIONS)
        at = round(meant * 1e6)
        late = HOUR if chance() < manner.late else 0
        sender = Sender(self.tenant, session, "web", manner.deadline)
        event = compose.message(sender, text, f"{session}/{number}", at, Customer(f"c-{session}"))
        if late:
            meta = event.meta
            event = event._replace(meta=meta._replace(occurred_at=at - late, turn_started_at=at - late))
        meta = event.meta
        digest = hashlib.sha256(text.encode()).hexdigest()
        sent = Sent(
            meta.event_id, self.tenant, session, session, number, "", digest, at, meta.deadline_at or at,
            repeats=int(chance() < manner.repeated),
        )  # fmt: skip
        self.manifest.messages.append(sent)
        self._open[meta.event_id] = sent
        self._queue.append(sent)
        held = self._held.pop(session, None)
        if held is None and chance() < manner.reordered:
            self._held[session] = (event, sent)
            return
        self._publish(event, sent)
        if held is not None:
            self._publish(*held)

    def _publish(self, event: MessageReceived, sent: Sent) -> None:
        self._unreported += 1 + sent.repeats
        self._link.send(event, False, lambda why: self._first(sent, why))
        for _ in range(sent.repeats):
            self._link.send(event, False, lambda why: self._again(sent, why))

    def _first(self, sent: Sent, why: str | None) -> None:
        self._unreported -= 1
        sent.acked, sent.not_acked = why is None, why

    def _again(self, sent: Sent, why: str | None) -> None:
        self._unreported -= 1
        sent.acked_repeats += why is None

    def _note(self, seconds: float) -> None:
        try:
            answers = self._link.take(seconds)
        except KafkaException:
            time.sleep(LONGEST_PAUSE)  # the broker is away; its clients go on by themselves
            return
        for answer in answers:
            sent = self._open.pop(answer.turn_id, None)
            if sent is None:
                continue
            sent.reply = Got(answer.rung, answer.scenario, max(0.0, (answer.at - sent.sent_at) / 1e6), answer.handoff)
            if not self.manner.reordered and self._read.get(sent.session, -1) > sent.turn:
                self.disorder.add(sent.session)
            self._read[sent.session] = max(sent.turn, self._read.get(sent.session, -1))

    def _await_answers(self) -> None:
        end = time.monotonic() + PATIENCE + GRACE
        while (self._unreported or self._unanswered()) and time.monotonic() < end:
            self._note(LONGEST_PAUSE)
        for sent in self._open.values():
            sent.missing = sent.acknowledged

    def _unanswered(self) -> bool:
        """Whether a message that the log has may still be answered."""
        give_up = wall_clock() - round((self.manner.deadline + GRACE) * 1e6)
        return any(m.acknowledged and m.sent_at > give_up for m in self._open.values())

    def _post(self) -> None:
        """Messages through the gateway: what it acknowledges must be in the log, whatever dies meanwhile."""
        key = load_keys(self.settings.data_dir / "keys.json").clear_key(self.tenant, "channel")
        headers, number = {"Authorization": f"Bearer {key}"}, 0
        with httpx.Client(base_url=self.settings.gateway_url, headers=headers, trust_env=False) as client:
            while not self._stop.wait(POST_EVERY):
                number += 1
                body = {
                    "session": f"{self.name}.http-{number % 20}",
                    "channel_message_id": f"{self.name}-p{number}",
                    "text": QUESTIONS[number % len(QUESTIONS)],
                }
                began = time.time()
                try:
                    answer = client.post("/v1/messages", json=body, timeout=15)
                    taken = answer.json()["turn_id"] if answer.is_success else None
                    refused = None if answer.is_success else str(answer.status_code)
                except httpx.HTTPError as why:
                    taken, refused = None, type(why).__name__
                self.posted.append(Posted(began, time.time(), taken, refused))
