"""What `spillway bench flow` says of the holds that it saw; by numbers, without a clock."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from infra.benches.accounts import Accounts
from infra.benches.flow import flow_result
from infra.benches.frame import as_json
from infra.benches.hold import Held, Seen, judged, limit_of
from infra.benches.lag import Reading
from infra.benches.load import Loaded
from tests.unit.test_bench_frame import MACHINE

HELD = Held(
    rate=1_000.0,
    seconds=30.0,
    turns=30_000,
    per_s=1_000.0,
    p50_ms=40.0,
    p95_ms=90.0,
    p99_ms=150.0,
    late_ms=5.0,
    lag_end=400,
    lag_s=0.5,
    lag_growth=0.001,
    missing=0,
    busy=0.7,
    cpu={"worker": 15.0, "kafka": 9.0, "load": 1.5},
    by_rung={"template": 30_000},
    lags=((0.0, 0.4), (30.0, 0.5)),
    p99_over_time=((10.5, 150.0),),
    stopped=False,
)
TOO_FAST = replace(HELD, rate=1_200.0, p99_ms=4_000.0, busy=0.98)
BOOKS = Accounts(90_000, 0, 0, 0, 0, 0, ())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"p99_ms": 500.0}, "p99 500 ms"),
        ({"p99_ms": math.inf, "missing": 3}, "3 turns unanswered"),
        ({"lag_growth": 0.1}, "the lag grows by 0.10 s a second"),
        ({"lag_s": 5.0}, "5.0 s of traffic behind"),
        ({"stopped": True}, "given up"),
    ],
)
def test_a_rate_is_held_only_if_all_is_well(changed: dict[str, float], why: str) -> None:
    """Each reason alone is enough, and is said."""
    assert HELD.held
    found = replace(HELD, **changed)  # type: ignore[arg-type]
    assert not found.held
    assert why in found.why_not


def test_a_turn_costs_what_its_parts_do() -> None:
    """Microseconds on a core by part, over the turns that were answered."""
    assert HELD.cpu_us_by_part == {"worker": 500.0, "kafka": 300.0, "load": 50.0}
    assert HELD.cpu_us_per_turn == 850.0


def test_what_limits_is_said_by_who_was_busy() -> None:
    """The processors, where they have nothing left; one process, where it has a core to itself; else neither."""
    assert "the processors limit" in limit_of(TOO_FAST)
    assert "worker 500" in limit_of(TOO_FAST)
    assert "worker limits" in limit_of(replace(HELD, cpu={"worker": 28.0, "kafka": 2.0}))
    assert "no processor limits" in limit_of(HELD)


def test_the_limit_is_what_the_next_rate_ran_into() -> None:
    """Not what was seen at the rate that was held; the goal is named where it is missed."""
    result = flow_result([HELD, replace(HELD, p99_ms=170.0)], [HELD, TOO_FAST], BOOKS, MACHINE, 540_000)
    assert result.limit.startswith("1,000 of 2,000 turns/s: the processors limit: ")
    assert "98%" in result.limit
    assert (result.held, result.turns_per_s, result.of_goal, result.sound) == (True, 1_000.0, 0.5, True)


def test_the_result_has_every_rate_that_was_tried() -> None:
    """With why it was not held; the page shows them, too."""
    result = flow_result([HELD], [TOO_FAST, HELD], BOOKS, MACHINE, 1)
    figures = json.loads(as_json(result))
    assert [(t["rate"], t["held"], t["why_not"]) for t in figures["rates_tried"]] == [
        (1_200.0, False, "p99 4,000 ms"),
        (1_000.0, True, ""),
    ]
    assert figures["p99_ms"] == 150.0
    page = result.page()
    assert "p99 4,000 ms" in page
    assert "1,000 turns/s held for 30 s" in page


def test_a_rate_that_is_not_held_reaches_nothing_of_the_goal() -> None:
    """However high it was."""
    result = flow_result([replace(HELD, rate=2_000.0, p99_ms=900.0)], [TOO_FAST], BOOKS, MACHINE, 1)
    assert (result.held, result.of_goal) == (False, 0.0)
    assert "not held" in result.headline


def test_missing_turns_make_a_result_unsound() -> None:
    """As does anything else that the accounts find."""
    assert not flow_result([HELD], [HELD], replace(BOOKS, missing=1), MACHINE, 1).sound
    assert not flow_result([HELD], [HELD], replace(BOOKS, problems=("one",)), MACHINE, 1).sound


def test_a_hold_is_judged_by_what_came_after_the_warm_up() -> None:
    """Slow turns of the warm-up do not count; those unanswered do, whenever they were sent."""
    at = np.arange(20, dtype=np.float64)
    replied = at + np.where(at < 5, 9.0, 0.1)
    loaded = Loaded(
        "b", "bench", 10.0, 0.0, at, at, replied, np.zeros(20, dtype=np.uint8), np.zeros(20, dtype=np.int32),
        np.array([str(n) for n in range(20)], dtype="S36"), (), 0, 0.1,
    )  # fmt: skip
    readings = [Reading(float(n), {"g": 1}, {"g": n}) for n in range(16)]
    found = judged(1.0, 5.0, 15.0, Seen({"worker": 0.15}, readings, 0.5, 15.0, False), loaded)
    assert (found.turns, found.p99_ms, found.missing) == (15, 100.0, 0)
    assert found.lag_s == 1.0
    assert found.held
    # Of the warm-up, five were answered within the time that counts: they cost processors there.
    assert found.answered == 20
