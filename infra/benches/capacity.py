"""What an installation holds, in a sentence: a fitted model asked for a target, with as many workers as help."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from infra.benches.queueing import NEVER, WORKER, Highest, Load, Model

MOST_WORKERS: Final = 64
MOST_CORES: Final = 4096
SHARE: Final = 0.01
"""By how much another worker must raise the highest rate to be worth starting."""


@dataclass(frozen=True)
class Capacity:
    """holds_per_s: the highest rate held with `workers`, as many as help, or as reach the target. enough: whether that
    is the target. first_limit: what comes first above it. cores_needed: of this kind, for the target with that many
    workers for each core; None where cores alone do not do it."""

    target_per_s: float
    holds_per_s: float
    workers: int
    enough: bool
    first_limit: str
    by_limit: Mapping[str, float]
    cores_needed: int | None
    sentence: str


def capacity(model: Model, load: Load, target: float, p99_ms: float) -> Capacity:
    """How far an installation like `load` (partitions, workers) goes, with at least the workers that it has."""
    workers, found = load.workers, model.highest(load, p99_ms)
    while found.rate < target and workers < min(MOST_WORKERS, load.partitions):
        more = model.highest(replace(load, workers=workers + 1), p99_ms)
        if more.rate < found.rate * (1 + SHARE):
            break
        workers, found = workers + 1, more
    enough = found.rate >= target
    cores = None if enough else _cores_for(model, load, target, p99_ms)
    limit = named(found, model, p99_ms)
    said = _sentence(target if enough else found.rate, workers, limit, found.rate, target, enough, cores)
    return Capacity(target, found.rate, workers, enough, limit, found.by_limit, cores, said)


def named(found: Highest, model: Model, p99_ms: float) -> str:
    """The first limit, for people."""
    if found.rate >= NEVER:
        return "none that was measured"
    if found.limit == "cores":
        return f"the {model.cores.count} processors of the machine"
    if found.limit == "p99":
        return f"a p99 of {p99_ms:,.0f} ms"
    if found.limit == WORKER:
        return "the worker with the most partitions, which is one process"
    return f"{found.limit}, which is one process"


def _cores_for(model: Model, load: Load, target: float, p99_ms: float) -> int | None:
    """The cores of this kind with which the target is held, workers growing with them; None: cores alone do not."""

    def holds(count: int) -> bool:
        grown = replace(model, cores=replace(model.cores, count=count))
        workers = min(load.partitions, max(load.workers, math.ceil(load.workers * count / model.cores.count)))
        return grown.highest(replace(load, workers=workers), p99_ms).rate >= target

    if not holds(MOST_CORES):
        return None
    low, high = model.cores.count, MOST_CORES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _sentence(
    held: float, workers: int, limit: str, highest: float, target: float, enough: bool, cores: int | None
) -> str:
    who = f"{workers} worker{'s' if workers != 1 else ''}"
    if enough:
        return f"holds {held:,.0f}/s with {who}; first limit: {limit}, at {highest:,.0f}/s"
    more = (
        f"about {cores} processors of this kind would hold it"
        if cores is not None
        else "more processors alone would not hold it"
    )
    return f"holds {held:,.0f}/s with {who}, not {target:,.0f}/s; first limit: {limit}; {more}"
