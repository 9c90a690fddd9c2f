"""Arrival curves: what an open-loop load sends, and when."""

from __future__ import annotations

from itertools import pairwise

import pytest

from infra.benches.arrivals import bursts, from_microseconds, peak_of, rate_of, recorded, steady


def test_even_arrivals_are_as_many_as_asked_for_and_evenly_spaced() -> None:
    """Four a second for two seconds are eight, a quarter of a second apart, from the first moment on."""
    assert list(steady(4, 2, spacing="even")) == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75]


def test_independent_customers_come_in_bunches_at_the_rate() -> None:
    """Poisson arrivals come at the rate on average, and the gaps between them vary as much as they are long."""
    times = list(steady(500, 40, seed=3))
    gaps = [b - a for a, b in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert variance / mean**2 == pytest.approx(1, rel=0.1)


def test_a_curve_is_drawn_by_its_seed() -> None:
    """The same seed gives the same times, another seed others."""
    assert list(steady(50, 5, seed=1)) == list(steady(50, 5, seed=1))
    assert list(steady(50, 5, seed=1)) != list(steady(50, 5, seed=2))


def test_a_burst_stands_in_the_base_load() -> None:
    """Ten times the base load from the third second for two seconds, and the base load around it."""
    times = list(bursts(10, 10, at=3, lasts=2, seconds=8, spacing="even"))
    counts = [sum(begin <= time < begin + 1 for time in times) for begin in range(8)]
    assert counts == [10, 10, 10, 100, 100, 10, 10, 10]


def test_a_burst_may_last_to_the_end() -> None:
    """What would come after the end does not come."""
    times = list(bursts(10, 5, at=1, lasts=60, seconds=2, spacing="even"))
    assert len(times) == 60
    assert max(times) < 2


def test_a_recorded_curve_keeps_its_shape_when_it_is_compressed() -> None:
    """Compressed by four, every gap is a quarter as long; the first message comes at once."""
    assert list(recorded([112.0, 100.0, 104.0, 104.0], compress=4)) == [0, 1, 1, 3]


def test_log_times_become_seconds_from_the_first() -> None:
    """Microseconds in any order are seconds in order."""
    assert from_microseconds([3_500_000, 1_000_000, 2_000_000]) == [0, 1, 2.5]


def test_a_curve_tells_its_rate_and_its_peak() -> None:
    """The rate is over the whole curve, the peak over its busiest second."""
    times = [0.0, 1.0, 2.0, 2.1, 2.2, 2.3, 4.0]
    assert rate_of(times) == 1.5
    assert peak_of(times) == 4
    assert (rate_of([]), rate_of([1.0]), peak_of([])) == (0, 0, 0)


@pytest.mark.parametrize("wrong", [-1.0, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(wrong: float) -> None:
    """A negative or endless rate is refused by name, before the load begins."""
    with pytest.raises(ValueError, match="rate is"):
        steady(wrong, 1)
    with pytest.raises(ValueError, match="compressed by"):
        recorded([1.0], compress=-abs(wrong))
