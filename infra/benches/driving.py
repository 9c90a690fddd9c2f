"""One round of a rehearsal: a stretch's arrivals compressed, sent open-loop, and what every part did meanwhile."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import psutil

from infra.benches.arrivals import peak_of, rate_of, recorded
from infra.benches.cpu import CpuMeter, between
from infra.benches.fitting import Point
from infra.benches.frame import BenchError, Say
from infra.benches.hold import LAG_S, LOAD, drained
from infra.benches.lag import LagMeter, Reading, seconds_behind
from infra.benches.load import Load, Loaded
from infra.benches.queueing import Load as Asked
from infra.benches.recorded_stretch import Traffic
from infra.benches.rehearsal_tenant import double_of
from infra.benches.stack import BenchStack

LOOK_EVERY = 1.0
CALM = 120.0
"""Seconds that readers have, after a round, to come to the end of the log."""


@dataclass(frozen=True)
class Driven:
    """What one round did. rate: turns a second over the stretch; peak_rate: over its busiest second. cores: seconds of
    processor a second by part. busy: the share of all processors in use, whoever used them. lag_end_s: seconds of
    traffic that the furthest reader was behind when the last messages were sent. late_ms: p99 of how late the load
    itself was. Latencies in milliseconds from when a message was to arrive; None: some were never answered.
    """

    factor: float
    rate: float
    peak_rate: float
    seconds: float
    turns: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    cores: Mapping[str, float]
    cpu_us_per_turn: float
    busy: float
    lag_end_s: float
    late_ms: float
    missing: int
    unconfirmed: int
    doubled: int
    by_rung: Mapping[str, int]

    def held(self, p99_ms: float) -> bool:
        """Whether the rate was kept up: nobody unanswered, p99 within the bound, readers with the log at the end."""
        answered = self.missing == 0 and self.unconfirmed == 0
        return answered and self.p99_ms is not None and self.p99_ms < p99_ms and self.lag_end_s < LAG_S

    def point(self, partitions: int, workers: int, p99_ms: float) -> Point:
        """As the model takes it: the mean rate, as what it costs comes of it."""
        load = Asked(self.rate, partitions, workers)
        return Point(load, self.cores, self.p50_ms, self.p99_ms, self.busy, self.held(p99_ms))


def at_rest(stack: BenchStack, seconds: float, partitions: int, workers: int) -> Point:
    """What the parts use when nothing comes."""
    meter = CpuMeter(stack.pids())
    psutil.cpu_percent()
    before = meter.read()
    busy = psutil.cpu_percent(interval=seconds) / 100
    spent = between(before, meter.read())
    return Point(Asked(0.0, partitions, workers), {part: s / seconds for part, s in spent.items()}, busy=busy)


def drive(
    stack: BenchStack, traffic: Sequence[Traffic], factor: float, name: str, deadlines: Mapping[str, float], say: Say
) -> Driven:
    """Sends the traffic `factor` times as fast as it was, each tenant's as its double's. Raises BenchError."""
    with ExitStack() as running:
        loads = [
            running.enter_context(
                Load(
                    stack.settings,
                    each.talks,
                    recorded_from_start(each, factor),
                    tenant=double_of(each.tenant),
                    deadline=deadlines[double_of(each.tenant)],
                    name=name,
                )
            )
            for each in traffic
        ]
        meter = CpuMeter(stack.pids())
        for number, load in enumerate(loads):
            meter.add(f"{LOAD} {number}", load.pid)
        lags = running.enter_context(LagMeter(stack.settings.kafka, stores=stack.settings))
        times = sorted(time / factor for each in traffic for time in each.times)
        seconds = max(times[-1], LOOK_EVERY)
        psutil.cpu_percent()
        before = meter.read()
        for load in loads:
            load.go()
        readings = _until(loads, lags, seconds)
        busy, spent = psutil.cpu_percent() / 100, between(before, meter.read())
        loaded = [load.finish() for load in loads]
    found = driven(factor, times, seconds, loaded, spent, busy, readings)
    if not drained(stack, CALM):
        raise BenchError(
            f"after ×{factor:g} readers are not at the end of the log in {CALM:.0f} s; see: spillway status"
        )
    say(f"×{factor:g}: {found.rate:,.0f} turns/s, p99 {_ms(found.p99_ms)}, {found.cpu_us_per_turn:,.0f} µs a turn")
    return found


def recorded_from_start(traffic: Traffic, factor: float) -> list[float]:
    """A tenant's compressed arrivals, from the first message of all tenants on."""
    times = list(recorded(traffic.times, factor))
    return [time + min(traffic.times) / factor for time in times]


def driven(
    factor: float,
    times: Sequence[float],
    seconds: float,
    loaded: Sequence[Loaded],
    spent: Mapping[str, float],
    busy: float,
    readings: Sequence[Reading],
) -> Driven:
    """The figures of a round."""
    latencies = np.concatenate([each.latencies for each in loaded])
    cores: dict[str, float] = {}
    for part, used in spent.items():
        name = LOAD if part.startswith(LOAD) else part
        cores[name] = cores.get(name, 0.0) + used / seconds
    behind = seconds_behind(readings)
    rungs: dict[str, int] = {}
    for each in loaded:
        for rung, count in each.by_rung().items():
            rungs[rung] = rungs.get(rung, 0) + count
    turns = len(latencies)
    return Driven(
        factor=factor,
        rate=rate_of(times),
        peak_rate=peak_of(times),
        seconds=round(seconds, 3),
        turns=turns,
        p50_ms=_quantile_ms(latencies, 0.5),
        p95_ms=_quantile_ms(latencies, 0.95),
        p99_ms=_quantile_ms(latencies, 0.99),
        cores=cores,
        cpu_us_per_turn=round(sum(spent.values()) * 1e6 / max(1, turns), 1),
        busy=round(min(1.0, busy), 4),
        lag_end_s=round(statistics.median(each for _, each in behind[-3:]), 3) if behind else 0.0,
        late_ms=round(max(each.late_ms for each in loaded), 2),
        missing=sum(each.missing for each in loaded),
        unconfirmed=sum(len(each.unconfirmed) for each in loaded),
        doubled=sum(each.doubled for each in loaded),
        by_rung=rungs,
    )


def middle_of(rounds: Sequence[Driven]) -> Driven:
    """Of several rounds of one factor the one whose p99 is the median; rounds that lost turns come last."""
    ordered = sorted(rounds, key=lambda each: math.inf if each.p99_ms is None else each.p99_ms)
    return ordered[(len(ordered) - 1) // 2]


def _until(loads: Sequence[Load], lags: LagMeter, seconds: float) -> list[Reading]:
    """Looks at the lag until the last message was to arrive."""
    readings = [lags.read()]
    end = readings[0].at + seconds
    while (left := end - readings[-1].at) > 0:
        loads[0].wait(min(LOOK_EVERY, left))
        readings.append(lags.read())
    return readings


def _quantile_ms(latencies: np.ndarray, share: float) -> float | None:
    ordered = np.sort(np.where(np.isnan(latencies), np.inf, latencies))
    found = float(ordered[min(len(ordered) - 1, int(share * len(ordered)))]) if len(ordered) else math.inf
    return round(found * 1000, 2) if math.isfinite(found) else None


def _ms(value: float | None) -> str:
    return "none" if value is None else f"{value:,.0f} ms"
