"""`spillway projection`: one projection as a process of its own, and rebuilding one beside the live tables."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackError
from infra.settings import Settings
from infra.wiring import build_codec
from projections.analytics.rebuild import AnalyticsSide
from projections.divergence import Divergence, session_divergence, turn_divergence
from projections.processes import UnknownProjection, run_projection
from projections.rebuild import SessionSide, rebuild
from streams.topology import PROJECTIONS


def command(
    name: Annotated[str, typer.Argument(help="session_state or analytics; or: rebuild.")],
    target: Annotated[Optional[str], typer.Argument(help="After rebuild: which one.")] = None,  # noqa: UP045
    check: Annotated[bool, typer.Option("--check", help="After rebuild: compare only, and switch nothing.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Fold the log into a store until stopped; or rebuild a projection from the whole log beside the live one.

    A rebuild folds everything into tables of its own, compares checksums at equal positions, and switches.

    \b
    Examples:
      spillway projection session_state
      spillway projection rebuild analytics
      spillway projection rebuild session_state --check
    """
    settings = Settings.find(data)
    try:
        if name == "rebuild":
            _rebuild(settings, target, check)
        else:
            stores, codec = (settings.postgres, settings.clickhouse), build_codec(settings)
            port, host = settings.metrics_port, settings.metrics_host
            sys.exit(run_projection(name, settings.kafka, *stores, port, codec=codec, metrics_host=host))
    except UnknownProjection as why:
        raise StackError(str(why)) from why


def _rebuild(settings: Settings, name: str | None, check: bool) -> None:
    if name not in PROJECTIONS:
        raise UnknownProjection(f"rebuild which projection? There are {', '.join(PROJECTIONS)}")
    if check:
        _compare(settings, name)
        return
    codec = build_codec(settings)
    side = SessionSide(settings.postgres) if name == "session_state" else AnalyticsSide(settings.clickhouse)
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(f"folding the log for {name}", total=None)
        done = rebuild(side, settings.kafka, codec, progress=lambda n, of: bar.update(task, completed=n, total=of))
    if done.divergence is None:
        typer.echo("the live tables stood at positions that the log does not have: there was nothing to compare with")
    else:
        _say(done.divergence)
    typer.echo(f"{name}: {done.records} records folded anew in {done.seconds:.1f} s; the new tables are in place")


def _compare(settings: Settings, name: str) -> None:
    if name == "session_state":
        found = session_divergence(settings.kafka, settings.postgres, codec=build_codec(settings))
    else:
        found = turn_divergence(settings.kafka, settings.clickhouse, codec=build_codec(settings))
    _say(found)
    if not found.none:
        raise typer.Exit(1)


def _say(found: Divergence) -> None:
    typer.echo(f"{found.sessions} sessions compared, {len(found.divergent)} differ")
    for key in found.divergent[:20]:
        typer.echo(f"  {key.tenant_id} {key.session_id} (run {key.run_id})")
