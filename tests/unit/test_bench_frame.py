"""What benchmarks are made of: spreads, JSON, pages, lags, searches; by numbers, without a clock."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.benches.frame import BenchError, Spread, as_json, repeated, write
from infra.benches.lag import Reading, growth, seconds_behind
from infra.benches.machine import Machine
from infra.benches.plot import chart, report, rows, section
from infra.benches.searching import highest, tidy

MACHINE = Machine(2, 0.57, "a processor", 24.0, 140_000.0, 0.1, "3.11.7")


@dataclass(frozen=True)
class Measured:
    """A result as any benchmark has one."""

    per_s: Spread
    p99_ms: float
    limit: str = "nothing limits"
    machine: Machine = MACHINE

    def page(self) -> str:
        return report("Title", "so many", {"per second": ("3", "of 4")}, self.machine, self.limit, "more")


def test_a_spread_has_the_median_and_the_ends() -> None:
    """The order in which values came does not matter; each stays."""
    spread = Spread.of([3.0, 1.0, 8.0])
    assert (spread.median, spread.low, spread.high, spread.values) == (3.0, 1.0, 8.0, (3.0, 1.0, 8.0))
    assert spread.shown(1, " ms") == "3.0 ms (1.0 to 8.0)"
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])


def test_warm_ups_run_and_do_not_count() -> None:
    """Only what the rounds return is kept, in their order."""
    calls: list[int] = []

    def run() -> int:
        calls.append(len(calls))
        return calls[-1]

    assert repeated(3, 2, run, lambda _: None) == [2, 3, 4]
    assert len(calls) == 5


def test_json_is_flat_and_has_the_machine_and_the_limit() -> None:
    """A spread is four entries under one name; what is no number is null."""
    found = json.loads(as_json(Measured(Spread.of([1.0, 2.0, 4.0]), math.inf)))
    assert found["per_s"] == 2.0
    assert (found["per_s_low"], found["per_s_high"], found["per_s_values"]) == (1.0, 4.0, [1.0, 2.0, 4.0])
    assert found["p99_ms"] is None
    assert found["limit"] == "nothing limits"
    assert found["machine"]["pair_ratio"] == 0.57
    assert found["measured_at"].endswith("+00:00")


def test_a_result_is_written_where_the_user_said(tmp_path: Path) -> None:
    """Folders on the way are made; without a file nothing is written; a file that cannot be is named."""
    result = Measured(Spread.of([1.0]), 2.0)
    write(result, tmp_path / "deep" / "a.json", tmp_path / "a.html")
    assert json.loads((tmp_path / "deep" / "a.json").read_text("utf-8"))["p99_ms"] == 2.0
    page = (tmp_path / "a.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "nothing limits" in page
    assert "threads that share a core" in page
    write(result, None, None)
    with pytest.raises(BenchError, match="cannot be written"):
        write(result, tmp_path / "deep", None)


def test_a_chart_has_a_line_for_each_series_and_round_ticks() -> None:
    """Axes begin at 0 and end at or above the highest value; points that are no numbers are left out."""
    drawn = chart({"p50": [(100, 20), (200, 30)], "p99": [(100, 80), (200, math.inf)]}, "turns a second", "ms")
    assert drawn.count("<polyline") == 2
    assert drawn.count("<circle") == 3
    assert all(f">{tick}<" in drawn for tick in ("0", "20", "80", "200"))
    assert "turns a second" in drawn
    assert "nothing was measured" in chart({"none": []}, "x", "y")


def test_a_chart_of_one_point_can_be_drawn() -> None:
    """A single value has no reach of its own."""
    assert "<circle" in chart({"one": [(5, 5)]}, "x", "y")
    assert "<circle" in chart({"zero": [(0, 0)]}, "x", "y")


def test_a_section_has_its_heading_and_escapes_what_is_no_html() -> None:
    """What a machine or a user named cannot become markup."""
    assert "&lt;b&gt;" in section("Parts", rows(("part", "µs"), [("<b>", "1")]))


def test_a_lag_is_told_in_seconds_of_its_own_traffic() -> None:
    """Each reader by what it reads: 100 records of 50 a second are 2 s, 400 of 400 are 1 s; the most counts."""
    readings = [
        Reading(0.0, {"slow": 0, "fast": 0, "idle": 7}, {"slow": 0, "fast": 0, "idle": 7}),
        Reading(5.0, {"slow": 50, "fast": 400, "idle": 7}, {"slow": 250, "fast": 2000, "idle": 7}),
        Reading(10.0, {"slow": 100, "fast": 400, "idle": 7}, {"slow": 500, "fast": 4000, "idle": 7}),
    ]
    assert seconds_behind(readings) == [(0.0, 0.0), (5.0, 1.0), (10.0, 2.0)]
    assert growth(seconds_behind(readings)) == pytest.approx(0.2)
    assert seconds_behind(readings[:1]) == []


def test_a_lag_that_swings_does_not_grow() -> None:
    """A straight line through it is level; of two readings nothing is said."""
    assert growth([(0, 1), (1, 0), (2, 1), (3, 0), (4, 1)]) == 0.0
    assert growth([(0, 0), (1, 5)]) == 0.0


@pytest.mark.parametrize(
    ("limit", "begin", "most"), [(1_640, 200, 4_000), (90, 200, 4_000), (9_999, 200, 4_000), (3, 200, 900)]
)
def test_the_highest_rate_is_found_within_a_twentieth(limit: float, begin: float, most: float) -> None:
    """Whatever it is, below where the search begins or above where it ends."""
    tried: list[float] = []

    def held(rate: float) -> bool:
        tried.append(rate)
        return rate <= limit

    found = highest(begin, most, held)
    assert found is not None
    assert found in tried
    assert found <= min(limit, most)
    assert found >= min(limit, most) * 0.93 - 1
    assert len(tried) <= 15
    assert len(tried) == len(set(tried))


def test_a_machine_that_holds_nothing_is_told_so() -> None:
    """The search ends at one turn a second."""
    assert highest(200, 4_000, lambda _: False) is None


@pytest.mark.parametrize(("rate", "said"), [(1_637.5, 1_640), (187.4, 187), (2_903, 2_900), (0.3, 1)])
def test_rates_come_as_people_write_them(rate: float, said: float) -> None:
    """To about two digits and a half, and never less than one."""
    assert tidy(rate) == said
