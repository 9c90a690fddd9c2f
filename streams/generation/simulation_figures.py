"""What the simulated runs show: who waited for whom, and who was served what."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Final, NamedTuple

from streams.generation.admission import Admission, Caps
from streams.generation.fairness import Bounds, FairQueue
from streams.generation.lane import Turn
from streams.generation.simulation import Flow, Served, Setting, simulate
from streams.generation.speed import Turnover

BIG: Final = "t00"
"""The tenant that bursts: a fifth of the usual load."""
USUAL: Final = Setting((Flow(BIG, 3.0), *(Flow(f"t{i:02}", 12.0 / 11) for i in range(1, 12))))
BURST: Final = replace(USUAL, flows=(replace(USUAL.flows[0], times=10.0), *USUAL.flows[1:]))
SLOW: Final = replace(USUAL, slow=10.0)
CROWD: Final = replace(
    USUAL,
    flows=tuple(Flow(f"t{i:02}", 8.0, long=1.0 + i % 3 / 2, weight=2.0 if i in (3, 7) else 1.0) for i in range(12)),
)
"""Everybody sends more than three times what the pool makes; replies of 1 to 2 times the length; two of weight 2."""


class Figures(NamedTuple):
    """Of the measured minutes of some runs. p50, p99: seconds until the reply, of all tenants but the big one.

    generated: their share of turns that the pool made. in_time: share of all turns answered within their deadline.
    """

    turns: int
    p50: float
    p99: float
    generated: float
    big_generated: float
    in_time: float
    reasons: Mapping[str, int]


def runs(setting: Setting, seeds: Iterable[int]) -> list[Served]:
    """The turns that came in the measured minute, of one run a seed."""
    return [s for seed in seeds for s in simulate(setting, seed) if setting.begins <= s.came < setting.ends]


def figures(served: Sequence[Served]) -> Figures:
    """The figures of these turns."""
    others = [s for s in served if s.tenant != BIG]
    times = sorted(s.seconds for s in others)
    made = [s.rung == "large_model" for s in others]
    big = [s.rung == "large_model" for s in served if s.tenant == BIG]
    return Figures(
        len(served),
        times[len(times) // 2],
        times[int(len(times) * 0.99)],
        sum(made) / len(made),
        sum(big) / max(1, len(big)),
        sum(s.seconds <= s.room for s in served) / len(served),
        Counter(s.reason or "generated" for s in served),
    )


def jain(shares: Sequence[float]) -> float:
    """Jain's index: 1 when all are equal, 1/n when one has everything."""
    return sum(shares) ** 2 / (len(shares) * sum(x * x for x in shares)) if any(shares) else 0.0


def service(served: Iterable[Served], weights: Mapping[str, float]) -> dict[str, float]:
    """Tokens that each tenant was served, by its weight."""
    tokens: dict[str, float] = defaultdict(float)
    for s in served:
        tokens[s.tenant] += s.tokens
    return {tenant: tokens[tenant] / weight for tenant, weight in weights.items()}


def recovery(seeds: Iterable[int], step: float = 5.0) -> float | None:
    """Seconds after the slow minute until the pool makes what it made before it, looked at every `step`."""
    served = [s for seed in seeds for s in simulate(replace(SLOW, seconds=180.0), seed)]
    healthy = _made([s for s in served if s.came < SLOW.begins])
    for i in range(int((180.0 - SLOW.ends) / step)):
        since = SLOW.ends + i * step
        if _made([s for s in served if since <= s.came < since + step]) >= 0.98 * healthy:
            return (i + 1) * step
    return None


def microseconds(tenants: int, turns: int = 20_000) -> float:
    """What a turn costs the queue, offered, taken and settled, while `turns` of `tenants` wait; of this machine."""
    caps = Caps(everything=10**9, tenant=10**9, turns=1, replay=1)
    queue = FairQueue(Bounds(10**9, 10**9, wait=1e6), Admission(caps), Turnover(500, 500, 1e-4))

    def offer(i: int) -> None:
        queue.offer(Turn(f"{i}", f"t{i % tenants}", f"s{i}", 500, 500, 1e6), 0.0)

    for i in range(turns):
        offer(i)
    began = perf_counter()
    for i in range(turns, 2 * turns):
        taken, _ = queue.take(0.0)
        assert taken is not None
        taken.reservation.settle(500)
        offer(i)
    return (perf_counter() - began) / turns * 1e6


def _made(served: Sequence[Served]) -> float:
    return sum(s.rung == "large_model" for s in served) / max(1, len(served))


def _row(name: str, found: Figures) -> str:
    return (
        f"{name:34} {found.turns:7} {found.p50:7.2f} {found.p99:7.2f} {found.generated:9.1%} "
        f"{found.big_generated:9.1%} {found.in_time:9.3%}"
    )


def main() -> None:
    """Prints the figures of as many runs as the first argument says, 20 if there is none."""
    seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    began = perf_counter()
    head = f"{'':34} {'turns':>7} {'p50 s':>7} {'p99 s':>7} {'generated':>9} {'big one':>9} {'in time':>9}"
    print(f"{len(seeds)} runs; the measured minute; p50, p99, generated: all tenants but the one that bursts\n{head}")
    usual = figures(runs(USUAL, seeds))
    burst = figures(runs(BURST, seeds))
    line = figures(runs(replace(BURST, shared=False), seeds))
    slow = figures(runs(SLOW, seeds))
    names = ("usual load", "10 x burst of one tenant", "the same, first come first served", "pool 10 x slower")
    for name, found in zip(names, (usual, burst, line, slow), strict=True):
        print(_row(name, found))
    print(f"others' p99 in the burst: {burst.p99 / usual.p99 - 1:+.1%}; first come first served: "
          f"{line.p99 / usual.p99 - 1:+.1%}")  # fmt: skip
    print(f"reasons in the burst: {dict(burst.reasons)}\nreasons when slow: {dict(slow.reasons)}")
    weights = {flow.tenant: flow.weight for flow in CROWD.flows}
    crowd = [service(runs(CROWD, [seed]), weights) for seed in seeds]
    fair = [jain(list(one.values())) for one in crowd]
    print(f"everybody backlogged: Jain of tokens by weight {min(fair):.4f} at least, {sum(fair) / len(fair):.4f} mean")
    print(f"after the slow minute the pool makes as much as before within {recovery(seeds[:5])} s")
    few, many = microseconds(10), microseconds(10_000)
    print(f"a turn costs the queue {few:.0f} us with 10 tenants, {many / few:.2f} times that with 10,000")
    print(f"{perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
