"""`spillway evaluate`: how good a bundle is on labelled text, and whether it is good enough."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.cli.options import DEFAULT_DATA
from infra.evaluation import run as running
from infra.evaluation.errors import EvaluationError
from infra.evaluation.report import report
from infra.evaluation.result import Result
from infra.evaluation.run import Request
from infra.evaluation.showing import show
from infra.local.errors import StackError
from infra.models.store import ModelStore
from infra.reporting.saving import save
from streams.models.bundle import Bundle, BundleRefused, load_bundle

STDOUT = Path("-")
Files = Annotated[list[Path], typer.Option("--data", metavar="FILE...", help="JSON lines, .gz or not; one or more.")]
More = Annotated[list[Path] | None, typer.Argument(metavar="FILE", show_default=False, hidden=True)]
MapFile = Annotated[Path | None, typer.Option("--label-map", metavar="MAP", help="Compare scenario families, by this.")]
Head = Annotated[str | None, typer.Option(help="Ask this head; default: the one whose labels cover the data's.")]
Against = Annotated[str | None, typer.Option(metavar="BUNDLE", help="Compare with this bundle, row by row.")]
Rules = Annotated[list[str] | None, typer.Option("--gate", metavar="RULES", help="A rule, or a file of them; repeat.")]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a report as one HTML file.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures; - prints only them.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most so many rows a group, drawn by seed.")]
Split = Annotated[str | None, typer.Option(metavar="NAME", help="Only rows whose field split says so.")]
HeldOut = Annotated[int | None, typer.Option(metavar="SEED", help="Only rows that training with this seed kept back.")]
Robustness = Annotated[bool, typer.Option("--robustness", help="Also damage the texts, and say what it costs.")]
Latency = Annotated[bool, typer.Option("--latency/--no-latency", help="Measure microseconds a message.")]
Store = Annotated[Path, typer.Option("--data-dir", metavar="DIR", help="The stack's folder, for its model store.")]


def command(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A folder, or a name, NAME@VERSION or NAME#HASH.")],
    data: Files,
    more: More = None,
    label_map: MapFile = None,
    head: Head = None,
    against: Against = None,
    gate: Rules = None,
    html: Html = None,
    json_file: Json = None,
    limit: Limit = None,
    split: Split = None,
    held_out: HeldOut = None,
    robustness: Robustness = False,
    latency: Latency = True,
    data_dir: Store = DEFAULT_DATA,
) -> None:
    """Measure a bundle on labelled text: accuracy, calibration, what is out of scope, confusions, latency.

    With --against, row by row against another bundle; then, or with --gate, exit code 1 when a rule is broken.
    Exit code 2 when it could not be measured. What the figures and rules mean: docs/evaluation.md.

    \b
    Examples:
      spillway evaluate intent-fast --data banking77.jsonl.gz clinc150.jsonl.gz
      spillway evaluate ./mine --data sessions.jsonl --label-map map.json --html report.html
      spillway evaluate ./mine --data test.jsonl --against intent-fast --json -
      spillway evaluate ./mine --data test.jsonl --gate "accuracy >= 93%" --gate "latency.32 <= 100"
    """
    files = (*data, *(more or ()))
    request = Request(files, label_map, head, tuple(gate or ()), limit, split, held_out, robustness, latency)
    try:
        result = _measured(request, bundle, against, ModelStore(data_dir / "models"))
        _write(result, html, json_file)
    except (EvaluationError, BundleRefused, StackError) as err:
        typer.echo(str(err), err=True)
        raise typer.Exit(2) from err
    if result.passed is False:
        raise typer.Exit(1)


def _measured(request: Request, name: str, against: str | None, store: ModelStore) -> Result:
    with _progress() as progress:
        model = _loaded(name, store)
        other = _loaded(against, store) if against is not None else None
        trained_on = [str(entry.get("sha256")) for entry in model.manifest.data]
        return running.run(request, name, model, other, trained_on, progress)


def _loaded(name: str, store: ModelStore) -> Bundle:
    return load_bundle(store.find(name))


def _write(result: Result, html: Path | None, json_file: Path | None) -> None:
    if html is not None:
        save(html, report(result), EvaluationError)
    document = json.dumps(result.as_json(), ensure_ascii=False, indent=1, allow_nan=False)
    if json_file == STDOUT:
        typer.echo(document)
        return
    if json_file is not None:
        save(json_file, document + "\n", EvaluationError)
    show(result, Console(width=None if sys.stdout.isatty() else 160))


@contextmanager
def _progress() -> Iterator[running.Progress]:
    """Bars on the terminal, and nothing where standard error is not one."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:

        def begin(name: str, rows: int | None) -> Callable[[int], None]:
            task = bars.add_task(name, total=rows)
            return lambda done: bars.advance(task, done)

        yield begin
