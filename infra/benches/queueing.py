"""What an installation can carry: its parts' costs, the cores that they share, and how long a turn waits for them.

A part (worker, kafka, session-state …) needs so much work a second: for being there, for each turn, for each batch, for
each partition that a batch touches, and for each partition that is looked at with every batch. Batches are as many as
turns while those come singly, and never more than a loop can make. The cores are one queue for all parts; a part that
is one Python process is also a queue of its own. What a turn waits is that of the fuller queue (infra/benches/waiting).

Work is counted in seconds of a core that has nothing beside it. Where two processors are threads of one core, a process
gets less done in a second while its neighbour works; `Cores.pair_ratio` says how much the two get done together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from infra.benches.waiting import wait_quantile

WORKER: Final = "worker"
"""The part of which there may be several; the others are there once."""
NEVER: Final = 1e7
"""Turns a second that nothing here reaches: a limit beyond it is none."""
STEPS: Final = 60


@dataclass(frozen=True)
class Cores:
    """What there is to compute with. pair_ratio: what two counters at once do of twice what one does alone (see
    infra.benches.machine): 1 where each processor is a core of its own, little above 0.5 where two are threads of one.
    """

    count: int
    pair_ratio: float = 1.0

    @property
    def lost(self) -> float:
        """The share of its speed that a process loses while the other thread of its core works."""
        return 0.0 if self.count < 2 else 1 - min(1.0, max(0.5, self.pair_ratio))

    @property
    def capacity(self) -> float:
        """Work a second when all are busy."""
        return self.count * self.speed(1.0)

    def speed(self, busy: float) -> float:
        """Work that a process gets done in a second of its time while a share `busy` (0 to 1) of all is busy."""
        return 1 - self.lost * min(1.0, max(0.0, busy))

    def busy(self, work: float) -> float:
        """The share of time for which the cores are busy with so much work a second. Above 1: it is too much."""
        if work >= self.capacity:
            return work / self.capacity
        need = work / self.count
        return 2 * need / (1 + math.sqrt(max(0.0, 1 - 4 * self.lost * need)))


@dataclass(frozen=True)
class Batching:
    """How a stage reads: at most `most` batches a second of at most `limit` turns; with a backlog they are full."""

    most: float = 100.0
    limit: int = 2000

    def per_second(self, rate: float, backlog: bool = False) -> float:
        """Batches a second that one process makes of `rate` turns a second."""
        full = rate / self.limit
        return full if backlog else max(full, self.most * -math.expm1(-rate / self.most))


@dataclass(frozen=True)
class Load:
    """What is asked of an installation. rate: turns a second. backlog: it lies there, and is drained."""

    rate: float
    partitions: int = 12
    workers: int = 1
    backlog: bool = False

    @property
    def active(self) -> int:
        """Workers that have partitions."""
        return max(1, min(self.workers, self.partitions))

    def of_the_fullest_worker(self) -> Load:
        """What the worker with the most partitions has to do."""
        most = math.ceil(self.partitions / self.active)
        return Load(self.rate * most / self.partitions, most, 1, self.backlog)

    def amounts(self, batching: Batching) -> tuple[float, float, float, float, float]:
        """What costs: processes, turns, batches, partitions touched, partitions looked at; the last four a second."""
        batches = batching.per_second(self.rate / self.active, self.backlog)
        total = batches * self.active
        touched = 0.0
        if self.rate > 0:
            mine = self.partitions / self.active
            missed = (1 - 1 / mine) ** (self.rate / total) if mine > 1 else 0.0
            touched = total * mine * (1 - missed)
        return float(self.active), self.rate, total, touched, batches * self.partitions


@dataclass(frozen=True)
class Costs:
    """Seconds of work of a part: a second for each process, and for each of what Load.amounts counts."""

    idle: float = 0.0
    per_turn: float = 0.0
    per_batch: float = 0.0
    per_touched: float = 0.0
    per_looked_at: float = 0.0

    @property
    def in_us(self) -> dict[str, float]:
        """Each in microseconds, for people and files."""
        return {each.name: round(getattr(self, each.name) * 1e6, 3) for each in fields(self)}

    def work(self, load: Load, batching: Batching, once: bool = False) -> float:
        """Work a second. Rises with the rate, and with every cost. once: the part is there once, whatever workers
        there are."""
        each = (self.idle, self.per_turn, self.per_batch, self.per_touched, self.per_looked_at)
        processes, *others = load.amounts(batching)
        amounts = (1.0 if once else processes, *others)
        return math.fsum(cost * amount for cost, amount in zip(each, amounts, strict=True))


@dataclass(frozen=True)
class Use:
    """What a load makes of an installation. cores: seconds of processor a second by part, as they would be measured.
    busy: the share of all cores; above 1 it is too much. processes: of each part that is one process, how busy its
    fullest one is, by the most that it can use."""

    cores: Mapping[str, float]
    busy: float
    processes: Mapping[str, float]

    @property
    def too_much(self) -> bool:
        """Whether a queue grows without end."""
        return self.busy >= 1 or max(self.processes.values(), default=0.0) >= 1


@dataclass(frozen=True)
class Latency:
    """Of a turn, in milliseconds; endless where the load is too much."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Waits:
    """How long turns take: without waiting, and the mean time of a service as it varies (see waiting.variability)."""

    p50_ms: float
    p99_ms: float
    service_ms: float


