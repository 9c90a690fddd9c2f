"""The drills in their shortest form, on a whole stack: whatever is hurt, every promise that is not of speed is kept.

The long forms are commands: spillway drill all. That the audit finds what is wrong is shown by
tests/unit/test_drill_audit.py (lost, doubled, out of order) and tests/integration/test_rebuild.py (stores).
"""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from infra.drills import poison, senders, stores, workers
from infra.drills.drilling import Drilling, Plan, drill
from infra.drills.ground import Ground, a_tenant
from infra.drills.result import Result
from infra.local.stack import LocalStack
from infra.wiring import prepare

PLAN = Plan(
    rate=25.0, times=1, seed=20261122, warm=1.0, gap=1.0, hold=2.0, pause=12.0, after=0.5, patience=400.0, quick=True
)
pytestmark = [pytest.mark.stack, pytest.mark.faults, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ground(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The session's stack, which gets the tenant of the drills, and a gateway that knows its keys."""
    prepare(stack.settings(), tenants=a_tenant(tmp_path_factory.mktemp("drills")))
    stack.restart("gateway")
    return Ground(stack)


def kept(result: Result) -> None:
    """0 lost, 0 doubled, 0 out of order, 0 divergent, of some messages; how fast is not asked."""
    assert result.problems == []
    assert (result.lost, result.doubled, result.disorder, result.divergence) == (0, 0, 0, 0)
    assert result.events > 0


def hurt_everything(it: Drilling) -> None:
    """Every process killed and one in the middle of a batch; ended with a full buffer; stopped and woken; stores."""
    it.plan = replace(PLAN, times=len(workers.KILLED))
    workers.kill(it)
    it.plan = PLAN
    for body in (workers.terminate, workers.pause, stores.postgres, stores.clickhouse, hurt_the_log, short_stops):
        body(it)


def hurt_the_log(it: Drilling) -> None:
    """The broker is killed."""
    it.moment()
    with it.fault("kill -9 kafka", "kafka", "worker", within=None):
        it.killed("kafka")


def short_stops(it: Drilling) -> None:
    """Each part stands still for a moment, shorter than any membership lasts."""
    for name in ("kafka", "postgres", "clickhouse", "gateway", "analytics"):
        with it.fault(f"SIGSTOP {name}", name, within=None):
            it.ground.kill(name, signal.SIGSTOP)
            it.wait(1.0)
            it.ground.kill(name, signal.SIGCONT)


def test_hurting_every_part_under_load_loses_and_doubles_nothing(ground: Ground) -> None:
    """Killed, ended, stopped, away: when all is back, each acknowledged message has one answer, in order."""
    result = drill("everything", 0, hurt_everything, ground, PLAN, print)
    kept(result)
    assert result.times >= len(workers.KILLED) - 1 + 4


def test_poison_among_the_traffic_is_dead_lettered_once_and_harms_no_neighbour(ground: Ground) -> None:
    """A dead letter for each bad record, an answer for each strange text, and the traffic goes on."""
    kept(drill("poison", 12, poison.poison, ground, PLAN, print))


def test_unruly_senders_end_like_well_behaved_ones(ground: Ground) -> None:
    """Messages published twice, out of order and an hour late are decided and answered as they are when sent well."""
    kept(drill("senders", 15, senders.senders, ground, PLAN, print, senders.unruly(PLAN.rate)))
