"""The clock of a process is right unless a drill sets it wrong."""

from __future__ import annotations

import time

import pytest

from streams.wall_clock import VARIABLE, WallClock

HOUR = 3_600_000_000


def ahead(clock: WallClock) -> float:
    """Hours that the clock is ahead, rounded."""
    return round((clock.now() - time.time_ns() // 1000) / HOUR, 2)


def test_without_the_variable_the_clock_is_the_systems() -> None:
    """No drill, no difference."""
    assert ahead(WallClock({})) == 0


def test_a_clock_is_wrong_from_the_start() -> None:
    """Ahead and behind, in seconds."""
    assert ahead(WallClock({VARIABLE: "+3600"})) == 1
    assert ahead(WallClock({VARIABLE: "-7200"})) == -2


def test_a_clock_that_will_jump_is_right_before() -> None:
    """The jump comes at a second of the process."""
    assert ahead(WallClock({VARIABLE: "+3600@1000"})) == 0


@pytest.mark.parametrize("written", ["3600", "+an hour", "+3600@", "@5"])
def test_a_malformed_variable_is_refused(written: str) -> None:
    """A drill that would do nothing does not begin."""
    with pytest.raises(ValueError, match="write \\+SECONDS"):
        WallClock({VARIABLE: written})
