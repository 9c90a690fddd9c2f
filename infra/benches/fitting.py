"""Fits the queueing model to what was measured, and says how far it is off."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.benches.queueing import WORKER, Batching, Cores, Costs, Load, Model, Waits, waited

TRIED: Final = (10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 130.0, 160.0, 200.0, 300.0, 500.0)
"""Most batches a second that are tried where measurements can tell."""
NEARLY: Final = 1.02
"""Of those that fit so well, the fewest batches are taken: they promise the least for higher rates."""
IDLE, TURNS, BATCHES, TOUCHED, LOOKED_AT = range(5)
MS: Final = 1000.0


@dataclass(frozen=True)
class Point:
    """One measurement. cpu: seconds of processor a second, by part, load generator included. busy: the share of all
    processors that was busy, whoever was; None: with these parts alone. p50_ms, p99_ms: of a turn; None: not measured.
    held: whether the rate was kept up, so that latencies mean something.
    """

    load: Load
    cpu: Mapping[str, float]
    p50_ms: float | None = None
    p99_ms: float | None = None
    busy: float | None = None
    held: bool = True

    def share_busy(self, cores: Cores) -> float:
        return min(1.0, sum(self.cpu.values()) / cores.count if self.busy is None else self.busy)


@dataclass(frozen=True)
class Error:
    """Of one figure at one point. share: predicted over measured, less one."""

    figure: str
    rate: float
    partitions: int
    workers: int
    measured: float
    predicted: float

    @property
    def share(self) -> float:
        return self.predicted / self.measured - 1


def fit(points: Sequence[Point], cores: Cores, single: Mapping[str, float], batching: Batching | None = None) -> Model:
    """The model that is nearest to the points, every cost 0 or more (least squares of the relative errors).

    What the points cannot tell apart is not told apart: without several rates there is no cost but a turn's, without
    several numbers of partitions none of a partition. batching: None: found with the rest, from four rates on. Raises
    ValueError without a point that has a load.
    """
    if not any(point.load.rate > 0 for point in points):
        raise ValueError("nothing was measured under load: there is nothing to fit")
    if batching is None:
        batching = _batching(points, cores)
    parts = _costs(points, cores, batching)[0]
    model = Model(parts, cores, batching, single)
    return Model(parts, cores, batching, single, _waits(points, model))


def errors(model: Model, points: Sequence[Point]) -> list[Error]:
    """Of every point: the cores used, in all and by part; the latencies of those that held; of a backlog its rate."""
    found = []

    def told(point: Point, figure: str, measured: float, predicted: float) -> None:
        load = point.load
        if measured > 0:
            found.append(Error(figure, load.rate, load.partitions, load.workers, measured, predicted))

    for point in points:
        used = model.use(point.load)
        told(point, "cores", sum(point.cpu.values()), sum(used.cores.values()))
        for part in sorted(point.cpu):
            told(point, f"cores of {part}", point.cpu[part], used.cores.get(part, 0.0))
        if point.load.backlog:
            told(point, "rate", point.load.rate, model.highest(point.load).rate)
        elif model.waits is not None and point.held and not used.too_much:
            said = model.latency(point.load)
            told(point, "p50_ms", point.p50_ms or 0.0, said.p50_ms)
            told(point, "p99_ms", point.p99_ms or 0.0, said.p99_ms)
    return found


def worst(found: Sequence[Error], figure: str) -> float | None:
    """The largest error of a figure, as a share without its sign; None where it was not measured."""
    return max((abs(error.share) for error in found if error.figure == figure), default=None)


def middle(found: Sequence[Error], figure: str) -> float | None:
    """The median error of a figure, as a share without its sign; None where it was not measured."""
    shares = [abs(error.share) for error in found if error.figure == figure]
    return statistics.median(shares) if shares else None


def _batching(points: Sequence[Point], cores: Cores) -> Batching:
    rates = {point.load.rate for point in points if point.load.rate > 0 and not point.load.backlog}
    if len(rates) < 4:
        return Batching()
    by_most = {most: _costs(points, cores, Batching(most))[1] for most in TRIED}
    good = min(by_most.values()) * NEARLY + 1e-9
    return Batching(next(most for most, off in by_most.items() if off <= good))


def _costs(points: Sequence[Point], cores: Cores, batching: Batching) -> tuple[dict[str, Costs], float]:
    """The costs of every part, and how far they are off in all."""
    import numpy as np

    amounts = np.array([point.load.amounts(batching) for point in points])
    told_apart = _told_apart(points)
    parts, off = {}, 0.0
    for part in sorted({part for point in points for part in point.cpu}):
        there = [i for i, point in enumerate(points) if part in point.cpu]
        work = np.array([points[i].cpu[part] * cores.speed(points[i].share_busy(cores)) for i in there])
        taken = amounts[there].copy()
        if part != WORKER:
            taken[:, IDLE] = 1.0
        found, apart = _not_negative(taken[:, told_apart], work)
        costs = [0.0] * 5
        for column, cost in zip(told_apart, found, strict=True):
            costs[column] = cost
        parts[part], off = Costs(*costs), off + apart
    return parts, off


def _told_apart(points: Sequence[Point]) -> list[int]:
    """Which costs the points can tell apart."""
    rates, partitions = {point.load.rate for point in points}, {point.load.partitions for point in points}
    columns = [TURNS]
    if len(rates) >= 2:
        columns.append(IDLE)
    if len(rates) >= 3:
        columns.append(BATCHES)
    if len(partitions) >= 2:
        columns += [TOUCHED, LOOKED_AT]
    return sorted(columns)


def _not_negative(amounts: Any, wanted: Any) -> tuple[list[float], float]:
    """Costs of 0 or more that are nearest to what is wanted, by relative error; and the square of how far they are."""
    import numpy as np
    from scipy.optimize import nnls

    # What is next to nothing may be off by much more, relatively: it is weighed by a thousandth of a core.
    weights = 1 / np.maximum(wanted, 1e-3)
    weighed = amounts * weights[:, None]
    sizes = np.maximum(np.abs(weighed).max(axis=0), 1e-12)
    found, apart = nnls(weighed / sizes, wanted * weights)
    return [float(cost) for cost in found / sizes], float(apart) ** 2


def _waits(points: Sequence[Point], model: Model) -> Waits | None:
    """From the points that held: what a turn takes without waiting, and the service time that makes the rest."""
    import numpy as np

    rows, wanted = [], []
    for point in points:
        used = model.use(point.load)
        if point.p50_ms is None or point.p99_ms is None or not point.held or point.load.backlog or used.too_much:
            continue
        rows += [[1.0, 0.0, waited(0.5, used, model.cores)], [0.0, 1.0, waited(0.99, used, model.cores)]]
        wanted += [point.p50_ms, point.p99_ms]
    if not rows:
        return None
    (p50, p99, service), _ = _not_negative(np.array(rows), np.array(wanted))
    return Waits(p50, p99, service)
