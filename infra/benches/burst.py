"""Ten times as much for a minute: who is answered in time, by which rung, and when everything is worked off."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import psutil

from infra.benches.accounts import accounts
from infra.benches.arrivals import bursts
from infra.benches.frame import BenchError, Say, Spread
from infra.benches.hold import drained, hold
from infra.benches.lag import LagMeter, Reading
from infra.benches.load import Load, Loaded
from infra.benches.machine import Machine, machine
from infra.benches.plot import chart, report, rows, section
from infra.benches.searching import highest
from infra.benches.stack import BenchStack
from infra.recordings import Recorded
from schemas.events import RUNGS

GOAL_IN_TIME: Final = 0.999
GOAL_DRAINED_S: Final = 60.0
BEFORE: Final = 15.0
"""Seconds of the base load until the burst begins."""
AFTER: Final = 90.0
"""Seconds of the base load after the burst; worked off later than this is told as never."""
CALM: Final = 300.0
CALM_AFTER: Final = 10.0
"""Seconds for which the base load goes on once everything is worked off."""
LOOK_EVERY: Final = 1.0
SEARCH_SECONDS: Final = 15.0


@dataclass(frozen=True)
class BurstPlan:
    """base: turns a second usually; None: `capacity` divided by `times`; that is looked for where it is None too.
    times: so many times as much in the burst. seconds: of the burst. rounds: so often.
    """

    base: float | None = None
    capacity: float | None = None
    times: float = 10.0
    seconds: float = 60.0
    rounds: int = 1


@dataclass(frozen=True)
class BurstResult:
    """What `bench burst --json` writes. in_time: the share of the burst's turns that were answered by their deadline,
    by any rung; drained_s: seconds from the burst's end until no reader was a second of the base load further behind
    than before the burst. by_rung: of the burst's turns: how many, and which share of them in time. capacity_per_s:
    that the base was derived from; None where the base was given.
    """

    base_per_s: float
    times: float
    burst_seconds: float
    capacity_per_s: float | None
    in_time: Spread
    drained_s: Spread
    p99_base_ms: Spread
    p99_burst_ms: Spread
    by_rung: Mapping[str, tuple[int, float]]
    turns: int
    burst_turns: int
    missing: int
    unaccounted: int
    goal_in_time: float
    goal_drained_s: float
    reached: bool
    limit: str
    machine: Machine
    lags: Sequence[tuple[float, float]]
    p99_over_time: Sequence[tuple[float, float]]

    @property
    def headline(self) -> str:
        return (
            f"{self.times:g} times {self.base_per_s:,.0f} turns/s for {self.burst_seconds:,.0f} s: "
            f"{self.in_time.median:.3%} answered in time, worked off after {self.drained_s.median:,.0f} s; "
            f"{self.missing} missing, {self.unaccounted} unaccounted for"
        )

    def page(self) -> str:
        """The whole HTML file."""
        rungs = [(rung, f"{n:,}", f"{share:.3%}") for rung, (n, share) in self.by_rung.items()]
        return report(
            "Burst: many times the usual load",
            self.headline,
            {
                "in time": (f"{self.in_time.median:.3%}", f"goal {self.goal_in_time:.1%}"),
                "worked off after": (f"{self.drained_s.shown()} s", f"goal {self.goal_drained_s:,.0f} s"),
                "p99 of the burst": (f"{self.p99_burst_ms.shown()} ms", f"before {self.p99_base_ms.shown()} ms"),
                "missing": (str(self.missing), f"of {self.turns:,} turns"),
            },
            self.machine,
            self.limit,
            section("By rung", rows(("rung", "turns of the burst", "in time"), rungs)),
            section("Latency", chart({"p99": self.p99_over_time}, "seconds", "milliseconds")),
            section("Readers", chart({"behind": self.lags}, "seconds", "seconds of the base load behind")),
        )


@dataclass(frozen=True)
class Burst:
    """One round. lags: seconds from the load's start, and by how many seconds of the base load someone was behind."""

    loaded: Loaded
    begins: float
    ends: float
    lags: Sequence[tuple[float, float]]
    busy: float

    @property
    def in_time(self) -> float:
        chosen = self._chosen
        return float(self.loaded.in_time[chosen].mean()) if chosen.any() else math.nan

    @property
    def drained_s(self) -> float:
        """Seconds from the burst's end until the first look that found nobody a second further behind than usual; inf:
        never. Usual: the median of the looks before the burst, since projections write about once a second."""
        most = usual(self.lags, self.begins) + 1
        return next(
            (max(0.0, at - self.ends) for at, behind in self.lags if self.ends <= at and behind < most), math.inf
        )

    @property
    def by_rung(self) -> dict[str, tuple[int, float]]:
        """Of the burst's turns by rung, and without a reply: how many, and the share of them that were in time."""
        chosen, found = self._chosen, {}
        for number, name in enumerate((*RUNGS, "none")):
            of_rung = chosen & (self.loaded.rung == number)
            if of_rung.any():
                found[name] = (int(of_rung.sum()), round(float(self.loaded.in_time[of_rung].mean()), 6))
        return dict(sorted(found.items(), key=lambda item: -item[1][0]))

    @property
    def _chosen(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        return (self.loaded.at >= self.begins) & (self.loaded.at < self.ends)


def measure_burst(stack: BenchStack, talks: Sequence[Recorded], plan: BurstPlan, say: Say) -> BurstResult:
    """Bursts `rounds` times, and holds everything that was sent to account. Raises BenchError."""
    on = machine(stack.settings.kafka, say)
    say("warm-up")
    hold(stack, talks, min(100.0, plan.base or 100.0), 8.0, 2.0, say)
    capacity = plan.capacity
    if plan.base is None and capacity is None:
        say("no --base and no --capacity: looking for what the machine holds")
        capacity = _capacity(stack, talks, say)
    base = plan.base if plan.base is not None else max(0.5, (capacity or 1.0) / plan.times)
    found = []
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}: {base:g}/s, {plan.times:g} times as much for {plan.seconds:g} s")
        found.append(_burst(stack, talks, base, plan, number))
        say(f"{found[-1].in_time:.3%} in time, worked off after {found[-1].drained_s:,.0f} s")
        if not drained(stack, CALM):
            raise BenchError(
                f"readers are not at the end of the log {CALM:.0f} s after the burst; see: spillway status"
            )
    books = accounts(stack.settings, [b.loaded for b in found])
    say(books.shown())
    return burst_result(found, plan, base, None if plan.base is not None else capacity, on, books.unaccounted)


