"""`spillway bench figures`: the page of figures, from what the other commands wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.benches.frame import BenchError
from infra.reporting.saving import save


def command(
    from_: Annotated[Path, typer.Option("--from", metavar="DIR", help="Where the files of the commands are.")] = Path(
        "docs/figures"
    ),
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page.")] = Path("docs/figures.md"),
) -> None:
    """Make docs/figures.md of the files that benchmarks and drills wrote: goal, measured, reached or not, what limits.

    A figure whose file is not there stands as not measured, with the command that measures it.

    \b
    Examples:
      spillway bench figures
      spillway bench figures --from /tmp/figures --out /tmp/figures.md
    """
    if not from_.is_dir():
        raise BenchError(f"--from {from_}: is no folder; name the one into which the commands wrote their --json")
    save(out, text_of(from_), BenchError)
    typer.echo(f"{out}: {len(list(from_.glob('*.json')))} files")


def text_of(folder: Path) -> str:
    """The page of the files in a folder. Raises BenchError for one that is none."""
    from infra.benches.figures import page, read_files
    from infra.benches.figures_table import FIGURES
    from infra.drills.table import DRILLS  # takes a moment, and only this page needs it

    return page(FIGURES, [(drill.number, drill.name, drill.about) for drill in DRILLS], read_files(folder))
