"""`spillway bench scale`: workers beside each other, and what the queueing model makes of partitions and workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.benches.capacity import named
from infra.benches.cores import processors
from infra.benches.fitting import Error, Point, errors, fit, middle, worst
from infra.benches.frame import BenchError, Say
from infra.benches.hold import LOAD, P99_MS
from infra.benches.machine import COUNT_SECONDS, TIMES, Machine, counted, machine
from infra.benches.queueing import WORKER, Cores, Load, Model
from infra.benches.scale_page import page_of
from infra.benches.scaling import Asked, Drains, measured

GOAL: Final = 0.90
FORETOLD: Final = (10, 30, 100, 300, 1000)
"""Partitions for which the model is asked."""


@dataclass(frozen=True)
class Plan:
    """workers: how many at a time, of those for which there are processors. partitions: the first for all of them, the
    others for one worker. turns: of a backlog. rates: also held by one worker, for what is not a backlog."""

    workers: tuple[int, ...] = (1, 2, 4)
    partitions: tuple[int, ...] = (12, 100)
    turns: int = 20_000
    rounds: int = 3
    rates: tuple[float, ...] = (50.0, 150.0, 300.0, 600.0)
    seconds: float = 10.0


@dataclass(frozen=True)
class Beside:
    """So many workers against one. efficiency: turns a second, of as many times those of one. counters: what plain
    counters on as many processors get of as many times what one does: the machine's own ceiling. of_counters: of that.
    work_efficiency: what a turn takes of the processors with one worker, of what it takes with these: what is not lost
    to working together, wherever the broker finds its processor. per_s_low, per_s_high: of the rounds.
    """

    workers: int
    cpus: tuple[int, ...]
    turns_per_s: float
    turns_per_s_low: float
    turns_per_s_high: float
    efficiency: float
    counters: float
    of_counters: float
    work_efficiency: float
    worker_us_per_turn: float
    kafka_us_per_turn: float


@dataclass(frozen=True)
class Foretold:
    """What the model says of so many partitions: the highest rate held, and what limits. measured: there was a point
    with as many, or with fewer and with more; else it is what the model makes of what lies outside."""

    partitions: int
    workers: int
    turns_per_s: float
    drained_per_s: float
    p99_ms_at_half: float | None
    limit: str
    measured: bool


@dataclass(frozen=True)
class Scaled:
    """What `bench scale --json` writes. efficiency, of_counters, work_efficiency: of the most workers. left_out: how
    many workers there were no processors for. error_…: of the model at the points that it was fitted to, as shares.
    """

    workers: int
    efficiency: float
    of_counters: float
    work_efficiency: float
    reached: bool
    beside: tuple[Beside, ...]
    left_out: tuple[int, ...]
    drains: tuple[Drains, ...]
    foretold: tuple[Foretold, ...]
    model: Model
    costs_us: Mapping[str, Mapping[str, float]]
    points: tuple[Point, ...]
    errors: tuple[Error, ...]
    error_rate_worst: float | None
    error_cores_median: float | None
    error_cores_worst: float | None
    error_p99_median: float | None
    error_p99_worst: float | None
    machine: Machine
    limit: str

    def page(self) -> str:
        """The whole HTML file."""
        return page_of(self)


def scale(plan: Plan, say: Say) -> Scaled:
    """Measures it, on stacks of its own: a broker and workers, without stores. Raises StackError."""
    cpus, about = processors(), machine(None, say)
    sizes = [workers for workers in sorted(set(plan.workers)) if workers <= len(cpus)]
    if not sizes or sizes[0] != 1:
        raise BenchError("--workers: 1 must be among them: the others are held against it")
    drains, points = [], []
    for workers in sizes:
        rates = plan.rates if workers == 1 else ()
        asked = Asked(tuple(cpus[:workers]), plan.partitions[0], plan.turns, plan.rounds, rates, plan.seconds)
        found, held = measured(asked, say)
        drains.append(found)
        points += [found.point, *held]
    for partitions in plan.partitions[1:]:
        asked = Asked((cpus[0],), partitions, plan.turns, plan.rounds, plan.rates, plan.seconds)
        found, held = measured(asked, say)
        drains.append(found)
        points += [found.point, *held]
    say("counting on as many processors")
    counters = {workers: together(workers) for workers in sizes}
    left_out = tuple(workers for workers in sorted(set(plan.workers)) if workers > len(cpus))
    return concluded(drains, points, counters, left_out, about)


def together(workers: int) -> float:
    """What so many plain counters at once do, of as many times what one does; the best of several times."""
    if workers == 1:
        return 1.0
    found = []
    for _ in range(TIMES):
        (alone,), all_of_them = counted(1, COUNT_SECONDS), counted(workers, COUNT_SECONDS)
        found.append(sum(all_of_them) / (workers * alone))
    return max(found)


def concluded(
    drains: Sequence[Drains],
    points: Sequence[Point],
    counters: Mapping[int, float],
    left_out: Sequence[int],
    about: Machine,
) -> Scaled:
    """What follows from what was measured. drains: one worker comes first."""
    cores = Cores(about.cores, about.pair_ratio)
    one = drains[0]
    beside = tuple(
        _beside(one, each, counters[each.workers], cores) for each in drains if each.partitions == one.partitions
    )
    model = fit(points, cores, single(points))
    found, most = errors(model, points), beside[-1]
    # Two threads of one core are the one core that there is: its own ceiling is what may be asked for.
    reached = (most.of_counters if about.one_core else most.efficiency) >= GOAL and most.workers > 1
    return Scaled(
        workers=most.workers,
        efficiency=most.efficiency,
        of_counters=most.of_counters,
        work_efficiency=most.work_efficiency,
        reached=reached,
        beside=beside,
        left_out=tuple(left_out),
        drains=tuple(drains),
        foretold=tuple(foretold(model, points, [each.workers for each in beside])),
        model=model,
        costs_us=model.costs_us,
        points=tuple(points),
        errors=tuple(found),
        error_rate_worst=worst(found, "rate"),
        error_cores_median=middle(found, "cores"),
        error_cores_worst=worst(found, "cores"),
        error_p99_median=middle(found, "p99_ms"),
        error_p99_worst=worst(found, "p99_ms"),
        machine=about,
        limit=limit_of(most, about, left_out),
    )


def single(points: Sequence[Point]) -> dict[str, float]:
    """The processes and what each can use at most: with a backlog a worker uses what it can."""
    flat_out = [p.cpu[WORKER] / p.load.active for p in points if p.load.backlog and p.load.active == 1]
    return {WORKER: max(flat_out, default=1.0), LOAD: 1.0}


def foretold(model: Model, points: Sequence[Point], workers: Sequence[int]) -> list[Foretold]:
    """For every number of partitions and of workers."""
    seen = {point.load.partitions for point in points}
    found = []
    for partitions in FORETOLD:
        for count in workers:
            load = Load(0.0, partitions, count)
            highest = model.highest(load, P99_MS)
            half = Load(highest.rate / 2, partitions, count)
            found.append(
                Foretold(
                    partitions,
                    count,
                    round(highest.rate, 1),
                    round(model.highest(Load(0.0, partitions, count, backlog=True)).rate, 1),
                    None if model.waits is None else round(model.latency(half).p99_ms, 1),
                    named(highest, model, P99_MS),
                    min(seen) <= partitions <= max(seen),
                )
            )
    return found


def limit_of(most: Beside, about: Machine, left_out: Sequence[int]) -> str:
    """One sentence: what keeps more workers from doing more."""
    missing = f"; there are no processors for {', '.join(map(str, left_out))} workers" if left_out else ""
    if most.workers == 1:
        return f"there is one processor, so nothing stands beside it{missing}"
    if about.one_core:
        return (
            f"the {about.cores} processors are threads of one core: two plain counters get {most.counters:.2f} of "
            f"twice one, and {most.workers} workers {most.efficiency:.2f} of {most.workers} times one, "
            f"{most.of_counters:.2f} of that; the broker is on the same core{missing}"
        )
    if most.workers >= about.cores:
        return f"the broker needs a part of the same {about.cores} processors as the {most.workers} workers{missing}"
    return f"a turn takes {1 / most.work_efficiency:.2f} times as much with {most.workers} workers as with one{missing}"


def _beside(one: Drains, each: Drains, counters: float, cores: Cores) -> Beside:
    efficiency = each.per_s.median / (each.workers * one.per_s.median)
    work = {d.workers: (d.worker_us + d.kafka_us) * cores.speed(d.busy) for d in (one, each)}
    return Beside(
        each.workers,
        each.cpus,
        round(each.per_s.median, 1),
        round(each.per_s.low, 1),
        round(each.per_s.high, 1),
        round(efficiency, 3),
        round(counters, 3),
        round(efficiency / counters, 3),
        round(work[one.workers] / work[each.workers], 3) if work[each.workers] else 0.0,
        each.worker_us,
        each.kafka_us,
    )
