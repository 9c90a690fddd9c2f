"""`spillway compare`: what is no comparison never ends like a verdict; what is written can be read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from infra.cli.compare import EXITS, NONE, app
from infra.comparing.files import document, write_json, write_page
from infra.comparing.result import Verdict
from infra.local.errors import StackError
from tests.unit.comparisons import comparison, free_run, nothing_changed


def test_each_verdict_has_a_code_of_its_own() -> None:
    """0, 1 and 2 are verdicts, and nothing else is."""
    assert set(EXITS) == set(get_args(Verdict))
    assert sorted(EXITS.values()) == [0, 1, 2]
    assert NONE not in EXITS.values()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["live"],
        ["live", "mine", "--no-such-option"],
        ["live", "mine", "--seed", "seven"],
        ["live", "mine", "--differences", "-1"],
    ],
    ids=["no run", "one run", "option", "no number", "too few"],
)
def test_a_wrong_command_line_is_no_verdict(words: list[str]) -> None:
    """It ends with 3, where other commands end with 2."""
    assert CliRunner().invoke(app, words).exit_code == NONE


def test_without_a_stack_there_is_no_verdict(tmp_path: Path) -> None:
    """It ends with 3, and names the remedy."""
    refused = CliRunner().invoke(app, ["live", "mine", "--data", str(tmp_path)], env={"SPILLWAY_KAFKA": ""})
    assert refused.exit_code == NONE
    assert "spillway up" in refused.output


def test_help_ends_well() -> None:
    """Asking for help is no mistake."""
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert get_command(app).name == "compare"


@pytest.mark.parametrize("made", [comparison(), free_run(), nothing_changed()], ids=["worse", "free", "same"])
def test_the_document_leads_with_verdict_identical_and_sentence(made: object) -> None:
    """Strict JSON: a figure that is none is null, and what a pipeline looks at stands at the top."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert isinstance(made, type(comparison()))
    read = json.loads(document(made), parse_constant=refuse)
    assert (read["verdict"], read["identical"], read["sentence"]) == (made.verdict, made.identical, made.sentence)
    assert {"mode", "a", "b", "effects", "findings", "survival", "confusions", "curves", "gaps"} <= set(read)


def test_files_are_written_where_they_are_named(tmp_path: Path) -> None:
    """Folders on the way are made; equal comparisons make equal files."""
    for name in ("one", "two"):
        write_page(tmp_path / name / "report.html", replace(comparison()))
        write_json(tmp_path / name / "figures.json", replace(comparison()))
    for file in ("report.html", "figures.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Not a stack trace after minutes of work."""
    (tmp_path / "taken").write_text("", "utf-8")
    with pytest.raises(StackError, match="name another file"):
        write_page(tmp_path / "taken" / "report.html", comparison())
