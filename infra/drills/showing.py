"""What drills found, for people: a table on the terminal, and a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.drills.result import BACK_WITHIN, Result, middle
from infra.reporting.markup import Content, Html, element, html, joined, table
from infra.reporting.page import page, tile, tiles

COLUMNS = (
    *("drill", "times", "messages", "lost", "doubled", "disorder", "divergent", "made again"),
    *("recovered s", "worst s", "p99 in ms", "p99 else ms", ""),
)


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def row_of(r: Result) -> tuple[str, ...]:
    """A drill in the columns of both tables."""
    verdict = "not run" if r.skipped is not None else "passed" if r.passed else "BROKEN"
    counts = (r.times, r.events, r.lost, r.doubled, r.disorder, r.divergence, r.redelivered)
    return (
        f"{r.number} {r.name}",
        *(f"{n:,}" for n in counts),
        _number(middle(r.recovery_s)),
        _number(max(r.recovery_s, default=None)),
        _number(middle(r.p99_during_ms), 0),
        _number(r.p99_after_ms, 0),
        verdict,
    )


def shown(results: Sequence[Result]) -> str:
    """The table, then what was broken and noted, then what the figures bound."""
    return "\n".join(_lines(results))


def _lines(results: Sequence[Result]) -> Iterator[str]:
    rows = [COLUMNS, *map(row_of, results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    for row in rows:
        cells = [
            c.ljust(w) if i in (0, len(row) - 1) else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    for r in results:
        said = r.said
        if said:
            yield f"\n{r.number} {r.name}"
            yield from (f"  {line}" for line in said)
    yield ""
    yield bounded(results)


def bounded(results: Sequence[Result]) -> str:
    """What none of N says: by the rule of three."""
    events = sum(r.events for r in results)
    bad = sum(r.lost + r.doubled + r.disorder + r.divergence for r in results)
    if bad or not events:
        return f"{bad:,} of {events:,} messages were lost, doubled, out of order or divergent"
    return f"0 of {events:,} messages were lost or doubled: at 95 % the rate is below {3 / events:.1e}"


def page_of(results: Sequence[Result], seed: int) -> str:
    """The page of a run."""
    broken, skipped = [r for r in results if r.problems or r.slow], [r for r in results if r.skipped is not None]
    slowest = max((s for r in results for s in r.recovery_s), default=None)
    headline = "Nothing was lost" if not broken else f"Broken: {', '.join(r.name for r in broken)}"
    body: list[Content] = [
        element("header", element("h1", "Drills"), element("p", f"seed {seed}")),
        element(
            "div", headline, element("small", bounded(results)), class_=f"verdict {'failed' if broken else 'passed'}"
        ),
        tiles(
            (
                tile(
                    "faults", f"{sum(r.times for r in results):,}", f"in {len(results)} drills, {len(skipped)} not run"
                ),
                tile("messages", f"{sum(r.events for r in results):,}", "acknowledged"),
                tile("slowest recovery", f"{_number(slowest)} s", f"of a process {BACK_WITHIN:.0f} s are meant"),
            )
        ),
        table(COLUMNS, [row_of(r) for r in results]),
        *(_notes(r) for r in results),
    ]
    return page("Drills", body)


def _notes(r: Result) -> Html:
    said = r.said
    if not said:
        return html("")
    return joined((element("h3", f"{r.number} {r.name}"), element("ul", *(element("li", line) for line in said))))
