"""Named points at which a worker can be made to die as by kill -9. For tests of recovery; costs nothing when unset.

`SPILLWAY_CRASH_AT=routing:after_delivery:3` kills the worker the third time that the stage routing has seen its
outputs delivered. The points of a batch, in order: before_produce, after_produce, after_delivery, after_commit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import Final, Literal

Point = Literal["before_produce", "after_produce", "after_delivery", "after_commit"]
POINTS: Final[tuple[Point, ...]] = ("before_produce", "after_produce", "after_delivery", "after_commit")
VARIABLE: Final = "SPILLWAY_CRASH_AT"

Reached = Callable[[Point], None]


def _pass(_point: Point) -> None:
    """Nothing is to happen."""


def crash_points(stage: str, environ: Mapping[str, str] = os.environ) -> Reached:
    """What a stage calls at each point of a batch with outputs. Raises ValueError when the variable is malformed."""
    wanted = environ.get(VARIABLE)
    if not wanted:
        return _pass
    name, _, rest = wanted.partition(":")
    point, _, times = rest.partition(":")
    if point not in POINTS or not (times or "1").isdigit():
        raise ValueError(f"{VARIABLE}={wanted}: write STAGE:POINT or STAGE:POINT:N, POINT one of {', '.join(POINTS)}")
    if name != stage:
        return _pass
    left = int(times or "1")

    def reached(here: Point) -> None:
        nonlocal left
        if here == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return reached
