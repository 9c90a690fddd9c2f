"""A replay steps back: whoever serves customers on the same machine comes first."""

from __future__ import annotations

import atexit
import os
import signal
import time
from contextlib import suppress
from typing import Final

SLICE: Final = 0.005
"""Seconds of processor time after which a process with a share rests: shorter than what a customer's turn takes."""


def step_back() -> None:
    """Gives this thread, and all that it starts from now on, what time others leave. In a process that has only this
    one yet, that is the process."""
    with suppress(OSError):
        os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def keep_to(share: float) -> None:
    """From now on this process rests so much that it uses at most `share` of a core, above 0; 1: it never rests.

    Priority decides who is given a core. It does not help where two cores are two threads of one: there, whatever runs
    on the other takes from this one (docs/adr/0135-a-share-of-a-core.md). The main thread does the resting, so it must
    be the one that works.
    """
    if share >= 1:
        return
    used = time.process_time()

    def rest(_signal: int, _frame: object) -> None:
        nonlocal used
        now = time.process_time()
        time.sleep((now - used) * (1 / share - 1))
        used = now

    signal.signal(signal.SIGPROF, rest)
    signal.setitimer(signal.ITIMER_PROF, SLICE, SLICE)
    # On the way out nobody hears the signal any more, and it would kill.
    atexit.register(signal.setitimer, signal.ITIMER_PROF, 0)
