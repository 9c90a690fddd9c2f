"""`spillway bench rebuild`: how long a projection takes to be made anew of the whole log."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from infra.benches.frame import write


def command(
    json_file: Annotated[
        Optional[Path], typer.Option("--json", metavar="FILE", help="Also write the result as JSON.")  # noqa: UP045
    ] = None,
    html_file: Annotated[
        Optional[Path], typer.Option("--html", metavar="FILE", help="Also write a page with plots.")  # noqa: UP045
    ] = None,
    events: Annotated[int, typer.Option(min=1_000, help="Of the log.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="Folds of the whole log; the median counts.")] = 1,
) -> None:
    """Fold a long log into a fresh session state and into fresh turns, and check what came out.

    The broker and the stores are this bench's own. The log is the demonstration's conversations as the stages answer
    them, many times over as other sessions. Each projection is folded from the first record to the last, as a rebuild
    does it; then every session's checksum is held against a fold in memory. Needs a gigabyte of disk for the million
    events, and a few minutes.

    \b
    Examples:
      spillway bench rebuild
      spillway bench rebuild --events 200000 --rounds 3 --json rebuild.json --html rebuild.html
    """
    from infra.benches.rebuild import measure  # takes a second to load

    found = measure(events, rounds, lambda text: print(text, file=sys.stderr, flush=True))
    for name, seconds, per_s, equal, cpu in (
        (
            "session state",
            found.session_state_s,
            found.session_state_events_per_s,
            found.session_state_equal,
            found.session_state_cpu_us_per_event,
        ),
        (
            "turns",
            found.analytics_s,
            found.analytics_events_per_s,
            found.analytics_equal,
            found.analytics_cpu_us_per_event,
        ),
    ):
        parts = ", ".join(f"{part} {us:.1f}" for part, us in sorted(cpu.items(), key=lambda item: -item[1]))
        typer.echo(
            f"{name}: {found.events:,} events in {seconds.shown(1, ' s')}, {per_s:,.0f}/s, "
            f"{'checksums equal' if equal else 'checksums DIFFER'}; µs on a core for an event: {parts}"
        )
    typer.echo(f"{found.limit}\n{found.machine.sentence}")
    write(found, json_file, html_file)
    if not (found.session_state_equal and found.analytics_equal):
        raise typer.Exit(1)
