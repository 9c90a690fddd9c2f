"""What happens to processes: killed anywhere in a batch, told to end, stopped and woken, joined and left by others."""

from __future__ import annotations

import signal
import time
from typing import Final

from infra.drills.drilling import Drilling
from infra.local.app_parts import WORKER, AppPart
from streams.crash_points import POINTS, VARIABLE

ENDS_WITHIN: Final = 20.0
CRASH_PATIENCE: Final = 60.0
FULL_BUFFER: Final = 1_500
KILLED: Final = ("worker", "worker-2", "generation", "session-state", "analytics", "gateway")
STOPPED: Final = ("worker", "session-state", "worker-2", "analytics")
MOST_WORKERS: Final = 4
REDELIVERED: Final = 0.001
"""The share of events that ends in good order may repeat: about none."""


def stages_of(part: AppPart) -> tuple[str, ...]:
    """The stages that a worker of the stack runs."""
    return tuple(part.command[part.command.index("--stages") + 1].split(","))


def kill(it: Drilling) -> None:
    """kill -9 of each kind of process at a random moment, and of a worker at each named point of a batch."""
    parts = [name for name in KILLED if it.ground.has(name)]
    crashes = [(stage, point) for stage in stages_of(WORKER) for point in POINTS]
    it.chance.shuffle(parts)
    it.chance.shuffle(crashes)
    if it.plan.quick:
        crashes, parts = crashes[:1], parts[: max(1, it.plan.times - 1)]
    for name in parts:
        it.moment()
        with it.fault(f"kill -9 {name}", name, stores=name in ("session-state", "analytics")):
            it.killed(name)
    for stage, point in crashes:
        _crash(it, stage, point)
    while it.result.times < it.plan.times:
        name = it.chance.choice(parts)
        it.moment()
        with it.fault(f"kill -9 {name}", name, stores=name in ("session-state", "analytics")):
            it.killed(name)


def _crash(it: Drilling, stage: str, point: str) -> None:
    """A worker that dies at the point, in a batch of the stage that it comes to at some time."""
    name = it.ground.last_worker
    part = it.ground.part(name)
    it.ground.restart_with(name, {VARIABLE: f"{stage}:{point}:{it.chance.randrange(1, 40)}"})
    it.ground.as_before_when_restarted(name)
    restarts = part.restarts
    if not it.until(lambda: part.restarts > restarts, f"{name} dies at {stage}:{point}", CRASH_PATIENCE):
        return
    with it.fault(f"{name} dies at {stage}:{point}", name):
        if part.exit_code != -signal.SIGKILL:
            it.problem(f"{name} ended with {part.exit_code} before it came to {stage}:{point}")


def terminate(it: Drilling) -> None:
    """SIGTERM with a full buffer: everything in hand is finished and committed, and next to nothing is repeated."""
    names = [name for name in ("worker", "worker-2", "session-state", "analytics") if it.ground.has(name)]
    slowest = 0.0
    for i in range(it.plan.times):
        name = names[i % len(names)]
        it.moment()
        it.load.burst(FULL_BUFFER // 10 if it.plan.quick else FULL_BUFFER)
        it.wait(it.chance.uniform(0.05, 0.5))
        with it.fault(f"SIGTERM {name}", name, stores=name in ("session-state", "analytics")):
            began = time.monotonic()
            it.ground.stop(name)
            slowest = max(slowest, time.monotonic() - began)
            code = it.ground.part(name).exit_code
            if code != 0:
                it.problem(f"{name} told to end ended with {code}")
            it.ground.start(name)
    it.note(f"the slowest end took {slowest:.1f} s")
    if slowest > ENDS_WITHIN:
        it.slow(f"an end took {slowest:.1f} s, and {ENDS_WITHIN:.0f} s are meant")


def repeats_next_to_nothing(it: Drilling) -> None:
    """Asked after the audit of ends in good order."""
    found = it.result
    if found.redelivered > REDELIVERED * found.events + 1:
        it.problem(f"{found.redelivered} events were made again for {found.events} messages: about none are meant")


def pause(it: Drilling) -> None:
    """SIGSTOP for longer than membership lasts, then SIGCONT: the zombie finds that what it held is another's."""
    names = [name for name in STOPPED if it.ground.has(name)]
    for i in range(it.plan.times):
        name = names[i % len(names)]
        other = f"{name}-beside"
        if not name.startswith("worker") or not it.ground.has("worker-2"):
            it.ground.another(other, name)
            it.ground.wait_ready(other)
        it.moment()
        stores = not name.startswith("worker")
        restarts = it.ground.part(name).restarts
        with it.fault(f"SIGSTOP {name} for {it.plan.pause:.0f} s", name, stores=stores) as fault:
            it.ground.kill(name, signal.SIGSTOP)
            it.wait(it.plan.pause)
            it.ground.kill(name, signal.SIGCONT)
            fault.ends()
        if again := it.ground.part(name).restarts - restarts:
            it.note(f"{name} found itself fenced and started anew {again} times")
        if it.ground.has(other):
            it.ground.stop(other)


def scale(it: Drilling) -> None:
    """One worker, two, three, four, and back to one, every few seconds; each change is a rebalance."""
    if it.ground.has("worker-2"):
        it.ground.stop("worker-2")
    pauses: list[float] = []
    others = [f"worker-more-{n}" for n in range(2, (3 if it.plan.quick else MOST_WORKERS) + 1)]
    for _ in range(max(1, it.plan.times // 10)):
        for name in others:
            it.moment()
            with it.fault(f"{name} joins", name):
                it.ground.another(name, "worker")
            pauses.append(_worst_wait(it))
        for name in reversed(others):
            it.moment()
            with it.fault(f"{name} leaves", "worker"):
                it.ground.stop(name)
            pauses.append(_worst_wait(it))
    it.note(f"the longest wait in {len(pauses)} rebalances was {max(pauses):.2f} s, in the middle {_mid(pauses):.2f} s")


def _worst_wait(it: Drilling) -> float:
    """The longest that a customer waited for a reply since the latest change, seconds."""
    since = it.faults[-1].began * 1e6
    sent = [m for m in it.load.manifest.messages if m.sent_at >= since]
    return max((m.reply.seconds or 0.0 for m in sent if m.reply is not None), default=0.0)


def _mid(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
