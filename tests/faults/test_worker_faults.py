"""A worker is killed, stopped, woken, joined and left, and its broker too: nothing is lost, and no state diverges."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local.stack import LocalStack
from infra.topics import create_topics
from streams.crash_points import POINTS
from streams.worker import BUG, HALTED, OK, RESTART
from tests.faults.drill import (
    Audit,
    Load,
    Worker,
    audit,
    clear_limit,
    routed_so_far,
    shorten_session,
    until,
    write_garbage,
)

pytestmark = pytest.mark.faults

ASSIGNED = "recovered from"


@pytest.fixture(scope="module")
def own_broker(short_folder: Path) -> Iterator[LocalStack]:
    """A broker that these drills may kill."""
    with LocalStack(short_folder / "drills", only={"kafka"}, usual_ports=False) as stack:
        create_topics(stack.addresses.kafka or "", partitions=4)
        yield stack


class Drill:
    """One drill: its tenant, its workers, and the end at which everything must be right."""

    def __init__(self, stack: LocalStack, tenant: str, folder: Path) -> None:
        self.bootstrap, self.tenant, self._folder = stack.addresses.kafka or "", tenant, folder
        self.workers: list[Worker] = []
        shorten_session(self.bootstrap, tenant)

    def worker(self, *, fail_at: int = 0, crash_at: str = "") -> Worker:
        """Starts one more worker."""
        worker = Worker(self.bootstrap, self.tenant, self._folder, fail_at=fail_at, crash_at=crash_at)
        self.workers.append(worker)
        return worker

    def working(self, worker: Worker, times: int = 1) -> None:
        """Waits until the worker has had partitions, and recovered them, so often."""
        until(lambda: worker.says(ASSIGNED) >= times, f"an assignment in {worker.log}")

    def load(self, rate: int = 250) -> Load:
        return Load(self.bootstrap, self.tenant, rate)

    def sent_more(self, load: Load, turns: int = 250) -> None:
        """Waits until so many more turns were sent: the fault comes in the middle of traffic."""
        goal = load.sent + turns
        until(lambda: load.sent >= goal, f"{turns} more turns sent")

    def settled(self, load: Load) -> Audit:
        """Ends the load, waits until every turn is made, ends the workers in good order, and looks at everything."""
        load.finish()
        until(lambda: routed_so_far(self.bootstrap, self.tenant) >= load.sent, f"{load.sent} turns made")
        for worker in self.workers:
            if not worker.ended:
                worker.send(signal.SIGTERM)
                assert worker.wait(20) == OK
        found = audit(self.bootstrap, self.tenant)
        assert found.messages == load.sent
        return found


@pytest.fixture
def drill(own_broker: LocalStack, tmp_path: Path) -> Iterator[Callable[[str], Drill]]:
    """Makes drills, and ends what they leave running."""
    made: list[Drill] = []

    def make(tenant: str) -> Drill:
        made.append(Drill(own_broker, tenant, tmp_path))
        return made[-1]

    yield make
    for each in made:
        for worker in each.workers:
            worker.end()


def test_a_worker_that_is_killed_is_made_up_for_by_its_successor(drill: Callable[[str], Drill]) -> None:
    """After kill -9 in the middle of traffic the next worker goes on from the commit and the changelog."""
    it = drill("kill")
    first = it.worker()
    it.working(first)
    with it.load() as load:
        it.sent_more(load)
        first.send(signal.SIGKILL)
        first.wait()
        it.working(it.worker())
        it.sent_more(load)
        found = it.settled(load)
    assert found.clean, found


def test_a_worker_told_to_end_finishes_its_batch_and_repeats_nothing(drill: Callable[[str], Drill]) -> None:
    """SIGTERM twice in the middle of traffic: exit code 0, and not one turn is made twice."""
    it = drill("term")
    with it.load() as load:
        for _ in range(2):
            worker = it.worker()
            it.working(worker)
            it.sent_more(load)
            worker.send(signal.SIGTERM)
            assert worker.wait(15) == OK
        it.working(it.worker())
        found = it.settled(load)
    assert found.clean, found
    assert found.repeats == 0


def test_workers_that_come_and_go_take_the_partitions_over_with_their_state(drill: Callable[[str], Drill]) -> None:
    """A second worker joins in the middle of traffic, and leaves again."""
    it = drill("members")
    first = it.worker()
    it.working(first)
    with it.load() as load:
        it.sent_more(load)
        second = it.worker()
        it.working(second)
        it.sent_more(load)
        second.send(signal.SIGTERM)
        assert second.wait(15) == OK
        it.working(first, times=2)
        it.sent_more(load)
        found = it.settled(load)
    assert found.clean, found


def test_a_zombie_woken_as_its_successor_takes_over_changes_nothing(drill: Callable[[str], Drill]) -> None:
    """A stopped worker loses its partitions, and wakes up just as the new owner has recovered them."""
    it = drill("zombie")
    zombie, other = it.worker(), it.worker()
    it.working(zombie)
    it.working(other)
    with it.load() as load:
        it.sent_more(load)
        had = other.says(ASSIGNED)
        zombie.send(signal.SIGSTOP)
        try:
            it.working(other, times=had + 1)
        finally:
            zombie.send(signal.SIGCONT)
        it.sent_more(load, 500)
        found = it.settled(load)
    assert found.clean, found


def test_a_bug_in_a_stage_ends_the_worker_and_loses_nothing(drill: Callable[[str], Drill]) -> None:
    """An exception in the middle of a batch: exit code 1, nothing committed, and the next worker does it again."""
    it = drill("bug")
    with it.load() as load:
        buggy = it.worker(fail_at=60)
        assert buggy.wait(40) == BUG
        assert buggy.says("a bug in the drilled stage")
        it.working(it.worker())
        found = it.settled(load)
    assert found.clean, found


def test_a_worker_that_dies_at_any_point_of_a_batch_loses_nothing(drill: Callable[[str], Drill]) -> None:
    """Killed before and after producing, after delivery, after the commit: the successor makes every turn right."""
    drills = [(drill(f"crash_{point}"), point) for point in POINTS]
    loads = [it.load(rate=75) for it, _ in drills]
    victims = [it.worker(crash_at=f"chain-{it.tenant}:{point}:8") for it, point in drills]
    for load in loads:
        load.__enter__()
    try:
        for victim in victims:
            assert victim.wait() == -signal.SIGKILL
        for it, _ in drills:
            it.worker()
        for it, load in zip((it for it, _ in drills), loads, strict=True):
            found = it.settled(load)
            assert found.clean, (it.tenant, found)
    finally:
        for load in loads:
            load.finish()


def test_workers_outlive_a_broker_that_is_killed(drill: Callable[[str], Drill], own_broker: LocalStack) -> None:
    """The broker dies by kill -9 in the middle of traffic and comes back: the same worker goes on, or its successor."""
    it = drill("broker")
    worker = it.worker()
    it.working(worker)
    with it.load(rate=100) as load:
        it.sent_more(load)
        restarts = own_broker.part("kafka").restarts
        own_broker.kill("kafka", signal.SIGKILL)
        until(lambda: own_broker.part("kafka").restarts > restarts, "the broker is started again")
        own_broker.wait_ready("kafka")
        it.sent_more(load)
        if worker.ended:
            it.worker()
        found = it.settled(load)
    assert found.clean, found


def test_a_halted_stage_stays_stopped_until_an_operator_clears_it(drill: Callable[[str], Drill]) -> None:
    """The worker ends to be started again, refuses to run the stage, and runs it once the limit is cleared."""
    it = drill("halt")
    write_garbage(it.bootstrap, it.tenant, 30)
    worker = it.worker()
    assert worker.wait() == RESTART
    assert worker.says("records in a row were rejected")
    assert it.worker().wait() == HALTED
    clear_limit(it.bootstrap, it.tenant)
    worker = it.worker()
    it.working(worker)
    with it.load() as load:
        it.sent_more(load)
        found = it.settled(load)
    assert found.clean, found
