"""What is learnt of models and pools: soon, and not for ever."""

from __future__ import annotations

import pytest

from processors.ladder import Speed
from streams.generation.speed import Recent, SpeedOf, Turnover


def test_a_model_is_as_fast_as_stated_until_it_was_seen() -> None:
    """A few turns are no figure."""
    speed = SpeedOf(Speed(0.5, 0.02))
    for i in range(7):
        speed.began(3.0, float(i))
    assert speed.speed(7.0) == Speed(0.5, 0.02)
    speed.began(3.0, 7.0)
    assert speed.speed(7.0) == Speed(3.0, 0.02)


def test_a_slow_model_is_noticed_within_a_dozen_turns() -> None:
    """The ninth of ten is what counts, so few slow turns among many are enough."""
    speed = SpeedOf(Speed(0.5, 0.02))
    for i in range(100):
        speed.began(0.4, i * 0.1)
    for i in range(13):
        speed.began(4.0, 10 + i * 0.1)
    assert speed.speed(12.0).first == 4.0


def test_a_model_that_is_not_asked_is_believed_again() -> None:
    """What is older than its age is forgotten, so a model that was too slow to be asked is asked again."""
    speed = SpeedOf(Speed(0.5, 0.02), age=20.0)
    for i in range(50):
        speed.began(9.0, i * 0.1)
    assert speed.speed(5.0).first == 9.0
    assert speed.speed(26.0).first == 0.5


def test_tokens_are_timed_after_the_first() -> None:
    """One token has no pace; the length of a reply that was cut is not a usual length."""
    speed = SpeedOf(Speed(0.5, 0.02))
    for i in range(10):
        speed.ended(101, 1.0, float(i))
        speed.ended(1, 0.0, float(i))
        speed.ended(5, 0.04, float(i), whole=False)
    assert speed.speed(10.0).token == pytest.approx(0.01)
    assert speed.length(10.0, 7) == 101


def test_what_is_kept_is_bounded() -> None:
    """However many are seen, the newest 128 are kept, and their quantile is exact."""
    seen = Recent(0.5, 1e9)
    for i in range(1000):
        seen.add(float(i), float(i))
    assert len(seen._sorted) == len(seen._seen) == 128
    assert seen.value(1000.0, 0.0) == 872.0 + 64.0


def test_a_pool_takes_through_what_its_turns_held_by_littles_law() -> None:
    """64 turns of 500 tokens that take 2 s each make 16,000 tokens a second, if turns are what is scarce."""
    turnover = Turnover(cost=500, most=1000, seconds=2.0)
    for i in range(200):
        turnover.ended(500, 1000, 2.0, i * 0.1)
    assert turnover.rate(tokens=10**9, turns=64) == pytest.approx(16_000)
    assert turnover.rate(tokens=32_000, turns=64) == pytest.approx(8_000)


def test_a_pool_that_became_slow_is_seen() -> None:
    """A few memories later only the new times count."""
    turnover = Turnover(cost=500, most=1000, seconds=2.0)
    for i in range(400):
        turnover.ended(500, 1000, 2.0 if i < 200 else 20.0, i * 0.2)
    assert turnover.rate(10**9, 64) == pytest.approx(1_600, rel=0.1)


@pytest.mark.parametrize("usual", [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0)])
def test_a_pool_that_takes_nothing_through_is_refused(usual: tuple[int, int, float]) -> None:
    """A rate of nothing would predict waits without end."""
    with pytest.raises(ValueError, match="more than 0"):
        Turnover(*usual)
