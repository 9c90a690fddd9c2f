"""`spillway bench soak`: does anything grow in an hour, with processes killed and stopped on the way?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.table import Table

from infra.benches.frame import write
from infra.benches.soak import Plan, SoakResult, measure_soak
from infra.benches.stack import bench_stack
from infra.demo import CONVERSATIONS
from infra.recordings import read_recordings

NOWHERE = Path("/nonexistent")
"""A soak hurts processes, so it has a stack of its own, whatever runs."""


def command(
    minutes: Annotated[float, typer.Option(min=0.2, help="How long.")] = 60.0,
    rate: Annotated[float, typer.Option(min=1, metavar="R", help="Turns a second.")] = 300.0,
    seed: Annotated[int, typer.Option(help="Of the faults' moments and choices, and of the arrivals.")] = 618,
    between: Annotated[float, typer.Option(min=0, help="Seconds from fault to fault, on average; 0: none.")] = 180.0,
    warm: Annotated[float, typer.Option(min=0, help="Seconds of each process's life that do not count.")] = 180.0,
    memory: Annotated[float, typer.Option(min=0, metavar="MB", help="Growth an hour that counts as none.")] = 30.0,
    handles: Annotated[float, typer.Option(min=0, metavar="N", help="The same of file handles.")] = 6.0,
    threads: Annotated[float, typer.Option(min=0, metavar="N", help="The same of threads.")] = 3.0,
    data_file: Annotated[Path, typer.Option("--data-file", metavar="FILE", help="Recorded talks.")] = CONVERSATIONS,
    json_file: Annotated[Optional[Path], typer.Option("--json", metavar="FILE", help="The result as JSON.")] = None,  # noqa: UP045
    html_file: Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="A page with plots.")] = None,  # noqa: UP045
) -> None:
    """Load an installation of its own for an hour, with random faults, and see whether anything grows or is lost.

    Spillway's processes are killed, ended and stopped at random moments. Every few seconds the memory of each process
    that is its own (not mapped files), its file handles and its threads are read. Growth is the median of the slopes
    between all pairs of half-minutes within a process's life, with its 95 % interval: flat where more growth than is
    allowed is ruled out. At the end every turn is held against the log, both stores and the ledger.

    Exit code: 0 flat and nothing lost, 1 something was lost, doubled or grows, 2 too short to say.

    \b
    Examples:
      spillway bench soak
      spillway bench soak --minutes 10 --rate 100 --between 60 --warm 30 --json soak.json
    """
    console = Console(stderr=True, highlight=False)
    talks = read_recordings(data_file)
    plan = Plan(minutes, rate, seed, between, warm=warm, private_mb=memory, handles=handles, threads=threads)
    with bench_stack(NOWHERE, console.print) as stack:
        result = measure_soak(stack, talks, plan, console.print)
    _show(result)
    write(result, json_file, html_file)
    if result.growing or not result.sound:
        raise typer.Exit(1)
    if not result.flat:
        raise typer.Exit(2)


def _show(result: SoakResult) -> None:
    console = Console(highlight=False)
    table = Table("part", "of", "lives", "first", "last", "an hour", "95 % interval", "")
    for kept in result.kept:
        found = kept.slope
        growth = ("", "") if found is None else (f"{found.per_hour:+.2f}", f"{found.low:+.2f} to {found.high:+.2f}")
        table.add_row(
            kept.part, kept.kind, str(kept.lives), f"{kept.first:,.1f}", f"{kept.last:,.1f}", *growth, kept.word
        )
    console.print(table)
    console.print(
        f"{result.turns:,} turns at {result.turns_per_s:,.0f}/s, {result.faults} faults: {result.missing} missing, "
        f"{result.doubled} doubled, {result.unaccounted} unaccounted for; p99 {result.p99_ms:,.0f} ms"
    )
    for problem in result.problems:
        console.print(problem)
    console.print(result.limit)
