"""Whether something grows: slopes, their intervals, and the verdict on each part."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator

import pytest
from scipy.stats import theilslopes

from infra.benches.accounts import Accounts
from infra.benches.frame import as_json
from infra.benches.growth import HOUR, Points, slope, thinned, word
from infra.benches.machine import Machine
from infra.benches.soak import Fault, Plan, moments, soak_result
from infra.benches.upkeep import Life, Sample, Upkeep, judged, sample_of

MACHINE = Machine(2, 0.6, "a processor", 8.0, None, 0.1, "3.11")
SOUND = Accounts(1000, 0, 0, 0, 0, 0, ())


def a_line(per_hour: float, noise: float, minutes: int = 60, seed: int = 1, start: float = 100.0) -> Points:
    """Readings every half minute of something that grows."""
    rng = random.Random(seed)
    times = [30.0 * n for n in range(2 * minutes)]
    return [(t, start + per_hour * t / HOUR + rng.gauss(0, noise)) for t in times]


def a_life(per_hour: float = 0.0, minutes: int = 60, start: float = 100.0, began: float = 0.0) -> Life:
    """A process whose memory grows, and whose handles and threads do not."""
    points = a_line(per_hour, 0.5, minutes, start=start)
    return Life(7, began, [Sample(began + t, value, value + 50, 30, 8) for t, value in points])


@pytest.mark.parametrize("seed", range(5))
def test_the_slope_of_one_life_is_theil_and_sens(seed: int) -> None:
    """The same as scipy's, and its interval, to the next pair."""
    line = a_line(20.0, 3.0, seed=seed)
    found = slope([line])
    times, values = zip(*line, strict=True)
    expected = theilslopes(values, times, alpha=0.95)
    assert found is not None
    assert found.per_hour == pytest.approx(expected.slope * HOUR)
    assert found.low == pytest.approx(expected.low_slope * HOUR, rel=0.02)
    assert found.high == pytest.approx(expected.high_slope * HOUR, rel=0.02)


def test_a_restart_is_no_shrinking() -> None:
    """Of a part that grows and begins anew four times, the growth within its lives counts."""
    lives = [a_line(40.0, 0.2, minutes=15, seed=n) for n in range(4)]
    found = slope(lives)
    assert found is not None
    assert found.low < 40.0 < found.high
    whole = [(900.0 * n + t, value) for n, life in enumerate(lives) for t, value in life]
    as_one = slope([whole])
    assert as_one is not None
    assert as_one.per_hour < 10


def test_what_was_seen_too_shortly_is_not_judged() -> None:
    """A handful of readings says nothing, and neither does none."""
    assert slope([a_line(0.0, 1.0, minutes=2)]) is None
    assert slope([]) is None


@pytest.mark.parametrize(
    ("per_hour", "noise", "said"), [(0.0, 1.0, "flat"), (60.0, 1.0, "growing"), (10.0, 80.0, "unclear")]
)
def test_flat_is_what_rules_growth_out(per_hour: float, noise: float, said: str) -> None:
    """Growing is what is certain; between the two it was too short, or too noisy."""
    found = slope([a_line(per_hour, noise)])
    assert found is not None
    assert word(found, 15.0) == said


def test_samples_are_put_together_by_stretches() -> None:
    """The median of each, at the middle of its times."""
    assert thinned([(0, 1), (10, 9), (20, 2), (30, 5), (50, 7)], 30) == [(10, 2), (40, 6)]


def test_a_part_that_grows_makes_a_soak_not_flat() -> None:
    """The result names it, and what comes nearest to what is allowed; its JSON and page are whole."""
    lives = {"worker": [a_life(90.0)], "gateway": [a_life(), a_life(start=80.0, began=4000.0)]}
    result = soak_result(Plan(warm=60.0), lives, SOUND, [], [Fault(3.0, "worker", "killed")], MACHINE)
    assert (result.flat, result.growing, result.unclear) == (False, ("worker private_mb",), ())
    assert result.sound
    assert "private_mb of worker" in result.limit
    assert json.loads(as_json(result))["growing"] == ["worker private_mb"]
    assert "not flat" in result.page()


def test_a_flat_soak_is_flat() -> None:
    """Every part and kind, in every life."""
    result = soak_result(Plan(warm=60.0), {"worker": [a_life()]}, SOUND, [], [], MACHINE)
    assert (result.flat, result.growing, result.unclear) == (True, (), ())


def test_a_soak_too_short_says_so() -> None:
    """Neither flat nor growing."""
    result = soak_result(Plan(), {"worker": [a_life(minutes=4)]}, SOUND, [], [], MACHINE)
    assert not result.flat
    assert len(result.unclear) == 3
    assert "nothing lived long enough" in result.limit


def test_the_beginning_of_a_life_does_not_count() -> None:
    """A process fills its caches first."""
    warming = [Sample(10.0 * n, 100.0 + 30 * min(n, 18), 0.0, 30, 8) for n in range(360)]
    kept = judged({"worker": [Life(7, 0.0, warming)]}, Plan().most, warm=180.0, stretch=30.0)
    assert {k.word for k in kept} == {"flat"}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits until its input ends."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as running:
        yield running
        running.kill()


def test_a_process_is_read_with_what_it_holds(process: subprocess.Popen[bytes]) -> None:
    """Memory of its own and in all, handles, threads; None once it has ended."""
    sample = sample_of(process.pid, 1.5)
    assert sample is not None
    assert 0 < sample.private_mb <= sample.rss_mb
    assert sample.handles >= 3
    assert sample.threads >= 1
    process.kill()
    process.wait()
    assert sample_of(process.pid, 2.0) is None


def test_another_process_in_a_parts_place_is_another_life(process: subprocess.Popen[bytes]) -> None:
    """As after a kill, when the supervisor has started it anew."""
    pids = {"worker": process.pid}
    upkeep = Upkeep(lambda: pids)
    upkeep.look()
    upkeep.look()
    pids["worker"] = os.getpid()
    upkeep.look()
    assert [(life.pid, len(life.samples)) for life in upkeep.lives["worker"]] == [(process.pid, 2), (os.getpid(), 1)]


def test_faults_are_the_same_for_a_seed() -> None:
    """Which part is hurt, how, and in which order."""

    def chosen(seed: int) -> list[tuple[float, str, str]]:
        chances = moments(Plan(seed=seed))
        return [next(chances)[:3] for _ in range(6)]

    assert chosen(1) == chosen(1)
    assert chosen(1) != chosen(2)
