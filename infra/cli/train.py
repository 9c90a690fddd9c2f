"""`spillway train`: bundles from labelled text."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from infra.local.errors import PartMissing

if TYPE_CHECKING:
    from infra.training.run import Wanted

PACKAGES = frozenset({"jax", "onnx", "scipy", "sklearn", "safetensors"})
"""Of the extra `train`."""


def command(
    task: Annotated[
        Literal["intent", "sentiment", "generation"],
        typer.Argument(help="What the bundle says of a text; generation: the small generating model of Triton."),
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="The folder of the sets: .jsonl or .jsonl.gz files.")],
    out: Annotated[Path, typer.Option(metavar="BUNDLE", help="The bundle's folder: a new one, or a bundle's.")],
    recipe: Annotated[Optional[str], typer.Option(metavar="NAME|FILE", help="Which text, which heads.")] = None,  # noqa: UP045
    size: Annotated[Literal["fast", "accurate"], typer.Option(help="Without a recipe.")] = "fast",
    sets: Annotated[Optional[str], typer.Option(metavar="A,B", help="Only these sets of the folder.")] = None,  # noqa: UP045
    head: Annotated[Optional[str], typer.Option(help="The head that live traffic uses.")] = None,  # noqa: UP045
    name: Annotated[Optional[str], typer.Option(help="The bundle's name; else the recipe's, or its folder's.")] = None,  # noqa: UP045
    version: Annotated[Optional[str], typer.Option(help="Else the recipe's, or 1.0.0.")] = None,  # noqa: UP045
    seed: Annotated[int, typer.Option(help="The same seed again is the same bundle.")] = 7,
    release: Annotated[bool, typer.Option("--release", help="Only sets whose licence lets a bundle ship.")] = False,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Fit heads alone, on the encoders that lie trained among the backbones.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads that the accurate size computes with.")] = 2,
    as_json: Annotated[Optional[Path], typer.Option("--json", metavar="FILE", help="Figures and seconds.")] = None,  # noqa: UP045
) -> None:
    """Train a bundle from labelled text. Exit code 2: the data, the recipe or a licence does not allow it.

    The text is JSON lines: {text, label, lang, source} and perhaps split (train or dev), or conversations whose turns
    have intents. Without a recipe every set of the folder becomes a head of its own. Part of the text is kept back, and
    the bundle's figures are measured on it.

    \b
    Examples:
      spillway train intent --data sets/ --out shop-intents
      spillway train intent --data sets/ --sets banking77 --out bank --name bank --version 1.0.0
      spillway train intent --data sets/ --out infra/bundles/intent-fast --recipe intent-fast --release
      spillway train generation --data sets/ --out models/small
    """
    began = time.monotonic()
    if task == "generation":
        options = {"--recipe": recipe, "--sets": sets, "--head": head, "--name": name, "--version": version}
        if others := [option for option, value in {**options, "--reuse": reuse or None}.items() if value is not None]:
            raise typer.BadParameter(f"{', '.join(others)}: of bundles, not of the generating model; leave it out")
        _generation(data, out, seed, as_json, began)
        return
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        # Read when numpy is loaded, below. Sums in another order are other sums, so the fast size takes one thread.
        os.environ[variable] = str(threads if size == "accurate" or (recipe or "").endswith("accurate") else 1)
    with _told():
        from infra.training.run import Wanted

        only = tuple(part.strip() for part in sets.split(",") if part.strip()) if sets else ()
        names = (head or "", name or "", version or "")
        figures = _trained(Wanted(task, data, out, recipe, size, only, *names, seed, release, threads, reuse))
    typer.echo(shown(figures, _taken(figures, began, as_json)))


@contextmanager
def _told() -> Iterator[None]:
    """What keeps a training from running is told with its remedy; exit code 2 where it refuses what was asked."""
    from infra.training.refusal import TrainingRefused

    try:
        yield
    except TrainingRefused as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(2) from refused
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in PACKAGES:
            raise
        raise PartMissing(f"training needs {missing.name}: pip install 'spillway[train,cpu]'") from missing


def _taken(figures: dict[str, Any], began: float, as_json: Path | None) -> float:
    """The seconds since `began`; they and the figures go to the file, where one is asked for."""
    seconds = round(time.monotonic() - began, 1)
    if as_json is not None:
        as_json.write_text(json.dumps({**figures, "seconds": seconds}, ensure_ascii=False), encoding="utf-8")
    return seconds


def _trained(wanted: Wanted) -> dict[str, object]:
    from infra.training.run import run

    with _progress() as report:
        return run(wanted, report)


def _generation(data: Path, out: Path, seed: int, as_json: Path | None, began: float) -> None:
    """The small generating model, always of sets that let it be published."""
    # Sums in another order are other sums, and so another model.
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    with _told():
        from infra.training.generation import Wanted, run

        with _progress() as report:
            found = run(Wanted(data, out, seed), report)
    seconds = _taken(found, began, as_json)
    typer.echo(f"small in {found['folder']} ({found['mb']} MB), {seconds:.0f} s")
    for name, figures in found["figures"].items():
        typer.echo(f"{name:<12} " + "  ".join(f"{what} {value}" for what, value in figures.items()))


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        progress = bar.add_task("reading", total=1.0)

        def report(what: str, share: float) -> None:
            bar.update(progress, description=what, completed=share)

        yield report


def shown(figures: dict[str, object], seconds: float) -> str:
    """The result for people."""
    lines = [f"{figures['fingerprint']} in {figures['folder']} ({figures['mb']} MB), {seconds:.0f} s"]
    metrics = figures["metrics"]
    assert isinstance(metrics, dict)
    for head, parts in metrics.items():
        for part, found in parts.items():
            lines.append(f"{head:<20} {part:<4} " + "  ".join(f"{name} {value}" for name, value in found.items()))
    return "\n".join(lines)
