"""A rehearsal for people: the verdict, what each factor did, what was foretold and how far that was off."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from infra.benches.plot import chart, report, rows, section
from infra.benches.queueing import Load

if TYPE_CHECKING:
    from infra.benches.driving import Driven
    from infra.benches.rehearse import Rehearsed

COLUMNS = ("arrivals", "turns/s", "busiest second", "p50", "p99", "processors", "µs a turn", "behind at the end", "")
COSTS = ("part", "µs a turn", "µs a batch", "µs a partition touched", "ms a second at rest")
STEPS = 24


def page_of(r: Rehearsed) -> str:
    """The HTML file."""
    top = f"×{r.factors[-1]:g}"
    figures = {
        "holds": (
            f"{r.capacity.holds_per_s:,.0f}/s",
            f"with {r.capacity.workers} workers; wanted: {r.capacity.target_per_s:,.0f}/s",
        ),
        f"p99 at {top}": (ms(r.measured_p99_ms), f"foretold {ms(r.predicted_p99_ms)}, {off(r.p99_error)}"),
        f"processors at {top}": (
            f"{r.measured_cores:.2f}",
            f"foretold {r.predicted_cores:.2f}, {off(r.cores_error)}",
        ),
    }
    costs = [
        (part, *(f"{1e6 * cost:,.1f}" for cost in (c.per_turn, c.per_batch, c.per_touched)), f"{1e3 * c.idle:,.1f}")
        for part, c in r.model.parts.items()
    ]
    limits = [(name, f"{rate:,.0f}") for name, rate in sorted(r.capacity.by_limit.items(), key=lambda each: each[1])]
    return report(
        "Peak rehearsal",
        r.verdict,
        figures,
        r.machine,
        r.limit,
        section("Rounds", rows(COLUMNS, (row(each, r.held[f"{each.factor:g}"]) for each in r.measured))),
        section("Latency by rate", _latencies(r)),
        section("Processors by rate", _processors(r)),
        section("What a turn costs whom", rows(COSTS, costs)),
        section("Where each limit lies", rows(("limit", "turns/s"), limits, "with the workers of the verdict")),
        section("What it wrote", r.wrote),
    )


def shown(r: Rehearsed) -> str:
    """For a terminal."""
    return "\n".join(_lines(r))


def _lines(r: Rehearsed) -> Iterator[str]:
    yield r.verdict
    head = f"{'arrivals':<10}{'turns/s':>9}{'busiest':>9}{'p50 ms':>9}{'p99 ms':>9}{'processors':>12}"
    yield f"{head}{'µs a turn':>11}  held"
    for each in r.measured:
        held = "yes" if r.held[f"{each.factor:g}"] else f"no: {why_not(each, r.p99_bound_ms)}"
        p50, p99 = ("-" if v is None else f"{v:,.0f}" for v in (each.p50_ms, each.p99_ms))
        cores = sum(each.cores.values())
        yield (
            f"×{each.factor:<9g}{each.rate:>9,.0f}{each.peak_rate:>9,.0f}{p50:>9}{p99:>9}{cores:>12.2f}"
            f"{each.cpu_us_per_turn:>11,.0f}  {held}"
        )
    foretold = "held" if r.predicted_held else "not held"
    yield (
        f"foretold for ×{r.factors[-1]:g}: {foretold}; processors {r.predicted_cores:.2f} ({off(r.cores_error)}), "
        f"p50 {ms(r.predicted_p50_ms)} ({off(r.p50_error)}), p99 {ms(r.predicted_p99_ms)} ({off(r.p99_error)})"
    )
    yield f"machine: {r.machine.sentence}"
    yield f"wrote {r.wrote}"


def row(each: Driven, held: bool) -> tuple[str, ...]:
    """A round, as the table has it."""
    return (
        f"×{each.factor:g}",
        f"{each.rate:,.0f}",
        f"{each.peak_rate:,.0f}",
        ms(each.p50_ms),
        ms(each.p99_ms),
        f"{sum(each.cores.values()):.2f}",
        f"{each.cpu_us_per_turn:,.0f}",
        f"{each.lag_end_s:.1f} s",
        "held" if held else "not held",
    )


def why_not(each: Driven, p99_ms: float) -> str:
    """What kept a round from being held."""
    if each.unconfirmed:
        return f"{each.unconfirmed} messages were not taken"
    if each.missing:
        return f"{each.missing} turns were not answered"
    if each.p99_ms is None or each.p99_ms >= p99_ms:
        return f"p99 {ms(each.p99_ms)}, {p99_ms:,.0f} ms are allowed"
    return f"{each.lag_end_s:.1f} s behind at the end"


def ms(value: float | None) -> str:
    return "none" if value is None or not math.isfinite(value) else f"{value:,.0f} ms"


def off(share: float | None) -> str:
    """An error for people."""
    return "no error to tell" if share is None else f"{share:+.0%}"


def _latencies(r: Rehearsed) -> str:
    lines = {
        "p50, measured": [(e.rate, e.p50_ms) for e in r.measured if e.p50_ms is not None],
        "p99, measured": [(e.rate, e.p99_ms) for e in r.measured if e.p99_ms is not None],
    }
    if r.model.waits is not None:
        rates = [r.measured[-1].rate * n / STEPS for n in range(1, STEPS + 1)]
        said = [(rate, r.model.latency(replace(_load(r), rate=rate))) for rate in rates]
        lines["p50, model"] = [(rate, each.p50_ms) for rate, each in said]
        lines["p99, model"] = [(rate, each.p99_ms) for rate, each in said]
    return chart(lines, "turns/s", "ms")


def _processors(r: Rehearsed) -> str:
    rates = [r.measured[-1].rate * n / STEPS for n in range(STEPS + 1)]
    used = [(rate, sum(r.model.use(replace(_load(r), rate=rate)).cores.values())) for rate in rates]
    measured = [(e.rate, sum(e.cores.values())) for e in r.measured]
    return chart({"measured": measured, "model": used}, "turns/s", "processors")


def _load(r: Rehearsed) -> Load:
    return Load(0.0, r.partitions, r.workers)
