"""Cuts a failing schedule down to what it fails by, in a bounded number of trials, and always in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from streams.testing.simulation.schedule import Schedule

TRIALS: Final = 600
Fails = Callable[[Schedule], bool]


class _Trials:
    """At most so many."""

    def __init__(self, fails: Fails, most: int) -> None:
        self._fails, self.left = fails, most

    def fail(self, schedule: Schedule) -> bool:
        """Whether it still fails; False when there are no trials left."""
        if self.left == 0:
            return False
        self.left -= 1
        return self._fails(schedule)


def shrunk(schedule: Schedule, fails: Fails, most: int = TRIALS) -> Schedule:
    """The smallest that was found to fail still: acts and inputs are left out, and the rest is made plainer."""
    trials = _Trials(fails, most)
    while trials.left:
        before = schedule
        for simpler in _plainer(schedule):
            if simpler != schedule and trials.fail(simpler):
                schedule = simpler
        schedule = _without_acts(schedule, trials)
        schedule = _without_inputs(schedule, trials)
        if schedule == before:
            break
    return schedule


def _plainer(schedule: Schedule) -> Iterator[Schedule]:
    yield schedule._replace(codec=False)
    yield schedule._replace(codec=False, skews=(0,))
    yield schedule._replace(codec=False, skews=(0,), workers=1)


def _without_acts(schedule: Schedule, trials: _Trials) -> Schedule:
    """Without stretches of acts, shorter and shorter ones, from the end."""
    length = len(schedule.acts)
    while length > 0:
        end = len(schedule.acts)
        while end > 0:
            acts = schedule.acts
            start = max(0, end - length)
            fewer = schedule._replace(acts=acts[:start] + acts[end:])
            if trials.fail(fewer):
                schedule = fewer
            end = start
        length //= 2
    return schedule


def _without_inputs(schedule: Schedule, trials: _Trials) -> Schedule:
    for it in reversed(schedule.inputs):
        fewer = schedule._replace(inputs=tuple(other for other in schedule.inputs if other is not it))
        if trials.fail(fewer):
            schedule = fewer
    return schedule
