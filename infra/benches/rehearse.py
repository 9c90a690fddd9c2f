"""`spillway bench rehearse`: the peak, rehearsed; a stretch's arrivals twice, four and eight times as fast.

The lower factors are measured, the highest is foretold from them and then measured too, so the error is known.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.benches.capacity import Capacity, capacity
from infra.benches.driving import Driven, at_rest, drive, middle_of
from infra.benches.fitting import Error, Point, errors, fit
from infra.benches.frame import BenchError, Say
from infra.benches.hold import LOAD, P99_MS
from infra.benches.machine import Machine, machine
from infra.benches.queueing import WORKER, Cores, Load, Model
from infra.benches.recorded_stretch import Traffic
from infra.benches.rehearsal_tenant import double_of, put_in_force
from infra.benches.rehearse_page import page_of
from infra.benches.stack import BenchStack
from schemas.catalogue import MESSAGES
from streams.replay.kafka_stretch import KafkaSource

SINGLE: Final = (WORKER, "generation", "session-state", "analytics", "gateway", LOAD)
"""Parts that are one Python process, which uses one core at a time, or little more."""
WARM_UP_SECONDS: Final = 10.0
WITHIN: Final = 0.20
"""The goal: how far a prediction may be from what is measured."""


@dataclass(frozen=True)
class Plan:
    """What to do. factors: rising; the last is foretold. p99_ms: what a rate must keep to be held. target: turns/s.
    most_seconds: that a round may take. rest_seconds: for which the parts are watched before anything comes."""

    factors: tuple[float, ...] = (2.0, 4.0, 8.0)
    rounds: int = 1
    p99_ms: float = P99_MS
    target: float = 3900.0
    most_seconds: float = 600.0
    rest_seconds: float = 5.0

    def check(self, traffic: Sequence[Traffic]) -> None:
        """Raises BenchError where this cannot be done, or would take too long."""
        if len(self.factors) < 3 or sorted(set(self.factors)) != list(self.factors) or self.factors[0] <= 0:
            given = ",".join(f"{factor:g}" for factor in self.factors)
            raise BenchError(f"--factors: {given}: three or more rising numbers above 0 are meant, such as 2,4,8")
        lasts = max(time for each in traffic for time in each.times)
        if lasts / self.factors[0] > self.most_seconds:
            raise BenchError(
                f"the stretch takes {lasts:,.0f} s, at ×{self.factors[0]:g} still {lasts / self.factors[0]:,.0f} s, "
                f"more than the {self.most_seconds:,.0f} s of a round: name a shorter one, or give --most-seconds"
            )


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal. rounds: all of them; measured: of each factor the median round. predicted_…: of the last factor,
    from the lower ones; …_error: predicted over measured, less one; None where one of the two is none. within_goal:
    whether cores and p99 are both within 20 %. model: fitted to everything; errors: its own, at every point. wrote:
    what is left in the log.
    """

    turns: int
    recorded_rate: float
    tenants: Mapping[str, str]
    measured: tuple[Driven, ...]
    rounds: tuple[Driven, ...]
    held: Mapping[str, bool]
    predicted_held: bool
    predicted_cores: float
    predicted_p50_ms: float
    predicted_p99_ms: float
    measured_cores: float
    measured_p50_ms: float | None
    measured_p99_ms: float | None
    cores_error: float
    p50_error: float | None
    p99_error: float | None
    within_goal: bool
    held_as_foretold: bool
    capacity: Capacity
    verdict: str
    model: Model
    costs_us: Mapping[str, Mapping[str, float]]
    errors: tuple[Error, ...]
    wrote: str
    machine: Machine
    limit: str
    p99_bound_ms: float = P99_MS
    workers: int = 1
    partitions: int = 12
    factors: tuple[float, ...] = field(default=(2.0, 4.0, 8.0))

    def page(self) -> str:
        """The whole HTML file."""
        return page_of(self)


