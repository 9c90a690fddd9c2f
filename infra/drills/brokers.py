"""What happens to brokers: one, its leader, two of three, the controller, all at once. Nothing acknowledged is lost."""

from __future__ import annotations

import signal
import time
from typing import Final

from infra.drills.drilling import Drilling
from schemas.catalogue import MESSAGES

BACK_AFTER_LOSS: Final = 30.0
"""Seconds in which traffic keeps up again once brokers are back: their replicas, and clients' back-off, come first."""
FALSE_AFTER: Final = 6.0
"""Seconds from a loss until every client must have noticed: what was under way before may still be acknowledged."""


def brokers(it: Drilling) -> None:
    """A broker restarted in good order; the leader of a partition killed; one of three away; two of three away."""
    for i in range(it.plan.times):
        it.moment()
        (_restart, _leader, _lose_one, _lose_two)[i % 4](it)


def controllers(it: Drilling) -> None:
    """The active controller killed; every broker killed at once."""
    cluster = it.ground.cluster
    assert cluster is not None, "the drill stands on a cluster"
    for i in range(it.plan.times):
        it.moment()
        if i % 2 == 0:
            name = cluster.controller()
            with it.fault(f"kill -9 of the controller {name}", name, within=BACK_AFTER_LOSS):
                it.killed(name)
        else:
            with it.fault("kill -9 of all brokers at once", *cluster.names, within=BACK_AFTER_LOSS) as fault:
                for name in cluster.names:
                    it.ground.kill(name, signal.SIGKILL)
                for name in cluster.names:
                    it.ground.wait_ready(name)
                fault.ends()


def _some(it: Drilling) -> str:
    return it.chance.choice(it.ground.brokers)


def _restart(it: Drilling) -> None:
    name = _some(it)
    with it.fault(f"{name} restarted", name, within=BACK_AFTER_LOSS):
        it.ground.stop(name)
        it.ground.start(name)


def _leader(it: Drilling) -> None:
    cluster = it.ground.cluster
    assert cluster is not None, "the drill stands on a cluster"
    partition = it.chance.randrange(4)
    name = cluster.leader(MESSAGES, partition)
    with it.fault(f"kill -9 of {name}, leader of {MESSAGES}[{partition}]", name, within=BACK_AFTER_LOSS):
        it.killed(name)


def _lose_one(it: Drilling) -> None:
    """One of three away: the rest is enough, so the traffic must keep up while it is."""
    name = _some(it)
    with it.fault(f"{name} away for {it.plan.hold:.0f} s", within=BACK_AFTER_LOSS):
        it.ground.kill(name, signal.SIGKILL)
        it.ground.stop(name)
    it.wait(it.plan.hold)
    with it.fault(f"{name} back", name, within=BACK_AFTER_LOSS):
        it.ground.start(name)


def _lose_two(it: Drilling) -> None:
    """Fewer than the least number in sync: producers refuse, the gateway says so, and nothing is taken falsely."""
    left = _some(it)
    gone = [name for name in it.ground.brokers if name != left]
    with it.fault(f"{' and '.join(gone)} away for {it.plan.hold:.0f} s", *gone, within=BACK_AFTER_LOSS) as fault:
        for name in gone:
            it.ground.kill(name, signal.SIGKILL)
            it.ground.stop(name)
        it.wait(it.plan.hold)
        end = time.time()
        for name in gone:
            it.ground.start(name)
        for name in gone:
            it.ground.wait_ready(name)
        fault.ends()
    asked = [p for p in it.load.posted if fault.began + FALSE_AFTER < p.at and p.answered < end]
    taken = [p for p in asked if p.turn_id is not None]
    said = sorted({p.refused for p in asked if p.refused is not None})
    it.note(
        f"with {left} alone the gateway refused {len(asked) - len(taken)} of {len(asked)} messages: {', '.join(said)}"
    )
    if taken:
        it.problem(f"with {left} alone the gateway took {len(taken)} messages")
