"""One hold: a load at a steady rate for a while, with what it cost, how long turns took, and who fell behind."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from infra.benches.arrivals import steady
from infra.benches.cpu import CpuMeter, between, us_per_turn
from infra.benches.frame import Say
from infra.benches.lag import LagMeter, Reading, growth, seconds_behind
from infra.benches.load import Load, Loaded
from infra.benches.stack import BenchStack
from infra.recordings import Recorded

P99_MS: Final = 500.0
GROWN_S: Final = 1.5
"""Seconds of traffic by which a lag may seem to grow over a hold and count as flat: readings of one that is flat vary
as much, since projections write about once a second."""
LAG_S: Final = 4.0
"""Seconds of traffic that the furthest reader may be behind at the end."""
HOPELESS: Final = 10.0
"""Seconds of traffic behind at which a hold is given up: it is not held, whatever comes."""
LOOK_EVERY: Final = 2.0
MOST_LOOKS: Final = 60
OWN: Final = "bench"
LOAD: Final = "load"


@dataclass(frozen=True)
class Held:
    """What one hold showed. rate: turns a second, as asked; turns: that were to arrive in `seconds`, after the warm-up.

    per_s: answered a second in that time. lag_s: seconds of traffic that the furthest reader was behind in the end (the
    median of the last three looks), of the stages' groups and the projections'; lag_growth: seconds by which it grew
    each second. cpu: seconds on a core by part in that time. busy: the share of the processors' time that was used, by
    anyone. lags: (seconds, seconds behind) of each look. stopped: it was given up before its time.
    """

    rate: float
    seconds: float
    turns: int
    per_s: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    late_ms: float
    lag_end: int
    lag_s: float
    lag_growth: float
    missing: int
    busy: float
    cpu: Mapping[str, float]
    by_rung: Mapping[str, int]
    lags: Sequence[tuple[float, float]]
    p99_over_time: Sequence[tuple[float, float]]
    stopped: bool

    @property
    def answered(self) -> int:
        """Turns answered in that time: what the processors' time was spent for."""
        return round(self.per_s * self.seconds)

    @property
    def cpu_us_by_part(self) -> dict[str, float]:
        """Microseconds on a core a turn, by part; those that take most first."""
        return us_per_turn(self.cpu, self.answered)

    @property
    def cpu_us_per_turn(self) -> float:
        return round(sum(self.cpu_us_by_part.values()), 1)

    @property
    def why_not(self) -> str:
        """Why it counts as not held; "" where it is."""
        reasons = []
        if self.stopped:
            reasons.append(f"given up {HOPELESS:.0f} s of traffic behind")
        if not self.p99_ms < P99_MS:
            reasons.append(f"p99 {self.p99_ms:,.0f} ms")
        if self.lag_growth * self.seconds > GROWN_S:
            reasons.append(f"the lag grows by {self.lag_growth:.2f} s a second")
        if self.lag_s > LAG_S:
            reasons.append(f"{self.lag_s:.1f} s of traffic behind at the end")
        if self.missing:
            reasons.append(f"{self.missing} turns unanswered")
        return "; ".join(reasons)

    @property
    def held(self) -> bool:
        return not self.why_not

    def shown(self) -> str:
        """A line for people."""
        verdict = "held" if self.held else f"not held: {self.why_not}"
        return (
            f"{self.rate:,.0f}/s: p50 {self.p50_ms:,.0f}, p95 {self.p95_ms:,.0f}, p99 {self.p99_ms:,.0f} ms; "
            f"{self.cpu_us_per_turn:,.0f} µs of the processors a turn, {self.busy:.0%} busy; {verdict}"
        )


Watch = Callable[[Load], None]
"""Called again and again while a load runs, about twice a second."""


def hold(
    stack: BenchStack,
    talks: Sequence[Recorded],
    rate: float,
    seconds: float,
    warm: float,
    say: Say,
    watch: Watch = lambda _: None,
    seed: int = 0,
) -> tuple[Held, Loaded]:
    """Loads the stack at this rate, `warm` seconds that do not count and `seconds` that do. Raises BenchError."""
    arrivals = steady(rate, warm + seconds, seed=seed)
    with Load(stack.settings, talks, arrivals) as load:
        seen = observed(stack, load, warm, seconds, watch)
        loaded = load.finish()
    found = judged(rate, warm, seconds, seen, loaded)
    say(found.shown())
    return found, loaded


@dataclass(frozen=True)
class Seen:
    """What was read beside a load, in the time that counts: seconds on a core by part, readings of the lag, the share
    of the processors' time that was used, and how long that was."""

    cpu: Mapping[str, float]
    readings: Sequence[Reading]
    busy: float
    seconds: float
    stopped: bool


