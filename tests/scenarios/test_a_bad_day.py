"""A bad day replays identically, whatever went wrong on it; and one altered rule changes what it concerns, no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from infra.local.stack import LocalStack
from tests.scenarios.bad_day import PLAY, Day, a_bad_day, altered_shop, put_back

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]
MODES = ("teacher-forced", "free-run")
NAMES_THE_POLICY = {"policy", "reply.policy"}


@pytest.fixture(scope="module")
def day(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """The day, once."""
    try:
        yield a_bad_day(stack, tmp_path_factory.mktemp("day"))
    finally:
        put_back(stack)


class Replayed(NamedTuple):
    """Runs of the day as it was, by mode; and live before and after them."""

    runs: dict[str, dict[str, Any]]
    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def replayed(day: Day) -> Replayed:
    """The day replayed in both modes."""
    before = day.live()
    runs = {mode: day.replay(f"day-{mode}", "--mode", mode) for mode in MODES}
    return Replayed(runs, before, day.live())


def test_the_day_was_bad(day: Day) -> None:
    """Conversations met two models and two policies, in both languages, and the worker died among them."""
    assert day.restarts >= 1
    of_day = "WHERE run_id = 'live' AND startsWith(session_id, {play:String})"
    assert len(day.query(f"SELECT DISTINCT fingerprint FROM intents {of_day}")) == 2
    assert len(day.query(f"SELECT DISTINCT policy FROM routes {of_day} AND tenant_id = 'bank'")) == 2
    assert {lang for (lang,) in day.query(f"SELECT DISTINCT lang FROM routes {of_day}")} >= {"zh", "en"}
    both = "SELECT session_id FROM intents {} GROUP BY session_id HAVING uniqExact(fingerprint) = 2"
    assert day.query(both.format(of_day))


@pytest.mark.parametrize("mode", MODES)
def test_a_bad_day_replays_identically(day: Day, replayed: Replayed, mode: str) -> None:
    """Every decision of the day comes out again, recomputed, and the comparison says the same."""
    found = replayed.runs[mode]
    turns = day.query("SELECT count() FROM turns WHERE run_id = 'live' AND startsWith(session_id, {play:String})")[0][0]
    print(f"{mode}: {turns} turns; recomputed {found['recomputed']}; served {found['served']}")
    assert (found["status"], found["turns"], found["gaps"]) == ("complete", turns, [])
    assert (found["identical"], found["differs"], found["on_policy"]) == (1.0, {}, 1.0)
    assert found["recomputed"]["route"] == turns
    assert found["served"].get("intent", 0) == found["served"].get("sentiment", 0) == 0
    assert day.compare(f"day-{mode}")["identical"] == 1.0


def test_replaying_touches_nothing_live(replayed: Replayed) -> None:
    """Each topic ends where it ended; live's rows and the state of sessions are what they were."""
    assert replayed.after == replayed.before


def test_an_altered_rule_changes_the_turns_that_it_concerns(day: Day, tmp_path: Path) -> None:
    """The shop greets otherwise: the turns that were greeted are told apart, and no other."""
    greeted = day.query(
        "SELECT turn_id FROM turns WHERE run_id = 'live' AND tenant_id = 'shop' AND template = 'greeting'"
        " AND startsWith(session_id, {play:String})"
    )
    found = day.replay("greeted-otherwise", "--candidate", str(altered_shop(tmp_path)))
    rows = day.query("SELECT turn_id, differs FROM run_turns FINAL WHERE run_id = 'greeted-otherwise'")
    assert greeted
    assert {turn for turn, differs in rows if set(differs) - NAMES_THE_POLICY} == {turn for (turn,) in greeted}
    assert set(found["differs"]) == {"template", "reply.template", "reply.text"}
    assert found["identical"] == 1 - len(greeted) / found["turns"]
    listed = day.compare("greeted-otherwise")["differences"]
    assert {d["turn_id"] for d in listed if set(d["fields"]) - NAMES_THE_POLICY} == {turn for (turn,) in greeted}
    assert all(d["session_id"].startswith(PLAY) for d in listed)
