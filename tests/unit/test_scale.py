"""Workers beside each other: which processors they get, what is concluded, and what a backlog is made of."""

from __future__ import annotations

import os
from itertools import islice, pairwise
from pathlib import Path

import pytest

from infra.benches.backlog import messages
from infra.benches.cores import core_of, cores_first, keep_to, processors
from infra.benches.fitting import Point
from infra.benches.frame import BenchError, Spread, as_json
from infra.benches.machine import Machine
from infra.benches.queueing import Cores, Costs, Load
from infra.benches.scale import Scaled, concluded
from infra.benches.scale_page import shown
from infra.benches.scaling import Drains
from infra.cli.bench_scale import numbers

ONE_CORE = Machine(2, 0.6, "Some CPU", 16.0, None, 0.1, "3.11")
TWO_CORES = Machine(2, 1.0, "Some CPU", 16.0, None, 0.1, "3.11")
WORK = Costs(0.0, 800e-6)
BROKER = Costs(0.0, 150e-6)


def drains(workers: int, per_s: float, partitions: int = 12) -> Drains:
    """What so many workers drained, each turn at the same cost."""
    spread = Spread.of([per_s * 0.98, per_s, per_s * 1.02])
    return Drains(workers, partitions, tuple(range(workers)), spread, 800.0, 150.0, 0.5)


def scaled(second: float, about: Machine, counters: float) -> Scaled:
    """One worker at 1,000/s and two at another rate."""
    found = [drains(1, 1000.0), drains(2, second), drains(1, 990.0, 100)]
    points = [each.point for each in found]
    points += [Point(Load(rate), {"worker": rate * 800e-6, "kafka": rate * 150e-6}, 20.0, 50.0) for rate in (50, 200)]
    return concluded(found, points, {1: 1.0, 2: counters}, (4,), about)


def test_cores_come_before_the_second_threads_of_any() -> None:
    """Of four processors on two cores, the first of each core come first."""
    assert cores_first([0, 1, 2, 3], {0: (0, 0), 1: (0, 0), 2: (0, 1), 3: (0, 1)}) == [0, 2, 1, 3]
    assert cores_first([0, 1, 2, 3], {0: (0, 0), 1: (0, 1), 2: (0, 0), 3: (0, 1)}) == [0, 1, 2, 3]


def test_a_processor_of_which_nothing_is_known_is_a_core(tmp_path: Path) -> None:
    """A system that tells no topology has as many cores as processors."""
    topology = tmp_path / "cpu1" / "topology"
    topology.mkdir(parents=True)
    (topology / "physical_package_id").write_text("0\n")
    (topology / "core_id").write_text("7\n")
    assert core_of(1, tmp_path) == (0, 7)
    assert core_of(2, tmp_path) != core_of(3, tmp_path)


def test_a_process_is_kept_to_processors_that_it_may_use() -> None:
    """Keeping this process to all that it has changes nothing."""
    before = os.sched_getaffinity(0)
    keep_to(os.getpid(), before)
    assert os.sched_getaffinity(0) == before
    assert sorted(processors()) == sorted(before)


def test_efficiency_is_told_against_ideal_and_against_plain_counters() -> None:
    """Two workers at 1,140/s against one at 1,000: 0.57 of ideal; counters get 0.6, so 0.95 of what there is."""
    found = scaled(1140.0, ONE_CORE, 0.6)
    assert (found.efficiency, found.of_counters) == (0.57, 0.95)
    assert found.reached
    assert "threads of one core" in found.limit
    assert "no processors for 4 workers" in found.limit


def test_on_cores_of_their_own_the_ideal_is_what_counts() -> None:
    """Counters that double leave no excuse."""
    assert not scaled(1140.0, TWO_CORES, 1.0).reached
    assert scaled(1850.0, TWO_CORES, 1.0).reached
    assert "the broker needs a part" in scaled(1850.0, TWO_CORES, 1.0).limit


def test_the_model_is_asked_for_ten_to_a_thousand_partitions() -> None:
    """For every number of workers, with its error at the measured points, and saying what lies beyond them."""
    found = scaled(1140.0, ONE_CORE, 0.6)
    assert sorted({each.partitions for each in found.foretold}) == [10, 30, 100, 300, 1000]
    assert {each.partitions for each in found.foretold if not each.measured} == {10, 300, 1000}
    assert found.error_cores_worst is not None
    assert {error.figure for error in found.errors} >= {"cores", "rate", "p99_ms"}
    text = shown(found)
    assert "1000 partitions, 2 workers" in text
    assert "beyond what was measured" in text
    assert as_json(found)
    assert "Foretold" in found.page()


def test_a_backlog_is_of_whole_sessions_that_come_interleaved() -> None:
    """A thousand messages are 250 sessions of four turns, each message another, no session's twice in a row."""
    found = list(islice(messages("bench", "b", 1_700_000_000_000_000), 1000))
    sessions = [event.meta.session_id for event in found]
    assert len(set(sessions)) == 250
    assert all(a != b for a, b in pairwise(sessions))
    assert len({event.meta.event_id for event in found}) == 1000
    assert all(sessions.count(name) == 4 for name in set(sessions[:10]))


def test_a_worker_is_held_to_what_it_was_seen_to_use() -> None:
    """What it used with a backlog, alone, is the most that one process can."""
    assert scaled(1140.0, ONE_CORE, 0.6).model.single["worker"] == pytest.approx(0.8, rel=0.02)
    assert Cores(2, 0.6).capacity == pytest.approx(1.2)
    assert (WORK.per_turn, BROKER.per_turn) == (800e-6, 150e-6)


@pytest.mark.parametrize("text", ["", "1,x", "0,1", "1,-2", "1,inf", "nan"])
def test_what_is_no_list_of_numbers_is_refused(text: str) -> None:
    """The message names the option and shows what is meant."""
    with pytest.raises(BenchError, match=r"--rates.*numbers"):
        numbers("--rates", text)
    assert numbers("--rates", "1, 2.5") == (1.0, 2.5)
