"""`spillway bench scale`: workers beside each other, and what a model makes of partitions and workers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from infra.benches.frame import BenchError, write


def command(
    json_file: Annotated[
        Optional[Path], typer.Option("--json", metavar="FILE", help="Also write the result as JSON.")  # noqa: UP045
    ] = None,
    html_file: Annotated[
        Optional[Path], typer.Option("--html", metavar="FILE", help="Also write a page with plots.")  # noqa: UP045
    ] = None,
    workers: Annotated[str, typer.Option(metavar="N,N…", help="At a time; 1 is among them.")] = "1,2,4",
    partitions: Annotated[
        str, typer.Option(metavar="N,N…", help="The first for all of them, the others for one worker.")
    ] = "12,100",
    turns: Annotated[int, typer.Option(min=100, help="Of a backlog.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="Backlogs, after one that does not count.")] = 3,
    rates: Annotated[str, typer.Option(metavar="N,N…", help="Turns a second, also held by one worker.")] = (
        "50,150,300,600"
    ),
    seconds: Annotated[float, typer.Option(min=1, help="For which each rate is held.")] = 10.0,
) -> None:
    """Measure how many turns a second 1, 2 and 4 workers drain, each on a processor of its own, against one.

    The broker and the workers are this bench's own; there are no stores. Processors that are threads of one core are
    taken last, and what two plain counters get on them is told beside: that is the ceiling. Then a queueing model is
    fitted to what a turn, a batch and a partition were seen to cost, told with its error at every measured point, and
    asked for 10 to 1,000 partitions. Takes about six minutes.

    \b
    Examples:
      spillway bench scale
      spillway bench scale --json scale.json --html scale.html
      spillway bench scale --workers 1,2 --partitions 12,30,300 --turns 50000
    """
    from infra.benches.scale import Plan, scale  # takes a second to load
    from infra.benches.scale_page import shown

    plan = Plan(
        _whole("--workers", workers),
        _whole("--partitions", partitions),
        turns,
        rounds,
        numbers("--rates", rates) if rates.strip() else (),
        seconds,
    )
    found = scale(plan, say)
    typer.echo(shown(found))
    write(found, json_file, html_file)


def say(text: str) -> None:
    """How far it is, on the standard error output."""
    print(text, file=sys.stderr, flush=True)


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Numbers above 0, separated by commas. Raises BenchError."""
    try:
        found = tuple(float(each) for each in text.split(","))
    except ValueError as err:
        raise BenchError(f"{option} {text}: numbers separated by commas are meant, such as 2,4,8") from err
    if not all(0 < each < float("inf") for each in found):
        raise BenchError(f"{option} {text}: numbers above 0 are meant")
    return found


def _whole(option: str, text: str) -> tuple[int, ...]:
    found = numbers(option, text)
    if any(each != int(each) for each in found):
        raise BenchError(f"{option} {text}: whole numbers are meant, such as 1,2,4")
    return tuple(int(each) for each in found)