def rehearse(
    stack: BenchStack, traffic: Sequence[Traffic], plan: Plan, say: Say, about: Machine | None = None
) -> Rehearsed:
    """The rehearsal, on a stack that runs. Writes to its log, as the doubles of the traffic's tenants alone.

    about: the machine; None: it is measured first.

    Raises BenchError, KafkaException where the broker does not answer.
    """
    plan.check(traffic)
    if WORKER not in {part.partition("-")[0] for part in stack.pids()}:
        raise BenchError(
            "no worker of this stack runs on this machine, so what a turn costs cannot be seen: run this where the "
            "stack runs, and name its folder with --data"
        )
    name = f"rehearsal-{secrets.token_hex(3)}"
    doubles = {each.tenant: double_of(each.tenant) for each in traffic}
    turns = sum(len(each.times) for each in traffic)
    wrote = (
        f"{turns:,} messages a round, {plan.rounds * len(plan.factors)} rounds, a warm-up, and what comes of them, as "
        f"{', '.join(doubles.values())}, in sessions that begin with {name}; they stay as long as any of the log"
    )
    say(f"this writes {wrote}")
    deadlines = put_in_force(stack.settings, [each.tenant for each in traffic], say)
    partitions, workers = len(KafkaSource(stack.settings.kafka).spans((MESSAGES,))), workers_of(stack)
    about = about or machine(stack.settings.kafka, say)
    rest = at_rest(stack, plan.rest_seconds, partitions, workers)
    say("warming up")
    drive(stack, begun(traffic, WARM_UP_SECONDS * plan.factors[0]), plan.factors[0], f"{name}-w", deadlines, say)
    rounds: list[Driven] = []
    for factor in plan.factors:
        rounds += [
            drive(stack, traffic, factor, f"{name}-{factor:g}x{number}".replace(".", "_"), deadlines, say)
            for number in range(plan.rounds)
        ]
    return concluded(plan, rest, rounds, doubles, about, wrote)


def concluded(
    plan: Plan, rest: Point, rounds: Sequence[Driven], tenants: Mapping[str, str], about: Machine, wrote: str
) -> Rehearsed:
    """What follows from the rounds. rest: the parts without a load, which says how many partitions and workers there
    are."""
    partitions, workers = rest.load.partitions, rest.load.workers
    cores = Cores(about.cores, about.pair_ratio)
    middle = tuple(middle_of([each for each in rounds if each.factor == factor]) for factor in plan.factors)
    points = [rest, *(each.point(partitions, workers, plan.p99_ms) for each in middle)]
    below, top = fit(points[:-1], cores, single(points[:-1])), middle[-1]
    load = points[-1].load
    used, said = below.use(load), below.latency(load) if below.waits is not None else None
    foretold = sum(used.cores.values())
    p50, p99 = (said.p50_ms, said.p99_ms) if said is not None else (float("inf"), float("inf"))
    measured = sum(top.cores.values())
    model = fit(points, cores, single(points))
    verdict = capacity(model, Load(0.0, partitions, workers), plan.target, plan.p99_ms)
    p99_off = _off(p99, top.p99_ms)
    held = {f"{each.factor:g}": each.held(plan.p99_ms) for each in middle}
    fits = not used.too_much and p99 < plan.p99_ms
    cores_off = foretold / measured - 1
    return Rehearsed(
        turns=top.turns,
        recorded_rate=top.rate / top.factor,
        tenants=tenants,
        measured=middle,
        rounds=tuple(rounds),
        held=held,
        predicted_held=fits,
        predicted_cores=foretold,
        predicted_p50_ms=p50,
        predicted_p99_ms=p99,
        measured_cores=measured,
        measured_p50_ms=top.p50_ms,
        measured_p99_ms=top.p99_ms,
        cores_error=cores_off,
        p50_error=_off(p50, top.p50_ms),
        p99_error=p99_off,
        within_goal=abs(cores_off) <= WITHIN and p99_off is not None and abs(p99_off) <= WITHIN,
        held_as_foretold=fits == top.held(plan.p99_ms),
        capacity=verdict,
        verdict=verdict.sentence,
        model=model,
        costs_us=model.costs_us,
        errors=tuple(errors(model, points)),
        wrote=wrote,
        machine=about,
        limit=f"the first limit is {verdict.first_limit}",
        p99_bound_ms=plan.p99_ms,
        workers=workers,
        partitions=partitions,
        factors=plan.factors,
    )


def single(points: Sequence[Point]) -> dict[str, float]:
    """Of each part that is one process, how many cores it can use: one, or what it was seen to use."""
    seen = {part: max(point.cpu.get(part, 0.0) for point in points) for part in SINGLE}
    workers = max(point.load.active for point in points)
    seen[WORKER] /= workers
    return {part: max(1.0, most) for part, most in seen.items() if any(part in point.cpu for point in points)}


def begun(traffic: Sequence[Traffic], seconds: float) -> list[Traffic]:
    """The beginning of the traffic, so many seconds of it; at least a message of each tenant."""
    return [
        Traffic(each.tenant, each.talks, tuple(t for t in each.times if t < seconds) or each.times[:1])
        for each in traffic
    ]


def workers_of(stack: BenchStack) -> int:
    """Workers of the stack; 1 where its parts run elsewhere."""
    return sum(part.startswith(WORKER) for part in stack.pids()) or 1


def _off(predicted: float, measured: float | None) -> float | None:
    if measured is None or measured <= 0 or predicted == float("inf"):
        return None
    return predicted / measured - 1
