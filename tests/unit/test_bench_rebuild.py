"""What the benchmark of rebuilds tells of what it saw; by numbers, without a stack."""

from __future__ import annotations

import json

from infra.benches.frame import Spread, as_json
from infra.benches.machine import Machine
from infra.benches.rebuild import Folded, Rebuild, result

MACHINE = Machine(2, 0.57, "a processor", 8.0, None, 0.1, "3.11")


def folded(name: str, records: int = 1000, divergent: int = 0, sessions: int = 50) -> Folded:
    """A projection that folded so much in two seconds, in three rounds."""
    cpu = {"projection": 900.0, "postgres": 300.0}
    return Folded(name, records, Spread.of([1.0, 2.0, 4.0]), cpu, sessions, divergent, ((0.0, 0.0), (2.0, 1000.0)))


def rebuilt(session: Folded, analytics: Folded) -> Rebuild:
    """Of a log of 1,000 events."""
    return result(1000, 0.5, session, analytics, MACHINE)


def test_the_median_of_the_rounds_counts() -> None:
    """Seconds with their spread, and events a second by the median."""
    found = json.loads(as_json(rebuilt(folded("session_state"), folded("analytics"))))
    assert (found["session_state_s"], found["analytics_s_low"], found["analytics_s_high"]) == (2.0, 1.0, 4.0)
    assert found["session_state_events_per_s"] == 500
    assert found["session_state_equal"] is True
    assert found["analytics_equal"] is True


def test_a_session_that_differs_is_not_equal() -> None:
    """Nor is a store that has no session, or that was not given the whole log."""
    good = folded("session_state")
    assert not rebuilt(folded("session_state", divergent=1), good).session_state_equal
    assert not rebuilt(good, folded("analytics", sessions=0)).analytics_equal
    assert not rebuilt(good, folded("analytics", records=999)).analytics_equal


def test_what_limits_is_named() -> None:
    """The part that takes most, and how much of the machine was busy."""
    found = rebuilt(folded("session_state"), folded("analytics"))
    assert "session_state: projection takes 900 of the 1200 µs" in found.limit
    assert "0.6 of 2 processors are busy" in found.limit


def test_the_page_shows_both_projections() -> None:
    """Figures, time by part and a line over time."""
    page = rebuilt(folded("session_state"), folded("analytics", divergent=1)).page()
    assert "checksums equal" in page
    assert "checksums DIFFER" in page
    assert "events folded" in page
