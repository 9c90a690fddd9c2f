"""What must hold when everything has settled, whatever happened before; and what does not."""

from __future__ import annotations

from collections.abc import Iterator

from streams.testing.simulation.log_audit import log_problems
from streams.testing.simulation.problem import Problem
from streams.testing.simulation.shown_audit import delivery_problems, projection_problems
from streams.testing.simulation.simulating import Simulation


def problems_of(run: Simulation) -> list[Problem]:
    """Everything that is wrong with a schedule that was played."""
    return [*_held(run), *log_problems(run), *delivery_problems(run), *projection_problems(run)]


def _held(run: Simulation) -> Iterator[Problem]:
    for text in run.bus.too_early:
        yield Problem("committed too early", text)
    if not run.settled:
        for hand in run.crew.hands():
            if hand.lag():
                yield Problem("held for ever", f"{hand.spec.name}[{hand.partition}] is {hand.lag()} records behind")
