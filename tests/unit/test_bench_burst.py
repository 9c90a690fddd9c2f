"""What freshness and a burst tell of what they saw; by numbers, without a clock."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infra.benches.burst import Burst, behind_base
from infra.benches.lag import Reading
from infra.benches.load import NO_RUNG, Loaded
from infra.benches.probing import waits
from schemas.events import RUNGS

PLACE = ("chat.replies", 3)


def test_an_event_is_readable_when_an_answer_has_its_offset() -> None:
    """The first answer whose end lies beyond it; several events of one batch become readable at once."""
    answers = [(10.0, {PLACE: 5}), (11.0, {PLACE: 5}), (12.0, {PLACE: 8})]
    at, waited = waits(answers, {PLACE: [(4, 9.5), (5, 9.75), (7, 11.5)]})
    assert at == [9.5, 9.75, 11.5]
    assert waited == [0.5, 2.25, 0.5]


def test_an_event_that_no_answer_has_is_not_counted_as_read() -> None:
    """Nor is one of a place that no answer has."""
    assert waits([(10.0, {PLACE: 5})], {PLACE: [(5, 9.0)], ("chat.routes", 0): [(0, 9.0)]}) == ([], [])


def test_an_answer_that_leaves_a_place_out_takes_nothing_back() -> None:
    """What could be read stays readable."""
    answers = [(10.0, {PLACE: 5}), (11.0, {}), (12.0, {PLACE: 6})]
    assert waits(answers, {PLACE: [(4, 9.0), (5, 9.0)]})[1] == [1.0, 3.0]


def burst(latencies: list[float], rungs: list[str], lags: list[tuple[float, float]]) -> Burst:
    """A message a second, deadline 2 s; the burst lasts from the second 1 until 4."""
    at = np.arange(len(latencies), dtype=np.float64)
    rung = np.array([RUNGS.index(r) if r else NO_RUNG for r in rungs], dtype=np.uint8)  # type: ignore[arg-type]
    ids = np.array([str(n) for n in range(len(at))], dtype="S36")
    sessions = np.zeros(len(at), dtype=np.int32)
    loaded = Loaded("b", "bench", 2.0, 0.0, at, at, at + np.array(latencies), rung, sessions, ids, (), 0, 0.0)
    return Burst(loaded, 1.0, 4.0, lags, 0.5)


def test_only_the_turns_of_the_burst_are_judged() -> None:
    """By their deadline, by any rung; a turn without a reply is not in time."""
    found = burst([9, 0.1, 5, math.nan, 9], ["template", "cache", "fallback", "", "template"], [])
    assert found.in_time == pytest.approx(1 / 3)
    assert found.by_rung == {"cache": (1, 1.0), "fallback": (1, 0.0), "none": (1, 0.0)}


def test_a_burst_is_worked_off_at_the_first_look_that_finds_nobody_behind() -> None:
    """Counted from its end; before that a look says what is usual; never is never."""
    rungs = ["template"] * 5
    assert burst([0.1] * 5, rungs, [(2.0, 0.0), (5.0, 3.0), (6.5, 0.9), (7.0, 5.0)]).drained_s == 2.5
    assert burst([0.1] * 5, rungs, [(5.0, 3.0)]).drained_s == math.inf
    assert burst([0.1] * 5, rungs, [(0.5, 2.5), (0.9, 2.5), (5.0, 3.0)]).drained_s == 1.0


def test_readers_are_behind_in_seconds_of_the_base_load() -> None:
    """One that reads six records a turn is 600 records behind by as much as one of one record is by 100."""
    readings = [
        Reading(100.0, {"a": 0, "b": 0}, {"a": 0, "b": 0}),
        Reading(103.0, {"a": 100, "b": 300}, {"a": 50, "b": 300}),
    ]
    assert behind_base(100.0, readings, 50, 10.0) == [(0.0, 0.0), (3.0, 10.0)]
    assert behind_base(100.0, [], 50, 10.0) == []
