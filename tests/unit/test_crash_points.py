"""Crash points are inert unless set, and refuse what they do not understand."""

from __future__ import annotations

import pytest

from streams.crash_points import POINTS, crash_points


def test_without_the_variable_every_point_is_passed() -> None:
    """Nothing happens, for any stage."""
    reached = crash_points("routing", {})
    for point in POINTS:
        reached(point)


def test_another_stages_point_is_passed() -> None:
    """The variable names one stage."""
    reached = crash_points("intent", {"SPILLWAY_CRASH_AT": "routing:after_commit"})
    for point in POINTS:
        reached(point)


def test_a_point_counts_up_to_its_number() -> None:
    """Before the named time it is passed, and other points do not count."""
    reached = crash_points("routing", {"SPILLWAY_CRASH_AT": "routing:after_commit:3"})
    for point in (*POINTS, "before_produce", "after_commit"):
        reached(point)


@pytest.mark.parametrize("value", ["routing", "routing:somewhere", "routing:after_commit:soon"])
def test_a_malformed_value_is_refused_with_what_to_write(value: str) -> None:
    """A drill that never crashes would prove nothing."""
    with pytest.raises(ValueError, match="STAGE:POINT"):
        crash_points("routing", {"SPILLWAY_CRASH_AT": value})
