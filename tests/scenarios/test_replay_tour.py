"""The tour through replay and comparison, command by command, on a stack of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.cli.compare import EXITS
from tests.scenarios.documented import STAYS, Ran, blocks, reader, run, stays

TOUR = Path(__file__).resolve().parents[2] / "docs" / "replay.md"
PATIENCE = 1500
"""Seconds. An idle machine needs less than a fifth of it; a busy one is not what fails a document."""
COMMANDS = [block for block in blocks(TOUR) if block != STAYS]


@pytest.fixture(scope="module")
def tour() -> Iterator[Ran]:
    """The whole tour, once."""
    with reader() as folder, stays(STAYS, folder, until="The stack is up"):
        yield run(COMMANDS, folder, timeout=PATIENCE)


def figures(ran: Ran, name: str) -> dict[str, Any]:
    found = json.loads((ran.folder / name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.stack
@pytest.mark.timeout(PATIENCE + 300)
def test_every_command_of_the_tour_goes_through(tour: Ran) -> None:
    """A reader who types what stands there meets no error."""
    assert (tour.code, tour.reached) == (0, len(COMMANDS)), tour.output[-6000:]


@pytest.mark.stack
@pytest.mark.timeout(PATIENCE + 300)
def test_what_is_replayed_unchanged_is_identical(tour: Ran) -> None:
    """The replay of the record against the record differs in no decision, and the gate is kept."""
    itself = figures(tour, "itself.json")
    assert itself["identical"] == 1.0
    assert itself["verdict"] == "better_or_equal"


@pytest.mark.stack
@pytest.mark.timeout(PATIENCE + 300)
def test_the_candidate_gets_a_verdict_and_a_page(tour: Ran) -> None:
    """The new model's figures say that it decides otherwise, and its page leads with the same sentence."""
    mine = figures(tour, "mine.json")
    code = EXITS[mine["verdict"]]
    assert code == 0 or f"exit code {code}\n" in tour.output
    identical = mine["identical"]
    assert isinstance(identical, float)
    assert identical < 1.0
    page = (tour.folder / "mine.html").read_text("utf-8")
    assert page.index('class="verdict') < page.index("<h2")


def test_the_tour_begins_with_the_stack() -> None:
    """The one block that stays is the first; all else is run in one shell."""
    found = blocks(TOUR)
    assert found[0] == STAYS
    assert found.count(STAYS) == 1
    assert len(COMMANDS) >= 8