def burst_result(
    found: Sequence[Burst], plan: BurstPlan, base: float, capacity: float | None, on: Machine, unaccounted: int
) -> BurstResult:
    """The result of these rounds."""
    in_time, off = Spread.of(b.in_time for b in found), Spread.of(b.drained_s for b in found)
    worst = min(found, key=lambda b: b.in_time)
    reached = in_time.low >= GOAL_IN_TIME and off.high < GOAL_DRAINED_S
    longest = max((behind for _, behind in worst.lags), default=0.0)
    return BurstResult(
        base_per_s=base,
        times=plan.times,
        burst_seconds=plan.seconds,
        capacity_per_s=capacity,
        in_time=in_time,
        drained_s=off,
        p99_base_ms=Spread.of(b.loaded.p99_ms(BEFORE / 3, b.begins) for b in found),
        p99_burst_ms=Spread.of(b.loaded.p99_ms(b.begins, b.ends) for b in found),
        by_rung=worst.by_rung,
        turns=sum(b.loaded.sent for b in found),
        burst_turns=sum(b.loaded.count(b.begins, b.ends) for b in found),
        missing=sum(b.loaded.missing for b in found),
        unaccounted=unaccounted,
        goal_in_time=GOAL_IN_TIME,
        goal_drained_s=GOAL_DRAINED_S,
        reached=reached,
        limit=(
            f"{base * plan.times:,.0f} turns/s in the burst: readers fell up to {longest:,.0f} s of the base load "
            f"behind, and {worst.busy:.0%} of the processors were busy"
        ),
        machine=on,
        lags=[(round(at, 1), round(behind, 3)) for at, behind in worst.lags],
        p99_over_time=worst.loaded.over_time(0.99),
    )


def usual(lags: Sequence[tuple[float, float]], until: float) -> float:
    """The median of the lags before the burst, what the load's start did left out; 0 where nobody looked."""
    before = [behind for at, behind in lags if until / 3 <= at < until]
    return statistics.median(before) if before else 0.0


def behind_base(began: float, readings: Sequence[Reading], sent: int, base: float) -> list[tuple[float, float]]:
    """Of each reading: seconds since `began` (monotonic), and seconds of the base load that the furthest reader was
    behind. sent: turns of the whole load, by which each reader's records a turn are told.
    """
    if not readings or not sent:
        return []
    first, last = readings[0], readings[-1]
    a_turn = {group: (end - first.ends.get(group, end)) / sent for group, end in last.ends.items()}
    return [
        (r.at - began, max((r.behind.get(g, 0) / (n * base) for g, n in a_turn.items() if n > 0), default=0.0))
        for r in readings
    ]


def _burst(stack: BenchStack, talks: Sequence[Recorded], base: float, plan: BurstPlan, seed: int) -> Burst:
    ends = BEFORE + plan.seconds
    arrivals = bursts(base, plan.times, BEFORE, plan.seconds, ends + AFTER, seed=seed)
    with (
        LagMeter(stack.settings.kafka, stores=stack.settings) as meter,
        Load(stack.settings, talks, arrivals) as load,
    ):
        readings = [meter.read()]
        began = time.monotonic() + load.go() - time.time()
        busy = _watch(load, meter, readings, began, ends, base)
        loaded = load.finish()
    lags = behind_base(began, readings, loaded.sent, base)
    return Burst(loaded, BEFORE, ends, lags, busy)


def _watch(load: Load, meter: LagMeter, readings: list[Reading], began: float, ends: float, base: float) -> float:
    """Reads the lag until everything is worked off, and a little longer; the share of the processors that was busy in
    the burst."""
    before, after, off_at = psutil.cpu_times(), psutil.cpu_times(), math.inf
    while not load.wait(LOOK_EVERY):
        readings.append(meter.read())
        now = readings[-1].at - began
        if now < BEFORE:
            before = psutil.cpu_times()
        elif now < ends:
            after = psutil.cpu_times()
        lags = behind_base(began, readings, load.sent, base)
        if now > ends and lags and lags[-1][1] < usual(lags, BEFORE) + 1:
            off_at = min(off_at, now)
        if now > off_at + CALM_AFTER:
            load.stop()
            break
    total = sum(after) - sum(before)
    return 1 - (after.idle - before.idle) / total if total > 0 else 0.0


def _capacity(stack: BenchStack, talks: Sequence[Recorded], say: Say) -> float:
    def held(rate: float) -> bool:
        found, _ = hold(stack, talks, rate, SEARCH_SECONDS, 4.0, say)
        if not drained(stack, CALM):
            raise BenchError(f"readers are not at the end of the log {CALM:.0f} s after a load; see: spillway status")
        return found.held

    found = highest(200.0, 4_000.0, held, near=0.15)
    if found is None:
        raise BenchError("not even one turn a second is held; see: spillway bench flow --rate 1")
    return found
