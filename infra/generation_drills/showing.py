"""The figures of the drills for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from infra.generation_drills.burst_drill import BurstReport
from infra.generation_drills.classifiers import Classified
from infra.generation_drills.fault_drill import FaultReport
from infra.generation_drills.measures import Group
from infra.generation_drills.overhead import Overhead, Round
from infra.generation_drills.swap_drill import SwapReport


def percent(share: float) -> str:
    """99.95 %, never rounded up to 100."""
    return f"{int(share * 10_000) / 100:g} %"


def seconds(value: float | None) -> str:
    """Seconds, or that there are none."""
    return "-" if value is None else f"{value:.2f} s"


def table(title: str, groups: Mapping[str, Group]) -> Iterator[str]:
    """A line for each group."""
    width = max([len(title), *map(len, groups)])
    yield f"{title:<{width}}  {'turns':>7} {'in time':>9} {'generated':>9} {'p50':>8} {'p99':>8}"
    for name, g in groups.items():
        shares = f"{percent(g.in_time):>9} {percent(g.generated):>9}"
        yield f"{name or 'unanswered':<{width}}  {g.turns:>7,} {shares} {seconds(g.p50):>8} {seconds(g.p99):>8}"


def counted(counts: Mapping[str, int]) -> str:
    """Reasons and how often, in one line."""
    return ", ".join(f"{name} {n}" for name, n in counts.items()) or "-"


def shown_faults(report: FaultReport) -> str:
    """The drill of faults."""
    return "\n".join(_faults(report))


def _faults(r: FaultReport) -> Iterator[str]:
    yield f"{r.all.turns:,} turns, {percent(r.all.in_time)} in time; {len(r.late)} late, {len(r.unanswered)} unanswered"
    yield f"healthy: {percent(r.healthy.generated)} of {r.healthy.turns:,} turns generated"
    yield ""
    yield from table("fault", {f.name: f.meanwhile for f in r.faults})
    yield ""
    for fault in r.faults:
        back = "not back" if fault.back is None else f"back {fault.back:.1f} s after its end"
        yield f"{fault.name}: {fault.seconds:.1f} s, {back}; orphans {len(fault.orphans)}; {counted(fault.why)}"
    yield ""
    yield from table("rung", r.by_rung)
    yield ""
    yield f"orphans {len(r.orphans)}, lost {len(r.lost)}, twice {len(r.doubled)}, out of order {len(r.disorder)}"
    yield f"ledger: {'balanced' if r.balanced else 'NOT balanced'}, {r.ledger}"


def shown_burst(report: BurstReport) -> str:
    """The burst of one tenant."""
    return "\n".join(_burst(report))


def _burst(r: BurstReport) -> Iterator[str]:
    usual, burst = r.others_p99
    yield from table("load", {"usual": r.usual, "burst": r.burst})
    yield ""
    rounds = ", ".join(f"{b / a:.2f}" for a, b in r.p99_by_round if a)
    yield f"the others' p99: {usual:.2f} s, in the burst {burst:.2f} s: {r.ratio:.2f} times (by round {rounds})"
    waited, outside = r.others_waited, r.others_outside
    yield f"p99 in the queue: {waited[0]:.2f} s, in the burst {waited[1]:.2f} s"
    yield f"p99 outside queue and model: {outside[0]:.2f} s, in the burst {outside[1]:.2f} s"
    yield f"Jain's index of turns generated, by what each was entitled to: {r.jain:.4f}"
    yield ""
    yield from table("tenant, in the burst", r.by_tenant)
    yield ""
    yield from table("rung, in the burst", r.by_rung)
    yield f"why no model made it: {counted(r.why)}"


def shown_swaps(report: SwapReport) -> str:
    """Swaps under load."""
    return "\n".join(_swaps(report))


def _swaps(r: SwapReport) -> Iterator[str]:
    yield from table("load", {"before": r.before, "during a swap": r.during, "all": r.all})
    yield ""
    yield f"swaps of {', '.join(f'{s:.1f}' for s in r.took)} s; turns made by {counted(r.by_model)}"
    yield f"unanswered {r.unanswered}; late {r.late}, of them before the first swap {r.late_before}"
    yield f"why no model made it: {counted(r.why)}"


def shown_overhead(found: Sequence[Overhead]) -> str:
    """Straight to Triton and through the pipeline."""
    lines = ["at once  tokens/s straight  through    ratio   first straight  through    ratio  outside a turn"]
    for o in found:
        straight = median(r.straight.tokens_per_s for r in o.rounds)
        through = median(r.through.tokens_per_s for r in o.rounds)
        first = [seconds(median(f(r) or 0.0 for r in o.rounds)) for f in (_first_straight, _first_through)]
        outside = median(r.outside for r in o.rounds)
        lines.append(
            f"{o.at_once:>7}  {straight:>17,.0f}  {through:>7,.0f}  {o.tokens:>7.3f}  {first[0]:>15}  {first[1]:>7}  "
            f"{o.first:>7.3f}  {outside:>11.3f} s"
        )
        if o.failed or not o.same_prompts:
            lines.append(f"         note: {o.failed} straight requests failed; the same prompts: {o.same_prompts}")
    return "\n".join(lines)


def shown_classified(found: Classified) -> str:
    """Texts a second by how many at once."""
    lines = [f"{found.bundle} on {found.runtime}", "at once    texts/s  a batch"]
    lines += [f"{r.at_once:>7}  {r.texts_per_s:>9,.0f}  {r.batch_seconds * 1000:>6.1f} ms" for r in found.rates]
    return "\n".join(lines)


def _first_straight(r: Round) -> float | None:
    return r.straight.first_mean


def _first_through(r: Round) -> float | None:
    return r.through.first_mean
