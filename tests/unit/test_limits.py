"""A tenant may send what its bucket holds, and no other tenant pays for it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.channels.limits import Rate, RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_taken_and_then_the_rate_holds() -> None:
    """Three at once pass, the fourth is told when to come back, and passes then."""
    clock = Clock()
    limit = RateLimit(clock, Rate(per_second=2, burst=3))
    assert [limit.take("shop") for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.take("shop") == 0.5
    clock.now += 0.5
    assert limit.take("shop") == 0.0
    assert limit.take("shop") > 0.0


def test_tenants_have_buckets_of_their_own() -> None:
    """One tenant's flood leaves another's bucket full; the file's limits hold for their tenant alone."""
    limit = RateLimit(Clock(), Rate(1, 1), {"bank": Rate(1, 2)})
    assert limit.take("shop") == 0.0
    assert limit.take("shop") > 0.0
    assert [limit.take("bank") for _ in range(2)] == [0.0, 0.0]


def test_a_clock_that_runs_backwards_gives_no_tokens() -> None:
    """Time never goes back for a bucket."""
    clock = Clock()
    limit = RateLimit(clock, Rate(1, 1))
    limit.take("shop")
    clock.now -= 50
    assert limit.take("shop") > 0.0


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_window_admits_more_than_burst_and_rate(pauses: list[float]) -> None:
    """However requests are spaced, what passes is at most the burst and what the time since gave."""
    clock = Clock()
    limit = RateLimit(clock, Rate(per_second=2, burst=5))
    passed = 0
    for pause in pauses:
        clock.now += pause
        passed += limit.take("shop") == 0.0
        assert passed <= 5 + (clock.now - 100.0) * 2 + 1e-6
