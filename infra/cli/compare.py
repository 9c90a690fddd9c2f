"""`spillway compare`: two runs of the same stretch, turn by turn, with a verdict that a pipeline can call."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final, Optional

import typer
from rich.console import Console
from typer.core import TyperCommand

from infra.cli.options import DEFAULT_DATA, Data
from infra.comparing.files import document, write_json, write_page
from infra.comparing.request import Request, compared
from infra.comparing.result import Comparison
from infra.comparing.showing import show
from infra.local.errors import StackError
from infra.settings import Settings

EXITS: Final = {"better_or_equal": 0, "worse": 1, "not_enough_evidence": 2}
NONE: Final = 3
"""There is no comparison, hence no verdict. 1 and 2, as elsewhere for what is refused, are verdicts here."""
STDOUT: Final = Path("-")
USAGE_ERROR: Final[Any] = typer.BadParameter.__mro__[1]
"""Of whichever click typer runs on: newer ones bring their own."""


class _Verdicts(TyperCommand):
    """A wrong option ends with 3: click's own 2 would be read as a verdict."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except USAGE_ERROR as wrong:
            wrong.exit_code = NONE
            raise


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
Files = Optional[list[str]]  # noqa: UP045
File = Optional[Path]  # noqa: UP045


@app.command("compare", cls=_Verdicts)
def compare(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="What is compared with: a run, or live.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="What is judged: a run, or live.")],
    html: Annotated[File, typer.Option("--html", metavar="FILE", help="Write a report as one HTML file.")] = None,
    json_file: Annotated[File, typer.Option("--json", metavar="FILE", help="Write it all; - prints only it.")] = None,
    candidate: Annotated[File, typer.Option(metavar="FILE", help="Take the gate of this candidate file.")] = None,
    labels: Annotated[File, typer.Option(metavar="FILE", help="Labels: the conversations played, or lines.")] = None,
    label_map: Annotated[File, typer.Option(metavar="MAP", help="From a data set's labels to scenarios.")] = None,
    judge: Annotated[Files, typer.Option(metavar="ADDRESS", help="A judge of replies: grpc://HOST:PORT/MODEL.")] = None,
    replies: Annotated[bool, typer.Option("--replies/--no-replies", help="Hold replies against people's.")] = True,
    seed: Annotated[Optional[int], typer.Option(help="Of all that is drawn; else the candidate's.")] = None,  # noqa: UP045
    differences: Annotated[int, typer.Option(min=0, metavar="N", help="Turns to show side by side.")] = 50,
    data: Data = DEFAULT_DATA,
) -> None:
    """Compare two runs of the same stretch, turn by turn, with a verdict.

    Exit code 0: better or equal; 1: worse; 2: not enough evidence; 3: there is no comparison, since a run or file is
    not there, an option is wrong, or a store is away. The gate is that of RUN_B's candidate, or of --candidate. What
    the figures mean: docs/replay.md.

    \b
    Examples:
      spillway compare live intent-2026-11
      spillway compare live intent-2026-11 --html report.html --json figures.json
      spillway compare live intent-2026-11 --labels monday.jsonl
      spillway compare intent-2026-11 intent-2026-12 --candidate intent-2026-12.yaml
    """
    request = Request(run_a, run_b, candidate, labels, label_map, tuple(judge or ()), replies, seed, differences)
    try:
        found = compared(Settings.find(data), request)
        _write(found, html, json_file)
    except StackError as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(NONE) from refused
    raise typer.Exit(EXITS[found.verdict])


def _write(found: Comparison, html: Path | None, json_file: Path | None) -> None:
    if html is not None:
        write_page(html, found)
    if json_file == STDOUT:
        typer.echo(document(found))
        return
    if json_file is not None:
        write_json(json_file, found)
    show(found, Console(width=None if sys.stdout.isatty() else 160, highlight=False))

