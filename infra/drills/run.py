"""Runs drills one after another, on as few stacks as they need, under half of the load that a stack can take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from infra.drills.drilling import Plan, Say, drill
from infra.drills.ground import ALL_PARTS, FEW_PARTS, TENANT, Ground, a_ground
from infra.drills.load import Load, Manner
from infra.drills.result import Result
from infra.drills.table import Drill, Needs
from infra.generation_drills.runs import How, half_of_capacity, run_faults, running
from infra.local.app_parts import AppPart
from infra.local.errors import StackError
from infra.wiring import build_codec

CALIBRATION: Final = 1_500
"""Messages at once, by which the capacity is measured."""
CALIBRATION_PATIENCE: Final = 60.0
LEAST_RATE: Final = 10.0
MOST_RATE: Final = 1_000.0
LONGEST_LOG: Final = 150_000
"""Turns after which a drill gets a new stack: every audit reads the whole log."""


@dataclass
class Grounds:
    """The stacks of a run: one at a time, kept as long as drills can stand on it."""

    say: Say
    data: Path | None = None
    parts: Sequence[AppPart] = ALL_PARTS
    _open: ExitStack = field(default_factory=ExitStack)
    _now: tuple[Needs, Ground] | None = None

    def of(self, needs: Needs) -> Ground:
        """The running stack, if it will do; else a new one. Raises StackError."""
        if self._now is not None:
            needed, ground = self._now
            if needed == needs and ground.used < LONGEST_LOG and not ground.broken:
                return ground
        self.close()
        self.say(f"a stack for drills ({needs}) is started")
        made = a_ground(
            self.say,
            brokers=3 if needs == "three" else 1,
            registry=needs == "registry",
            data=self._folder(needs),
            parts=self.parts,
        )
        ground = self._open.enter_context(made)
        self._now = (needs, ground)
        return ground

    def close(self) -> None:
        self._open.close()
        self._open, self._now = ExitStack(), None

    def _folder(self, needs: Needs) -> Path | None:
        return None if self.data is None else self.data / f"{needs}-{time.time_ns() // 1_000_000_000}"


def run_drills(
    drills: Sequence[Drill],
    plan: Plan,
    say: Say,
    rate: float | None = None,
    data: Path | None = None,
    keep: Callable[[Sequence[Result]], None] = lambda _: None,
) -> list[Result]:
    """All of them. rate: turns a second; None: half of what a stack does, measured first.

    keep: given what there is after each drill, since a run takes hours and may be broken off.
    """
    grounds = Grounds(say, data, FEW_PARTS if plan.quick else ALL_PARTS)
    rates: dict[Needs, float] = {}
    found: list[Result] = []
    try:
        for row in sorted(drills, key=lambda d: (d.needs, d.number)):
            try:
                if row.body is None:
                    grounds.close()
                    found.append(_generation(row, plan, say))
                    continue
                ground = grounds.of(row.needs)
                if row.needs not in rates:
                    rates[row.needs] = rate or half_capacity(ground, say)
                found.append(run_one(row, ground, replace(plan, rate=rates[row.needs]), say))
            except StackError as why:
                # The others' figures are not lost with it.
                say(f"  broken: {why}")
                found.append(Result(row.name, row.number, problems=[f"its stack failed: {why}"]))
                grounds.close()
            finally:
                keep(sorted(found, key=lambda r: r.number))
    finally:
        grounds.close()
    return sorted(found, key=lambda r: r.number)


def run_one(row: Drill, ground: Ground, plan: Plan, say: Say) -> Result:
    """One drill on a ground that runs."""
    assert row.body is not None, "the drill has a body"
    say(f"{row.number} {row.name}: {row.about}")
    result = drill(row.name, row.number, row.body, ground, plan, say, row.manner and row.manner(plan), row.asked)
    for problem in (*result.problems, *result.slow):
        say(f"  broken: {problem}")
    said = "not run" if result.skipped is not None else "passed" if result.passed else "BROKEN"
    say(f"  {said}: {result.events:,} messages")
    return result


def half_capacity(ground: Ground, say: Say) -> float:
    """Turns a second: half of what it does with a backlog, load generator and stores on the same machine."""
    settings = ground.settings
    load = Load(settings, TENANT, Manner(1.0, deadline=60.0, over_http=False), 1, build_codec(settings))
    with load:
        load.burst(CALIBRATION)
        began = time.monotonic()
        while load.sent < CALIBRATION or any(m.reply is None for m in list(load.manifest.messages)[:CALIBRATION]):
            if time.monotonic() - began > CALIBRATION_PATIENCE:
                raise StackError(f"{CALIBRATION} messages are not answered in {CALIBRATION_PATIENCE:.0f} s: see --rate")
            time.sleep(0.05)
        capacity = CALIBRATION / (time.monotonic() - began)
    rate = min(MOST_RATE, max(LEAST_RATE, round(capacity / 2)))
    say(f"this machine does {capacity:.0f} turns/s with everything on it: the load is {rate:.0f}")
    return rate


def _generation(row: Drill, plan: Plan, say: Say) -> Result:
    """The drill of the model's server, as `spillway bench generation faults` does it."""
    result, how = Result(row.name, row.number), How(tenants=4, seed=plan.seed)
    with running(how, say) as (stack, server):
        rate = half_of_capacity(stack, how, say)
        for _ in range(max(1, plan.times // len(how.wanted))):
            found = run_faults(stack, server, how, rate, say)
            result.times += len(found.faults)
            result.events += found.all.turns
            result.lost += len(found.lost)
            result.doubled += len(found.doubled)
            result.disorder += len(found.disorder)
            result.recovery_s += [round(f.back, 2) for f in found.faults if f.back is not None]
            result.p99_during_ms += [round(f.meanwhile.p99 * 1000, 1) for f in found.faults if f.meanwhile.p99]
            result.p99_after_ms = None if found.healthy.p99 is None else round(found.healthy.p99 * 1000, 1)
            result.problems += found.broken()
            if found.all.in_time < 0.999:
                result.slow.append(f"{found.all.in_time:.2%} of the turns were in time: 99.9 % are meant")
    result.notes.append("recovery is until models make replies as before; meanwhile other rungs do")
    return result