def observed(
    stack: BenchStack, load: Load, warm: float, seconds: float, watch: Watch, every: float = LOOK_EVERY
) -> Seen:
    """Starts the load, and reads meters beside it until its time is over, or it cannot be held any more."""
    with LagMeter(stack.settings.kafka, stores=stack.settings) as lag:
        # Looking costs the broker and the stores something: in a long hold it is done less often.
        every = max(every, seconds / MOST_LOOKS)
        return _observed(CpuMeter({**stack.pids(), LOAD: load.pid}), lag, load, warm, seconds, watch, every)


def _observed(
    cpu: CpuMeter, lag: LagMeter, load: Load, warm: float, seconds: float, watch: Watch, every: float
) -> Seen:
    began = load.go()
    while time.time() < began + warm and not load.over:
        watch(load)
        load.wait(min(0.5, began + warm - time.time()))
    psutil.cpu_percent(None)
    since, before, own = time.time(), cpu.read(), time.process_time()
    readings, stopped = [lag.read()], False
    while time.time() < began + warm + seconds and not load.over and not stopped:
        watch(load)
        load.wait(min(0.5, began + warm + seconds - time.time()))
        if time.monotonic() - readings[-1].at >= every:
            readings.append(lag.read())
            behind = seconds_behind(readings)
            stopped = len(behind) > 3 and min(s for _, s in behind[-2:]) > HOPELESS
    lasted, busy, after = time.time() - since, psutil.cpu_percent(None) / 100, cpu.read()
    readings.append(lag.read())
    if stopped:
        load.stop()
    spent = {**between(before, after), OWN: time.process_time() - own}
    return Seen(spent, readings, busy, lasted, stopped)


def judged(rate: float, warm: float, seconds: float, seen: Seen, loaded: Loaded) -> Held:
    """The figures of a hold, from what was read beside it and what the load did."""
    lags = seconds_behind(seen.readings)
    replied = loaded.replied_at
    answered = int(((replied >= warm) & (replied < warm + seen.seconds)).sum())
    until = warm + min(seconds, seen.seconds)
    return Held(
        rate=rate,
        seconds=round(seen.seconds, 3),
        turns=loaded.count(warm, until),
        per_s=round(answered / seen.seconds, 1),
        p50_ms=_ms(loaded.p50_ms(warm, until)),
        p95_ms=_ms(loaded.p95_ms(warm, until)),
        p99_ms=_ms(loaded.p99_ms(warm, until)),
        late_ms=_ms(loaded.late_ms),
        lag_end=seen.readings[-1].most,
        lag_s=round(statistics.median(behind for _, behind in lags[-3:]), 3) if lags else 0.0,
        lag_growth=round(growth(lags), 4),
        missing=loaded.missing,
        busy=round(seen.busy, 3),
        cpu={name: round(spent, 3) for name, spent in seen.cpu.items()},
        by_rung=loaded.by_rung(warm, until),
        lags=[(round(at, 1), round(behind, 3)) for at, behind in lags],
        p99_over_time=[(at, _ms(ms)) for at, ms in loaded.over_time(0.99) if warm <= at < until],
        stopped=seen.stopped,
    )


def _ms(value: float) -> float:
    return round(value, 1) if math.isfinite(value) else value


def limit_of(held: Held, goal: str = "") -> str:
    """One sentence: what limits at this rate, by who was busy. goal: said first, where it is missed."""
    cores = os.cpu_count() or 1
    by_part = held.cpu_us_by_part
    names = [f"{name} {us:,.0f}" for name, us in list(by_part.items())[:4]]
    top, spent = next(iter(held.cpu.items()), ("nothing", 0.0))
    of_core = spent / held.seconds if held.seconds else 0.0
    costs = f"{held.cpu_us_per_turn:,.0f} µs of them a turn ({', '.join(names)}, …)"
    if held.busy >= 0.9:
        said = f"the processors limit: all {cores} were {held.busy:.0%} busy, {costs}"
    elif of_core >= 0.85:
        said = (
            f"{top} limits: one process that uses {of_core:.0%} of a processor; all {cores} were {held.busy:.0%} busy"
        )
    else:
        said = (
            f"no processor limits: {held.busy:.0%} of {cores} were busy, {costs}; {held.why_not or 'more may be held'}"
        )
    return f"{goal}{said}"


def drained(stack: BenchStack, patience: float, most: int = 50) -> bool:
    """Waits until every group is at most so many records behind; False where that takes longer than `patience`."""
    end = time.monotonic() + patience
    with LagMeter(stack.settings.kafka, stores=stack.settings) as meter:
        while meter.read().most > most:
            if time.monotonic() > end:
                return False
            time.sleep(0.5)
    return True
