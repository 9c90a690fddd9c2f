"""`spillway drill`: faults at random moments under load on stacks of their own, and the audit of what they did."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from infra.local.errors import StackError

if TYPE_CHECKING:
    from infra.drills.result import Result
    from infra.drills.table import Drill


def command(
    names: Annotated[Optional[list[str]], typer.Argument(metavar="[NAME]...", help="Which; or: all.")] = None,  # noqa: UP045
    times: Annotated[int, typer.Option(min=1, help="Faults of each drill, at least.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the moments, the choices and what customers say.")] = 1,
    rate: Annotated[
        Optional[float], typer.Option(min=1, help="Turns a second; default: half of what the stack does.")  # noqa: UP045
    ] = None,
    hold: Annotated[float, typer.Option(min=1, help="Seconds that an outage lasts.")] = 20.0,
    pause: Annotated[float, typer.Option(min=1, help="Seconds that a stopped process is stopped.")] = 15.0,
    gap: Annotated[float, typer.Option(min=0.3, help="Seconds between two faults, at most.")] = 5.0,
    patience: Annotated[float, typer.Option(min=1, help="Seconds after which it has not recovered.")] = 120.0,
    quick: Annotated[bool, typer.Option("--quick", help="The shortest form, as the suite runs it.")] = False,
    other: Annotated[
        Optional[Path], typer.Option(metavar="DIR", help="Of `upgrade`: a checkout of the other version.")  # noqa: UP045
    ] = None,
    json_file: Annotated[Optional[Path], typer.Option("--json", metavar="FILE", help="The figures.")] = None,  # noqa: UP045
    html_file: Annotated[Optional[Path], typer.Option("--html", metavar="FILE", help="A page.")] = None,  # noqa: UP045
    data: Annotated[Optional[Path], typer.Option("--data", metavar="DIR", help="Keep the stacks there.")] = None,  # noqa: UP045
    listed: Annotated[bool, typer.Option("--list", help="Only say which drills there are.")] = False,
) -> None:
    """Hurt a stack under load, at random moments, and audit everything: exit code 1 where a promise is broken.

    Each drill starts with a load of half of what the machine does, hurts something `--times` times, waits until all has
    recovered, and holds what was acknowledged against every topic, PostgreSQL and ClickHouse: nothing may be lost,
    answered twice, out of order, or stored otherwise than the log has it. docs/drills.md says more.

    \b
    Examples:
      spillway drill --list
      spillway drill kill --times 3 --rate 50
      spillway drill all --seed 7 --json docs/figures/drill.json
    """
    from infra.drills.table import BY_NAME, DRILLS

    if listed:
        for row in DRILLS:
            typer.echo(f"{row.number:>2}  {row.name:<12} {row.about}")
        return
    wanted = _wanted(names or ["all"], BY_NAME)
    from infra.benches.machine import machine
    from infra.drills.drilling import Plan
    from infra.drills.result import as_json
    from infra.drills.run import run_drills
    from infra.drills.showing import page_of, shown
    from infra.reporting.saving import save

    plan = Plan(rate or 0.0, times, seed, hold=hold, pause=pause, gap=gap, patience=patience, quick=quick, other=other)
    on = machine(say=_say)

    def keep(found: Sequence[Result]) -> None:
        if json_file is not None:
            save(json_file, json.dumps(as_json(found, seed, on), indent=1) + "\n", StackError)

    keep([])  # whether it can be written is known before hours have passed
    found = run_drills(wanted, plan, _say, rate, data, keep)
    typer.echo(shown(found))
    if html_file is not None:
        save(html_file, page_of(found, seed), StackError)
    if broken := [r.name for r in found if r.problems or r.slow]:
        raise StackError(f"promises were broken in: {', '.join(broken)}; try one again with --seed {seed}")


def _wanted(names: list[str], known: dict[str, Drill]) -> list[Drill]:
    if names == ["all"]:
        return list(known.values())
    numbers = {str(row.number): row.name for row in known.values()}
    found = [numbers.get(name, name) for name in names]
    if unknown := sorted({*found} - {*known}):
        raise typer.BadParameter(f"there is no drill {unknown[0]!r}; there are {', '.join(known)}, and all")
    return [known[name] for name in dict.fromkeys(found)]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
