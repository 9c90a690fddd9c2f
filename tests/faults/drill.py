"""What a drill is made of: load from a thread, workers as processes, and an audit of the log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from schemas.catalogue import MESSAGES, ROUTES
from schemas.codec import Codec
from schemas.events import (
    Customer,
    Event,
    IntentDetected,
    MadeBy,
    MessageReceived,
    Meta,
    Record,
    ScenarioRouted,
    StageResumed,
)
from schemas.identity import follow, message_id, session_key
from streams.log import read_to_end
from streams.sink import Sink
from tests.faults.chain import chain_spec, link

SESSIONS = 40
PATIENCE = 60.0


def until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Waits for a condition, asking it often. Fails when it does not come true within `patience` seconds."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"not within {patience} s: {what}"
        threading.Event().wait(0.02)


def shorten_session(bootstrap: str, tenant: str, seconds: int = 6) -> None:
    """The same for the drilled group."""
    shorten_session_of(bootstrap, chain_spec(tenant).group, seconds)


def shorten_session_of(bootstrap: str, group: str, seconds: int = 6) -> None:
    """A member of the group that is not heard of for this long is given up: the least that brokers allow."""
    entry = ConfigEntry("consumer.session.timeout.ms", str(seconds * 1000), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(timeout=30)


class Load:
    """Messages and their signals, about `rate` a second, from entering the context until leaving it.

    Every 23rd message has no signal, every 29th has it too late.
    """

    def __init__(self, bootstrap: str, tenant: str, rate: int = 250) -> None:
        self._sink, self._tenant, self._rate = Sink(bootstrap, Codec(), {"message.timeout.ms": 120_000}), tenant, rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"load {tenant}")
        self.sent = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def finish(self) -> None:
        """No more is sent; returns when the broker has what was. May be called again."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        late: list[tuple[float, Event]] = []
        while not self._stop.wait(0.04):
            messages = [self._message(self.sent + i) for i in range(max(1, self._rate // 25))]
            signals = [(self.sent + i, _signal(message)) for i, message in enumerate(messages)]
            self.sent += len(messages)
            now = time.monotonic()
            late += [(now + 0.6, event) for i, event in signals if i % 29 == 0]
            due = [event for at, event in late if at <= now]
            late = [(at, event) for at, event in late if at > now]
            self._sink.enqueue([*messages, *(event for i, event in signals if i % 29 and i % 23), *due])
            self._sink.deliver(120)

    def _message(self, number: int) -> MessageReceived:
        id_, now = message_id(self._tenant, "web", str(number)), time.time_ns() // 1000
        meta = Meta(
            id_, self._tenant, f"s{number * 7 % SESSIONS}", id_, now, "live", None, now, now + 10_000_000,
            MadeBy("drill", "drill@1"),
        )  # fmt: skip
        return MessageReceived(meta, f"turn {number}", "web", str(number), Customer("c"))


def _signal(message: MessageReceived) -> IntentDetected:
    meta = follow(message.meta, "intent", "drill@1", message.meta.occurred_at)
    return IntentDetected(meta, "track", "logistics", 0.9, (), 0.0, "en")


class Worker:
    """A worker process that runs the drilled stage; its log is read for what it says of itself."""

    def __init__(self, bootstrap: str, tenant: str, folder: Path, *, fail_at: int = 0, crash_at: str = "") -> None:
        self.log = folder / f"{tenant}-{time.monotonic_ns()}.log"
        environment = {**os.environ, "SPILLWAY_CRASH_AT": crash_at}
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.chain_worker", bootstrap, tenant, str(fail_at)],
                stdout=out, stderr=subprocess.STDOUT, env=environment,
            )  # fmt: skip

    def says(self, words: str) -> int:
        """How often its log has these words."""
        return self.log.read_text(encoding="utf-8").count(words)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Its exit code, once it has ended."""
        return self._process.wait(patience)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        """Ends it, however it is."""
        if not self.ended:
            self._process.kill()
        self._process.wait(10)


@dataclass
class Audit:
    """What the log says of a drill."""

    messages: int = 0
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    repeats: int = 0
    unheard: int = 0

    @property
    def clean(self) -> bool:
        """Nothing lost, no chain broken, and every repeat the same as the first."""
        return not (self.lost or self.broken or self.different)


def audit(bootstrap: str, tenant: str) -> Audit:
    """Holds every turn of the tenant against the messages that it answers."""
    found, asked, first = Audit(), defaultdict(list), dict[str, Record]()
    for record in read_to_end(bootstrap, [MESSAGES, ROUTES], Codec()):
        if not isinstance(record, Record) or record.event.meta.tenant_id != tenant:
            continue
        event = record.event
        if isinstance(event, MessageReceived):
            asked[event.meta.session_id].append(event.meta.event_id)
            found.messages += 1
        elif isinstance(event, ScenarioRouted):
            turn = event.meta.turn_id or ""
            known = first.setdefault(turn, record)
            if known is not record:
                found.repeats += 1
                if known.event != event:
                    found.different.append(turn)
    for session, turns in asked.items():
        chain, last = "", -1
        for seq, turn in enumerate(turns, 1):
            if turn not in first:
                found.lost.append(turn)
                continue
            event, offset = first[turn].event, first[turn].offset
            assert isinstance(event, ScenarioRouted)
            heard = not event.signals.missing
            found.unheard += not heard
            chain = link(chain, turn, heard)
            if event.state.step != chain or event.state.seq != seq or offset <= last:
                found.broken.append(f"{session} turn {seq}")
            last = offset
    return found


def routed_so_far(bootstrap: str, tenant: str) -> int:
    """How many turns of the tenant have been made."""
    turns = set()
    for record in read_to_end(bootstrap, [ROUTES], Codec()):
        if isinstance(record, Record) and record.event.meta.tenant_id == tenant:
            turns.add(record.event.meta.turn_id)
    return len(turns)


def write_garbage(bootstrap: str, tenant: str, records: int) -> None:
    """Records that no stage can read, in a row on one partition."""
    sink = Sink(bootstrap, Codec())
    sink.enqueue_bytes((MESSAGES, session_key(tenant, "s0"), b"garbage") for _ in range(records))
    sink.deliver()


def clear_limit(bootstrap: str, tenant: str) -> None:
    """What an operator does with: spillway dead-letters clear-limit."""
    stage, now = chain_spec(tenant).name, time.time_ns() // 1000
    meta = Meta(f"resume {stage}", "", "", None, None, "live", None, now, None, MadeBy("operators", "drill"))
    Sink(bootstrap, Codec()).send([StageResumed(meta, stage, "drill")])
