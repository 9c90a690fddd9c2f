"""How long a replay took on the wall, told by its parts."""

from __future__ import annotations

from projections.runs import Took, took

SECOND = 1_000_000
BEGAN = 1_800_000_000 * SECOND


def part(start: float, end: float) -> tuple[int, float]:
    """A part as it is stored: when it was done, and how long its process was at it."""
    return BEGAN + round(end * SECOND), end - start


def test_processes_beside_each_other_take_the_time_of_the_longest() -> None:
    """Seconds of several are not added where they pass at once."""
    assert took([part(0, 4), part(4, 9), part(0, 5), part(5, 8)]) == Took(9.0, 2)


def test_a_pause_before_a_resume_does_not_count() -> None:
    """The seconds before it and those after it are added."""
    assert took([part(0, 4), part(100, 103), part(103, 104)]) == Took(8.0, 1)


def test_pieces_of_one_process_that_touch_are_of_one_process() -> None:
    """The clocks by which a piece's beginning and end are told may be microseconds apart."""
    assert took([part(0, 4), part(3.99999, 6)]).processes == 1


def test_nothing_done_took_nothing() -> None:
    """No part is no time, and nobody."""
    assert took([]) == Took(0.0, 0)
