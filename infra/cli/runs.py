"""`spillway runs`: what was replayed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer
from confluent_kafka import KafkaException

from infra.cli.options import DEFAULT_DATA, AsJson, Data
from infra.replaying.errors import ReplayError
from infra.replaying.running import delete as delete_run
from infra.replaying.running import outcome
from infra.replaying.showing import listed, show
from infra.settings import Settings
from projections.analytics.store import AWAY
from projections.runs import Run, RunStore, WrongRunName
from projections.runs.store import NoSuchRun

app = typer.Typer(no_args_is_help=True, help="What was replayed: list, show, delete.")
Name = Annotated[str, typer.Argument(metavar="RUN", help="The run.")]


@app.command("list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Every replay, the newest first: its name, how far it is, its mode and candidate.

    \b
    Examples:
      spillway runs list
      spillway runs list --json
    """
    with _store(Settings.find(data)) as store:
        runs = [(run, len(store.parts(run.run_id))) for run in store.all()]
    if as_json:
        typer.echo(json.dumps([_described(run, done) for run, done in runs], indent=1))
        return
    if not runs:
        typer.echo("nothing was replayed yet; begin with: spillway replay --from -1h")
        return
    typer.echo(f"{'run':<40}  {'status':<9}  {'done':>7}  {'mode':<14}  candidate")
    for run, done in runs:
        typer.echo(listed(run, done))


@app.command("show")
def show_(name: Name, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """One run: what was asked for, and what it has come to.

    \b
    Examples:
      spillway runs show intent-2026-11
      spillway runs show intent-2026-11 --json
    """
    settings = Settings.find(data)
    with _store(settings) as store:
        run = store.need(name)
        found = outcome(settings, store, run)
    if as_json:
        typer.echo(json.dumps({**_described(run, found.partitions_done), **found.as_json()}, indent=1))
        return
    typer.echo(show(found))
    for what, value in run.definition["compared"].items():
        typer.echo(f"asked for  {what}: {value if value not in (None, []) else '-'}")


@app.command("delete")
def delete(name: Name, data: Data = DEFAULT_DATA) -> None:
    """Remove a run: all its rows from all tables, and its topics. What customers had (live) cannot be removed.

    \b
    Examples:
      spillway runs delete intent-2026-11
    """
    settings = Settings.find(data)
    began = time.monotonic()
    with _store(settings) as store:
        delete_run(settings, store, name)
    typer.echo(f"run {name} is removed ({time.monotonic() - began:.1f} s)")


@contextmanager
def _store(settings: Settings) -> Iterator[RunStore]:
    try:
        with RunStore(settings.clickhouse) as store:
            yield store
    except (WrongRunName, NoSuchRun) as why:
        raise ReplayError(str(why)) from why
    except KafkaException as why:
        raise ReplayError(f"the broker at {settings.kafka} does not answer ({why}); see: spillway status") from why
    except AWAY as why:
        raise ReplayError(f"ClickHouse does not answer ({why}); see: spillway status") from why


def _described(run: Run, done: int) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "status": run.status,
        "candidate": run.candidate,
        "mode": run.mode,
        "partitions": len(run.partitions),
        "partitions_done": done,
        "created_at": datetime.fromtimestamp(run.created_at / 1e6, UTC).isoformat(),
        "definition_id": run.definition_id,
        "asked_for": run.definition["compared"],
    }