@dataclass(frozen=True)
class Highest:
    """The highest rate held, and what does not let it be higher. by_limit: of every limit, the rate at which it comes.
    limit: its name in by_limit."""

    rate: float
    limit: str
    by_limit: Mapping[str, float]


@dataclass(frozen=True)
class Model:
    """An installation. single: parts that are one process each, with the most cores that it can use (1: one Python
    thread at a time). waits: None where no latency was measured."""

    parts: Mapping[str, Costs]
    cores: Cores
    batching: Batching
    single: Mapping[str, float]
    waits: Waits | None = None

    @property
    def costs_us(self) -> dict[str, dict[str, float]]:
        """Of each part, microseconds for everything that costs."""
        return {part: costs.in_us for part, costs in self.parts.items()}

    def use(self, load: Load) -> Use:
        """The cores that each part uses, and how full the queues are."""
        work = {part: costs.work(load, self.batching, part != WORKER) for part, costs in self.parts.items()}
        busy = self.cores.busy(math.fsum(work.values()))
        speed = self.cores.speed(busy)
        return Use(
            {part: each / speed for part, each in work.items()},
            busy,
            {part: self._fullest(part, load) / speed / most for part, most in self.single.items() if part in work},
        )

    def latency(self, load: Load) -> Latency:
        """Raises ValueError where no latency was measured."""
        if self.waits is None:
            raise ValueError("the model was fitted without latencies: it knows nothing of them")
        used = self.use(load)
        if used.too_much:
            return Latency(math.inf, math.inf)
        waits = (self.waits.service_ms * waited(share, used, self.cores) for share in (0.5, 0.99))
        return Latency(self.waits.p50_ms + next(waits), self.waits.p99_ms + next(waits))

    def highest(self, load: Load, p99_ms: float | None = None) -> Highest:
        """The highest rate of a load otherwise like `load` (whose own rate does not matter)."""
        limits: dict[str, Callable[[Load], bool]] = {"cores": lambda asked: self.use(asked).busy < 1}
        for part in self.single:
            if part in self.parts:
                limits[part] = lambda asked, part=part: self.use(asked).processes[part] < 1  # type: ignore[misc]
        if p99_ms is not None and self.waits is not None:
            limits["p99"] = lambda asked: self.latency(asked).p99_ms < p99_ms
        by_limit = {name: _highest(load, holds) for name, holds in limits.items()}
        first = min(by_limit, key=lambda name: by_limit[name])
        return Highest(by_limit[first], first, by_limit)

    def _fullest(self, part: str, load: Load) -> float:
        asked = load.of_the_fullest_worker() if part == WORKER else load
        return self.parts[part].work(asked, self.batching, part != WORKER)


def waited(share: float, used: Use, cores: Cores) -> float:
    """The wait that a share of turns does not exceed, at the fuller of the queues; in services."""
    at_cores = wait_quantile(share, cores.count, used.busy)
    return max([at_cores, *(wait_quantile(share, 1, full) for full in used.processes.values())])


def _highest(load: Load, holds: Callable[[Load], bool]) -> float:
    """The highest rate at which it holds, to a part in a million; each limit, once passed, stays so."""

    def at(rate: float) -> bool:
        return holds(Load(rate, load.partitions, load.workers, load.backlog))

    if not at(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while at(high):
        low, high = high, high * 2
        if high > NEVER:
            return NEVER
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle) else (low, middle)
        if high - low <= 1e-6 * high:
            break
    return low
