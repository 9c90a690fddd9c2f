"""`spillway logs PART`: what a part of the stack wrote."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackError
from infra.local.state import Folder


def command(
    part: Annotated[str, typer.Argument(metavar="PART", help="The part, as `spillway status` names it.")],
    data: Data = DEFAULT_DATA,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show what is added.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")] = 50,
) -> None:
    """Show the log of a part, also of a stack that runs no longer.

    \b
    Examples:
      spillway logs worker
      spillway logs kafka -n 200
      spillway logs gateway -f
    """
    folder = Folder(data)
    log = folder.logs / f"{part}.log"
    if not log.exists():
        known = sorted(file.stem for file in folder.logs.glob("*.log"))
        there = f"there are: {', '.join(known)}" if known else f"{folder.shown} has no logs; start: spillway up"
        raise StackError(f"no log of a part {part!r} in {folder.shown}; {there}")
    end = _show_last(log, lines)
    while follow:
        end = _show_from(log, end)
        time.sleep(0.2)


def _show_last(log: Path, lines: int) -> int:
    with log.open("rb") as file:
        for line in deque(file, maxlen=lines):
            typer.echo(line, nl=False)
        return file.tell()


def _show_from(log: Path, start: int) -> int:
    with log.open("rb") as file:
        # A log that is shorter than it was has been cut: begin anew.
        file.seek(min(start, os.fstat(file.fileno()).st_size))
        typer.echo(file.read(), nl=False)
        return file.tell()
