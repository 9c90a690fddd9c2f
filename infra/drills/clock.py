"""A worker whose host's clock is an hour wrong, or jumps: no message is lost to a window or a deadline by it."""

from __future__ import annotations

from collections import Counter
from typing import Final

from infra.drills.drilling import Drilling
from streams.wall_clock import VARIABLE

HOUR: Final = 3_600
JUMPS_AFTER: Final = 8
"""Seconds of the process at which its clock jumps: it works by then."""
CLOCKS: Final = (f"+{HOUR}@{JUMPS_AFTER}", f"-{HOUR}@{JUMPS_AFTER}", f"+{HOUR}", f"-{HOUR}")


def clock(it: Drilling) -> None:
    """One of two workers has another clock; the turns of its partitions are answered all the same."""
    name = it.ground.last_worker
    for i in range(it.plan.times):
        wrong = CLOCKS[i % len(CLOCKS)]
        it.moment()
        with it.fault(f"{name} with the clock {wrong}", name, within=None) as fault:
            it.ground.restart_with(name, {VARIABLE: wrong})
            it.wait(JUMPS_AFTER + it.plan.hold)
            it.ground.mend()
            fault.ends()
    windows = [(f.began * 1e6, (f.recovered or f.over) * 1e6) for f in it.faults]
    rungs = Counter(
        m.reply.rung
        for m in it.load.manifest.messages
        if m.reply is not None and any(a <= m.sent_at <= b for a, b in windows)
    )
    it.note(f"rungs of the replies meanwhile: {dict(rungs.most_common())}")
