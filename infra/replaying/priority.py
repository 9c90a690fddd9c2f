"""A replay steps back: whoever serves customers on the same machine comes first."""

from __future__ import annotations

import os
from contextlib import suppress


def step_back() -> None:
    """Gives this thread, and all that it starts from now on, what time others leave. In a process that has only this
    one yet, that is the process."""
    with suppress(OSError):
        os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
