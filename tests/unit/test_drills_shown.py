"""What drills found is said in full: the figures, what was broken, and what none of N bounds."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from infra.cli.main import _top
from infra.drills.result import Result, as_json
from infra.drills.showing import bounded, page_of, shown
from infra.drills.table import DRILLS
from schemas.compatibility import record_changes, snapshot

KEYS = {
    *("name", "number", "times", "lost", "doubled", "disorder", "divergence", "redelivered", "recovery_s"),
    *("p99_during_ms", "p99_after_ms", "events", "skipped", "passed", "notes"),
}


def a_result(**values: object) -> Result:
    found = Result("kill", 1, times=10, events=30_000, recovery_s=[1.0, 9.0, 3.0], p99_during_ms=[800.0])
    for name, value in values.items():
        setattr(found, name, value)
    return found


def test_the_json_has_every_figure() -> None:
    """The keys are those that others read."""
    plain = json.loads(json.dumps(as_json([a_result()], seed=7)))
    assert plain["seed"] == 7
    assert set(plain["drills"][0]) == KEYS
    assert plain["drills"][0]["passed"] is True


def test_a_broken_promise_is_said_everywhere() -> None:
    """In the table, the JSON, the page and the sum."""
    broken = a_result(lost=1, problems=["1 lost: ['x']"])
    assert not broken.passed
    assert as_json([broken], 1)["drills"][0]["notes"] == ["broken: 1 lost: ['x']"]
    assert "BROKEN" in shown([broken])
    assert "Broken: kill" in page_of([broken], 1)
    assert bounded([broken]).startswith("1 of 30,000")


def test_a_drill_that_could_not_be_run_has_not_passed() -> None:
    """It is neither passed nor broken, and says why."""
    skipped = a_result(skipped="no git checkout", events=0)
    assert not skipped.passed
    assert "not run: no git checkout" in shown([skipped])


def test_none_of_n_bounds_the_rate() -> None:
    """The rule of three."""
    assert "0 of 30,000" in bounded([a_result()])
    assert "1.0e-04" in bounded([a_result()])


def test_the_drills_have_numbers_and_names_of_their_own() -> None:
    """1 to 15 and 19 of the bar; each is listed by the command."""
    assert [d.number for d in DRILLS] == [*range(1, 16), 19]
    assert len({d.name for d in DRILLS}) == len(DRILLS)
    said = CliRunner().invoke(_top, ["drill", "--list"]).output
    assert all(d.name in said and d.about in said for d in DRILLS)


def test_an_unknown_drill_is_refused_by_name() -> None:
    """And the others are named."""
    said = CliRunner().invoke(_top, ["drill", "kil"])
    assert said.exit_code == 2
    assert "there is no drill 'kil'" in said.output


def test_the_incompatible_schema_of_the_drill_is_refused() -> None:
    """A message without its text can be read by nobody who knows today's."""
    now = snapshot().schemas["MessageReceived"]
    changed = {**now, "fields": [f for f in now["fields"] if f["name"] != "text"]}
    assert any(change.breaking for change in record_changes("MessageReceived", now, changed))
