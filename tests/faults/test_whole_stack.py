"""The whole stack with any part killed or stopped under traffic: nothing lost, doubled, out of order, or divergent."""

from __future__ import annotations

import random
import signal
import threading

import pytest

from infra.local.stack import LocalStack
from tests.faults.whole_stack import Traffic, verdict

PARTS = ("worker", "generation", "session-state", "analytics", "gateway", "kafka", "postgres", "clickhouse")
SEED = 20261121
PAUSE = {"worker": 13.0}
"""Seconds stopped: the worker for longer than its membership lasts, so that it wakes as a zombie."""

pytestmark = [pytest.mark.stack, pytest.mark.faults]


def wait(seconds: float) -> None:
    """Lets traffic flow: the moment of a fault is part of the fault."""
    threading.Event().wait(seconds)


def test_killing_every_part_under_traffic_loses_and_doubles_nothing(stack: LocalStack) -> None:
    """Each part is killed at a random moment; when all are back, every acknowledged message has one answer."""
    moments = random.Random(SEED)
    with Traffic(stack.settings()) as traffic:
        for part in moments.sample(PARTS, len(PARTS)):
            wait(moments.uniform(0.5, 2.5))
            stack.kill(part, signal.SIGKILL)
            stack.wait_ready(part)
    assert traffic.failed == []
    assert verdict(stack, traffic).problems() == []


def test_parts_that_stop_and_wake_under_traffic_lose_and_double_nothing(stack: LocalStack) -> None:
    """Each part is stopped and woken, the worker after its partitions were given away; nothing of it shows."""
    moments = random.Random(SEED + 1)
    with Traffic(stack.settings()) as traffic:
        for part in moments.sample(PARTS, len(PARTS)):
            wait(moments.uniform(0.5, 1.5))
            stack.kill(part, signal.SIGSTOP)
            wait(PAUSE.get(part, 2.0))
            stack.kill(part, signal.SIGCONT)
    assert traffic.failed == []
    assert verdict(stack, traffic).problems() == []
