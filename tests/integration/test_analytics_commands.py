"""The commands that look: ask, session show, ledger, and projection rebuild, on a stack of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import Settings
from tests.integration.a_log import a_message, a_turn, now_us, write
from tests.integration.projecting import Parts, eventually, own_parts, projecting

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def parts(short_folder: Path) -> Iterator[Parts]:
    """One session of two turns, and a turn of another tenant that nobody answered."""
    with own_parts(short_folder / "commands") as found:
        lost = a_message("bank", "s9", 1, at=now_us() - 600_000_000)
        write(found.kafka, [*a_turn("shop", "s1", 1), *a_turn("shop", "s1", 2), lost])
        with projecting(found):
            eventually(lambda: found.behind() == 0, "both projections have the whole log")
        yield found


def spillway(parts: Parts, *words: str) -> subprocess.CompletedProcess[str]:
    """What a command prints, and its exit code."""
    addresses = Settings(kafka=parts.kafka, postgres=parts.postgres, clickhouse=parts.clickhouse).to_env()
    command = [sys.executable, "-m", "infra.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **addresses})


def test_ask_answers_in_each_format(parts: Parts) -> None:
    """A question in SQL comes back as a table, JSON, CSV or TSV."""
    count = "select count() as turns from turns"
    assert re.search(r"turns.*3", spillway(parts, "ask", count).stdout, re.DOTALL)
    assert json.loads(spillway(parts, "ask", count, "--format", "json").stdout) == [{"turns": 3}]
    assert spillway(parts, "ask", count, "--format", "csv").stdout.split() == ['"turns"', "3"]
    assert spillway(parts, "ask", count, "--format", "tsv").stdout.split() == ["turns", "3"]


def test_ask_lists_and_asks_saved_questions(parts: Parts) -> None:
    """Saved questions are listed with what they tell, and asked by name."""
    assert "slowest_turns" in spillway(parts, "ask", "--list").stdout
    rows = json.loads(spillway(parts, "ask", "slowest_turns", "--param", "limit=1", "--format", "json").stdout)
    assert [row["session"] for row in rows] == ["s1"]


def test_ask_refuses_to_write(parts: Parts) -> None:
    """A statement that would change something ends with a message and exit code 1."""
    assert spillway(parts, "ask", "drop table messages").returncode == 1


def test_session_show_goes_turn_by_turn(parts: Parts) -> None:
    """As text and as JSON, with what was said, decided and answered."""
    assert spillway(parts, "session", "show", "shop", "s1").stdout.count("customer: where?") == 2
    shown = json.loads(spillway(parts, "session", "show", "shop", "s1", "--json").stdout)
    assert [turn["reply"]["rung"] for turn in shown["turns"]] == ["template", "template"]
    assert spillway(parts, "session", "show", "bank", "s1").returncode == 1


def test_the_ledger_exits_with_1_when_a_turn_is_unaccounted_for(parts: Parts) -> None:
    """The JSON has every count, and the exit code says that something is missing."""
    found = spillway(parts, "ledger", "--json")
    counts = json.loads(found.stdout)
    assert (counts["received"], counts["replied"], counts["unaccounted"], counts["balanced"]) == (3, 2, 1, False)
    assert found.returncode == 1
    assert "1 turns have no disposition" in spillway(parts, "ledger", "--by", "minute").stdout


def test_projection_rebuild_checks_and_rebuilds(parts: Parts) -> None:
    """With --check nothing is changed; without, the new tables are in place."""
    for name in ("session_state", "analytics"):
        checked = spillway(parts, "projection", "rebuild", name, "--check")
        assert (checked.returncode, "2 sessions compared, 0 differ" in checked.stdout) == (0, True)
        assert "the new tables are in place" in spillway(parts, "projection", "rebuild", name).stdout
    assert spillway(parts, "projection", "rebuild", "nonsense").returncode == 1
    assert spillway(parts, "projection", "nonsense").returncode == 1
