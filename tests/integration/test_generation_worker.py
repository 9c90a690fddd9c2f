"""The generation stage in a process of its own, over a real broker: killed between its replies and its commit."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.stack import LocalStack
from infra.topics import create_topics
from processors.routing import Signals, decide
from schemas.catalogue import MESSAGES, PARTIALS, REPLIES
from schemas.codec import Codec
from schemas.events import IntentDetected, Record, ReplyPartial, ReplyProduced, ScenarioRouted
from schemas.identity import follow
from streams.control import ControlFold
from streams.log import read_to_end
from streams.policies import Policies
from streams.sink import Sink
from streams.testing import a_message
from streams.testing.generation import Say
from streams.testing.triton_streaming import StreamingTriton
from tests.faults.drill import until
from tests.generating import a_generating_policy

pytestmark = pytest.mark.broker

TURNS = 12
LONG = 120.0
"""Seconds that a reply may take here, so that nothing depends on how fast the machine is."""
SAID = ("You can return an order within 30 days. ", "We send you a free label. [1]")
POLICY = a_generating_policy(deadline=LONG)


@pytest.fixture(scope="module")
def log(short_folder: Path) -> Iterator[str]:
    """A broker whose groups nobody else joins, with the policy in force."""
    with LocalStack(short_folder / "generation", only={"kafka"}, usual_ports=False) as stack:
        bootstrap = stack.addresses.kafka or ""
        create_topics(bootstrap, partitions=2)
        Sink(bootstrap, Codec()).send([POLICY])
        yield bootstrap


@pytest.fixture
def server() -> Iterator[StreamingTriton]:
    """A server with the model `small`, in a thread with a loop of its own."""
    loop = asyncio.new_event_loop()
    triton = StreamingTriton({"small": lambda prompt: [Say(text) for text in SAID]})
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(triton.start(), loop).result(30)
    yield triton
    asyncio.run_coroutine_threadsafe(triton.kill(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def a_worker(bootstrap: str, triton: str, folder: Path, crash_at: str = "") -> subprocess.Popen[bytes]:
    """`spillway worker --stages generation`."""
    nowhere = {"SPILLWAY_POSTGRES": "postgresql://nowhere", "SPILLWAY_CLICKHOUSE": "http://nowhere"}
    ours = {"SPILLWAY_KAFKA": bootstrap, "SPILLWAY_TRITON": triton, "SPILLWAY_CRASH_AT": crash_at}
    with (folder / f"worker-{time.monotonic_ns()}.log").open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "infra.cli.main", "worker", "--stages", "generation"],
            stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **nowhere, **ours},
        )  # fmt: skip


def routed(number: int) -> ScenarioRouted:
    """Routing's decision on a question about returns, now."""
    control = ControlFold()
    control.take(Record("chat.control", 0, 0, 0, POLICY))
    version = Policies(control).in_force("shop", 0)
    assert version is not None
    at = time.time_ns() // 1000
    message = a_message(f"I want to return number {number} please", session=f"s-{number}", at=at, deadline=LONG)
    intent = IntentDetected(follow(message.meta, "intent", "i@1", at), "return", "returns_exchange", 0.9, (), 0, "en")
    record = Record(MESSAGES, 0, number, at, message)
    return decide(version.rules, version.knowledge_fingerprint, None, record, Signals(intent=intent), at)


def said(bootstrap: str, topic: str) -> list[ReplyProduced | ReplyPartial]:
    """What the worker wrote there."""
    found = [r.event for r in read_to_end(bootstrap, [topic], Codec()) if isinstance(r, Record)]
    return [e for e in found if isinstance(e, ReplyProduced | ReplyPartial)]


def test_a_worker_killed_before_its_commit_is_made_up_for(log: str, server: StreamingTriton, tmp_path: Path) -> None:
    """Every turn has one reply, and what was replied to before the kill is not generated again."""
    routes = [routed(number) for number in range(TURNS)]
    Sink(log, Codec()).send(routes)
    first = a_worker(log, server.url, tmp_path, crash_at="generation:after_delivery")
    second = None
    try:
        first.wait(60)
        before = {e.meta.turn_id for e in said(log, REPLIES)}
        assert before
        second = a_worker(log, server.url, tmp_path)
        until(lambda: len({e.meta.turn_id for e in said(log, REPLIES)}) == TURNS, "a reply to each turn")
    finally:
        for worker in (first, second):
            if worker is not None:
                worker.kill()
                worker.wait(10)
    replies = [e for e in said(log, REPLIES) if isinstance(e, ReplyProduced)]
    assert Counter(e.meta.turn_id for e in replies) == {r.meta.turn_id: 1 for r in routes}
    asked = Counter(r.meta.turn_id for r in routes for prompt in server.seen.asked if r.text in prompt)
    assert {turn: asked[turn] for turn in before if turn} == {turn: 1 for turn in before if turn}
    assert {e.generated.model.partition("@")[0] for e in replies if e.generated is not None} == {"small"}
    shown = [e for e in said(log, PARTIALS) if isinstance(e, ReplyPartial)]
    assert {e.text.strip() for e in shown} <= {SAID[0].strip(), SAID[1].strip()}
    assert shown
