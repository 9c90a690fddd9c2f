"""`spillway ledger`: what became of every message."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackError
from infra.settings import Settings
from projections.ledger import COUNTS, By, Ledger, Line, ledger


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    by: Annotated[str, typer.Option("--by", help="A line for each: tenant or minute.")] = "tenant",
    wait: Annotated[float, typer.Option(help="Seconds to wait for analytics to catch up with the log.")] = 10.0,
    data: Data = DEFAULT_DATA,
) -> None:
    """Print the conservation ledger: every message the log took, and what became of it.

    Reconciled with the log's own offsets. Exit code 1 when anything is unaccounted for. While analytics is behind the
    log the ledger says so, and is not called balanced.

    \b
    Examples:
      spillway ledger
      spillway ledger --by minute
      spillway ledger --json
    """
    if by not in ("tenant", "minute"):
        raise StackError(f"--by must be tenant or minute, not {by!r}")
    found = _patiently(Settings.find(data), "minute" if by == "minute" else "tenant", wait)
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False))
    else:
        _show(found)
    if found.total.unaccounted or found.refused_without_dead_letter:
        raise typer.Exit(1)


def _patiently(settings: Settings, by: By, wait: float) -> Ledger:
    """The ledger once analytics has caught up with the log, or as it is after `wait` seconds."""
    end = time.monotonic() + wait
    while True:
        found = ledger(settings.kafka, settings.clickhouse, by=by)
        if not found.behind or time.monotonic() >= end:
            return found
        time.sleep(0.5)


def _show(found: Ledger) -> None:
    table = Table(title="conservation ledger", title_justify="left")
    minutes = any(line.minute for line in found.lines)
    table.add_column("tenant")
    if minutes:
        table.add_column("minute (UTC)")
    for name in COUNTS:
        table.add_column(name.replace("_", " "), justify="right")
    for line in found.lines:
        table.add_row(*_cells(line, minutes))
    table.add_section()
    table.add_row(*_cells(Line("all", None, *(getattr(found.total, name) for name in COUNTS)), minutes))
    console = Console(width=None if sys.stdout.isatty() else 2000)
    console.print(table)
    for problem in found.problems:
        console.print(f"not balanced: {problem}")
    if found.balanced:
        console.print(
            f"balanced: {found.log_records} records on chat.messages, each accounted for "
            f"({found.messages} messages, {found.total.duplicates} repeats, {found.total.undecodable} undecodable)"
        )


def _cells(line: Line, minutes: bool) -> list[str]:
    minute = [line.minute.strftime("%Y-%m-%d %H:%M") if line.minute else ""] if minutes else []
    return [line.tenant or "(unknown)", *minute, *(str(getattr(line, name)) for name in COUNTS)]
