"""What `bench scale` found, for people: workers beside each other, and what the model foretells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from infra.benches.plot import chart, report, rows, section

if TYPE_CHECKING:
    from infra.benches.scale import Beside, Foretold, Scaled

BESIDE = ("workers", "processors", "turns/s", "of so many times one", "counters", "of these", "µs a turn", "work")
FORETOLD = ("partitions", "workers", "holds, turns/s", "drains, turns/s", "p99 at half", "first limit", "")


def page_of(s: Scaled) -> str:
    """The HTML file."""
    figures = {
        "efficiency": (f"{s.efficiency:.2f}", f"{s.workers} workers against one; goal 0.90"),
        "of plain counters": (f"{s.of_counters:.2f}", f"counters get {s.beside[-1].counters:.2f}"),
        "the model is off by": (
            share(s.error_cores_median),
            f"of the processors used; at most {share(s.error_cores_worst)}",
        ),
    }
    rates = {
        f"{workers} workers": [(float(f.partitions), f.turns_per_s) for f in s.foretold if f.workers == workers]
        for workers in dict.fromkeys(f.workers for f in s.foretold)
    }
    errors = [
        (
            e.figure,
            f"{e.rate:,.0f}",
            str(e.partitions),
            str(e.workers),
            f"{e.measured:,.2f}",
            f"{e.predicted:,.2f}",
            f"{e.share:+.0%}",
        )
        for e in s.errors
    ]
    return report(
        "Scale: workers beside each other",
        f"{s.workers} workers do {s.efficiency:.2f} of {s.workers} times one",
        figures,
        s.machine,
        s.limit,
        section("Workers", rows(BESIDE, (beside_row(each) for each in s.beside))),
        section("Foretold", rows(FORETOLD, (foretold_row(each) for each in s.foretold))),
        chart(rates, "partitions", "turns a second held"),
        section(
            "The model against what was measured",
            rows(("figure", "turns/s", "partitions", "workers", "measured", "model", "off by"), errors),
        ),
    )


def shown(s: Scaled) -> str:
    """For a terminal."""
    return "\n".join(_lines(s))


def _lines(s: Scaled) -> Iterator[str]:
    for each in s.beside:
        us = f"the workers {each.worker_us_per_turn:,.0f} µs and the broker {each.kafka_us_per_turn:,.0f}"
        yield (
            f"{each.workers} workers on processors {', '.join(map(str, each.cpus))}: {each.turns_per_s:,.0f} turns/s "
            f"({each.turns_per_s_low:,.0f} to {each.turns_per_s_high:,.0f}), {each.efficiency:.2f} of {each.workers} "
            f"times one; plain counters {each.counters:.2f}, so {each.of_counters:.2f} of these; a turn takes {us}"
        )
    for found in s.foretold:
        beyond = "" if found.measured else " (beyond what was measured)"
        yield (
            f"{found.partitions} partitions, {found.workers} workers: holds {found.turns_per_s:,.0f}/s, drains "
            f"{found.drained_per_s:,.0f}/s; first limit: {found.limit}{beyond}"
        )
    cores = f"{share(s.error_cores_median)} in the median, at most {share(s.error_cores_worst)}"
    p99 = f"{share(s.error_p99_median)}, at most {share(s.error_p99_worst)}"
    if s.error_p99_median is None:
        p99 = "not measured, since no rate was held"
    yield (
        f"the model against what was measured: rates drained within {share(s.error_rate_worst)}; processors {cores}; "
        f"p99 {p99}"
    )
    yield s.limit
    yield f"machine: {s.machine.sentence}"


def beside_row(each: Beside) -> tuple[str, ...]:
    return (
        str(each.workers),
        ", ".join(map(str, each.cpus)),
        f"{each.turns_per_s:,.0f} ({each.turns_per_s_low:,.0f} to {each.turns_per_s_high:,.0f})",
        f"{each.efficiency:.2f}",
        f"{each.counters:.2f}",
        f"{each.of_counters:.2f}",
        f"{each.worker_us_per_turn + each.kafka_us_per_turn:,.0f}",
        f"{each.work_efficiency:.2f}",
    )


def foretold_row(found: Foretold) -> tuple[str, ...]:
    p99 = "-" if found.p99_ms_at_half is None else f"{found.p99_ms_at_half:,.0f} ms"
    beyond = "" if found.measured else "beyond what was measured"
    rates = (f"{found.turns_per_s:,.0f}", f"{found.drained_per_s:,.0f}")
    return (str(found.partitions), str(found.workers), *rates, p99, found.limit, beyond)


def share(value: float | None) -> str:
    """An error for people."""
    return "not measured" if value is None else f"{value:.0%}"
