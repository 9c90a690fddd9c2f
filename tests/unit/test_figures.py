"""The page of figures: made of what commands wrote, and of nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.benches.figures import Figure, Goal, drill_row, machine_of, page, read_files, row_of
from infra.benches.figures_table import FIGURES
from infra.benches.frame import BenchError
from infra.cli.bench_figures import text_of

ROOT = Path(__file__).resolve().parents[2]
TURNS = Figure(
    "Performance",
    "flow",
    "≥ 2,000 turns/s",
    Goal(least=2000, needs=("held",), empty=("missing",)),
    "flow",
    "spillway bench flow --json docs/figures/flow.json",
    "turns_per_s",
    "{:,.0f} turns/s",
    more=(("p99_ms", "p99 {:,.0f} ms"),),
)
HELD = {
    "turns_per_s": 2100.0,
    "turns_per_s_low": 2050.0,
    "turns_per_s_high": 2200.0,
    "p99_ms": 410.2,
    "held": True,
    "missing": 0,
    "limit": "the processors",
    "measured_at": "2026-11-22T03:04:05+00:00",
    "machine": {"cores": 2, "pair_ratio": 0.57, "cpu_model": "Some CPU", "memory_gib": 24.0},
}


def test_the_page_in_the_repository_is_what_its_files_make() -> None:
    """docs/figures.md is equal to what spillway bench figures makes of docs/figures; if not, run that."""
    made = text_of(ROOT / "docs" / "figures")
    assert (ROOT / "docs" / "figures.md").read_text(encoding="utf-8") == made


def test_a_figure_is_told_with_its_spread_its_limit_and_its_date() -> None:
    """The median, from where to where, what else is told, whether the goal is reached, when and by what limited."""
    row = row_of(TURNS, HELD)
    assert row.measured == "2,100 turns/s (2,050 turns/s to 2,200 turns/s); p99 410 ms"
    assert (row.verdict, row.limit, row.date) == ("reached", "the processors", "2026-11-22")


@pytest.mark.parametrize(
    "change", [{"turns_per_s": 1999.0}, {"held": False}, {"held": None}, {"missing": 1}], ids=lambda c: next(iter(c))
)
def test_a_goal_is_missed_by_the_figure_or_by_what_it_needs(change: dict[str, object]) -> None:
    """Too few turns, a rate that was not held, or a turn that is missing: each misses the goal."""
    assert row_of(TURNS, {**HELD, **change}).verdict == "missed"


@pytest.mark.parametrize("content", [None, {}, {"turns_per_s": None}, {"turns_per_s": "2100"}])
def test_what_is_not_there_is_not_measured(content: dict[str, object] | None) -> None:
    """A missing file or entry is never a figure, and its command is named."""
    row = row_of(TURNS, content)
    assert (row.measured, row.verdict) == ("–", "not measured")
    assert row.command == TURNS.command


def test_what_was_measured_with_too_little_reaches_nothing() -> None:
    """A rate held for a minute is not one held for five."""
    figure = replace(TURNS, goal=Goal(least=2000, enough=(("held_seconds", 299.0),)))
    assert row_of(figure, {**HELD, "held_seconds": 60.0}).verdict == "missed"
    assert row_of(figure, {**HELD, "held_seconds": 300.0}).verdict == "reached"


def test_a_figure_may_be_held_against_the_best_of_others() -> None:
    """Twice the fastest other; where one of them was not measured, there is no figure."""
    figure = Figure("s", "n", "> 1", Goal(least=1), "hop", "c", "stage", "{:.1f}", against=("faust", "quix"))
    assert row_of(figure, {"stage": 100.0, "faust": 20.0, "quix": 50.0}).measured == "2.0"
    assert row_of(figure, {"stage": 100.0, "faust": 20.0, "quix": None}).verdict == "not measured"


def test_an_entry_within_another_is_found() -> None:
    """`a.b` is b within a."""
    figure = Figure("s", "n", "w", Goal(least=1), "rehearse", "c", "capacity.holds_per_s")
    assert row_of(figure, {"capacity": {"holds_per_s": 1234.5}}).measured == "1,234"


def test_a_drill_is_told_from_the_last_file_that_has_it() -> None:
    """Counts, recovery with its spread, latency meanwhile; a broken promise is the limit that is told."""
    drill = {
        "number": 1,
        "name": "kill",
        "times": 10,
        "lost": 0,
        "doubled": 0,
        "disorder": 0,
        "divergence": 0,
        "recovery_s": [9.0, 4.0, 6.5],
        "p99_during_ms": [800.0],
        "p99_after_ms": 120.0,
        "events": 12_000,
        "passed": True,
        "notes": [],
    }
    broken = {**drill, "lost": 2, "passed": False, "notes": ["broken: 2 lost", "a note"]}
    good = drill_row(1, "kill", "kill -9", {"drill": {"drills": [broken]}, "drill-2": {"drills": [drill]}})
    assert good.measured == (
        "0 / 0 / 0 / 0 of 12,000 events, 10 faults; recovered in 6.5 s (4.0 to 9.0); p99 meanwhile 800 ms; "
        "otherwise 120 ms"
    )
    assert good.verdict == "reached"
    bad = drill_row(1, "kill", "kill -9", {"drill": {"drills": [broken]}})
    assert (bad.verdict, bad.limit) == ("missed", "broken: 2 lost")
    assert drill_row(2, "term", "SIGTERM", {"drill": {"drills": [drill]}}).verdict == "not measured"


def test_a_drill_that_could_not_be_run_is_not_measured() -> None:
    """It says why, and claims nothing."""
    skipped = {"number": 10, "passed": False, "notes": ["not run: there is no model server"]}
    row = drill_row(10, "models", "", {"drill": {"drills": [skipped]}})
    assert (row.verdict, row.limit) == ("not measured", "not run: there is no model server")


def test_the_page_says_what_machine_and_how_many_goals() -> None:
    """The kind of machine stands above the tables, and the verdicts are counted."""
    text = page([TURNS], [], {"flow": HELD})
    assert "Of 1 reached, 0 missed, 0 not measured." in text
    assert machine_of(HELD) == (
        "Some CPU, 2 processors (two busy ones do 1.14 times what one does; they share a core), 24 GiB"
    )
    assert f"- {machine_of(HELD)}: flow" in text
    assert "there is no machine to name" in page([TURNS], [], {})


def test_every_figure_names_its_file_and_command() -> None:
    """The command of a row writes the file that the row reads, and no figure stands twice."""
    assert all(f"docs/figures/{each.file}.json" in each.command for each in FIGURES)
    assert len({each.name for each in FIGURES}) == len(FIGURES)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    """The message names the file and the remedy."""
    (tmp_path / "flow.json").write_text("{", encoding="utf-8")
    with pytest.raises(BenchError, match=r"flow\.json: is no JSON.*run its command again"):
        read_files(tmp_path)
    (tmp_path / "flow.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(BenchError, match="is no JSON object"):
        read_files(tmp_path)


def test_what_a_cell_says_does_not_break_the_table() -> None:
    """A bar or a line break in a limit stays within its cell."""
    text = page([TURNS], [], {"flow": {**HELD, "limit": "a | b\nc"}})
    assert "a \\| b c" in text


def test_files_are_read_by_name(tmp_path: Path) -> None:
    """Each file of the folder under its name; a folder that is not there has none."""
    (tmp_path / "flow.json").write_text(json.dumps(HELD), encoding="utf-8")
    assert read_files(tmp_path) == {"flow": HELD}
    assert read_files(tmp_path / "none") == {}
