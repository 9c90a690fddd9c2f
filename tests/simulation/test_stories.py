"""A seed is a story: short, the same every time, and told again by the command that it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.testing.simulation import Product, failures_among, schedule_of, story_of, tried
from streams.testing.simulation.__main__ import main
from streams.testing.simulation.schedule import Schedule
from streams.testing.simulation.shrinking import shrunk
from tests.simulation.planted import NAMED

MISTAKE = "a signal's offset committed before its turn"


def test_a_failing_seed_tells_a_short_story() -> None:
    """What is wrong stands first; what happened follows, in fewer acts than were drawn; the command comes last."""
    product = NAMED[MISTAKE]()
    failure = next(failures_among(range(100), product))
    story = story_of(failure.seed, product)
    lines = story.splitlines()
    assert lines[0].startswith(f"Seed {failure.seed} fails.")
    assert "committed too early: routing committed chat.signals" in story
    assert lines[-1] == f"Tell it again: python -m streams.testing.simulation --seed {failure.seed}"
    assert len(lines) < 60


def test_the_same_seed_tells_the_same_story() -> None:
    """Neither another run, nor what was tried before, changes a word."""
    seed = next(failures_among(range(100), NAMED[MISTAKE]())).seed
    assert story_of(seed, NAMED[MISTAKE](), trials=50) == story_of(seed, NAMED[MISTAKE](), trials=50)


def test_a_seed_that_keeps_every_promise_is_told_whole() -> None:
    """Whoever asks for it sees what happened, with a message by its name and not by its id."""
    story = story_of(3, Product())
    assert story.startswith("Seed 3 keeps every promise.")
    assert "writes m-1: " in story


def test_a_seed_is_always_the_same_schedule() -> None:
    """And another seed is another one."""
    assert schedule_of(17) == schedule_of(17)
    assert schedule_of(17) != schedule_of(18)


def test_what_is_cut_down_still_fails() -> None:
    """Shrinking keeps what the failure needs, and no more."""

    def fails(schedule: Schedule) -> bool:
        return sum(act.what == "crash" for act in schedule.acts) >= 2

    seed = next(seed for seed in range(100) if fails(schedule_of(seed)))
    short = shrunk(schedule_of(seed), fails)
    assert [act.what for act in short.acts] == ["crash", "crash"]
    assert short.inputs == ()


def test_nothing_said_is_nothing_wrong() -> None:
    """The smallest schedule there is settles, and keeps every promise."""
    assert tried(schedule_of(1)._replace(inputs=(), acts=()), Product()) == []


def test_the_command_writes_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures for programs in a file, a line for people."""
    assert main(["--seeds", "5", "--from", "40", "--json", str(tmp_path / "found.json")]) == 0
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert (found["schedules"], found["first_seed"], found["failed"]) == (5, 40, 0)
    assert "5 schedules from seed 40: 0 failed" in capsys.readouterr().out


def test_the_command_tells_one_seed(capsys: pytest.CaptureFixture[str]) -> None:
    """Replayed by its number."""
    assert main(["--seed", "3"]) == 0
    assert capsys.readouterr().out == story_of(3, Product()) + "\n"
