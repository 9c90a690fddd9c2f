"""The server that generates, hurt in every way under load on a real stack: every turn is answered once, all the same.

The figures (shares in time, seconds until models reply again) are those of `spillway bench generation faults`, which
runs the same drill for longer. Here only what holds on any machine, however slow, is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.generation_drills.fault_drill import FaultReport, Plan, drill
from infra.generation_drills.faults import NAMES
from infra.generation_drills.runs import How, even, running

pytestmark = [pytest.mark.stack, pytest.mark.triton, pytest.mark.faults]

HOW = How(tenants=3, deadline=10.0, token_ms=8.0)
RATE = 6.0
PLAN = Plan(even(HOW, RATE), HOW.deadline, HOW.token_ms, warm=3.0, hold=2.0, settle=60.0, afterwards=0.5)


@pytest.fixture(scope="module")
def report() -> Iterator[FaultReport]:
    """What one drill found, each fault once."""
    with running(HOW, lambda _: None) as (stack, server):
        yield drill(stack, server, PLAN, lambda _: None)


def test_every_turn_is_answered_once_whatever_the_server_does(report: FaultReport) -> None:
    """None is lost, none is answered twice or out of order, every customer hears something, and the ledger balances."""
    assert report.broken() == []
    assert report.all.turns > 0


def test_a_fault_takes_models_only_for_a_while(report: FaultReport) -> None:
    """After each fault models make replies again, without anybody's help: breakers close by themselves."""
    assert {fault.name for fault in report.faults} == set(NAMES)
    assert [fault.name for fault in report.faults if not fault.again] == []


def test_no_process_of_a_model_survives_its_server(report: FaultReport) -> None:
    """Not after the server was killed alone, and not after a model that did not load."""
    assert [fault.orphans for fault in report.faults] == [[]] * len(NAMES)


def test_a_healthy_model_makes_replies_and_a_hurt_one_is_stepped_over(report: FaultReport) -> None:
    """Both rungs are in the log: the drill had a model to hurt, and hurt it."""
    assert {"small_model", "knowledge"} <= set(report.by_rung)
