"""Ten thousand schedules of everything that can go wrong, and not one that loses, doubles, reorders or diverges."""

from __future__ import annotations

import os

from streams.testing.simulation import all_failures, story_of
from streams.testing.simulation.product import Product

SCHEDULES = 10_000


def test_no_schedule_breaks_a_promise() -> None:
    """Every schedule keeps every promise; the first that does not tells its story."""
    failures = all_failures(0, SCHEDULES, jobs=min(8, os.cpu_count() or 1))
    assert failures == [], story_of(failures[0].seed, Product())
