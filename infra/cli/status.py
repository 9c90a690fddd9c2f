"""`spillway status`: each part of the running stack, whether it answers, what it costs; how far stages are behind."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import typer

from infra.cli.options import DEFAULT_DATA, AsJson, Data
from infra.local.inspection import PartStatus, StackStatus, inspect_stack
from infra.local.state import Folder

_MB = 1_000_000


def command(
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show the parts of the running stack: version, pid, port, memory, readiness, restarts; and the lag of each group.

    The models in force as well: those that understand, those that a worker refuses, with the reason and the remedy, and
    those that stand for the generating rungs, with their breakers.
    Exit code 0 only when every part is ready.

    \b
    Examples:
      spillway status
      spillway status --json
    """
    status = inspect_stack(Folder(data))
    if as_json:
        typer.echo(json.dumps(asdict(status), indent=2))
    else:
        _show(status)
    raise typer.Exit(0 if status.ready else 1)


def _show(status: StackStatus) -> None:
    heads = ("part", "version", "pid", "port", "state", "ready", "restarts", "RSS MB", "PSS MB", "address")
    _table([heads, *(_row(part) for part in status.parts)])
    typer.echo(f"\nmemory: {status.pss_bytes / _MB:.0f} MB of its own (PSS), {status.rss_bytes / _MB:.0f} MB resident")
    if status.lag is None:
        typer.echo("\nlag: the broker does not say")
    elif status.lag:
        typer.echo("")
        rows = [(name, str(lag)) for name, lag in sorted(status.lag.items())]
        _table([("group", "records behind"), *rows])
    if status.models:
        typer.echo("")
        _table([("stage", "tenant", "model in force"), *_models(status), *_generating(status)])
        for stage, models in status.models.items():
            for refused in models.get("refused", ()):
                typer.echo(f"{stage} REFUSES {refused['fingerprint']}: {refused['reason']}")
    typer.echo("\neverything is ready" if status.ready else "\nNOT everything is ready; see: spillway logs PART")


def _models(status: StackStatus) -> list[tuple[str, ...]]:
    return [
        (stage, tenant, fingerprint)
        for stage, models in status.models.items()
        for tenant, fingerprint in models.get("in_force", {}).items()
    ]


def _generating(status: StackStatus) -> list[tuple[str, ...]]:
    return [
        (stage, tenant, _standing(said))
        for stage, models in status.models.items()
        for tenant, of_tenant in models.get("generating", {}).items()
        for said in of_tenant
    ]


def _standing(said: dict[str, Any]) -> str:
    """A model for a rung, and what keeps it from being asked."""
    shown = f"{said['rung']}: {said['fingerprint']}"
    wrong = [] if said["ready"] else ["its server does not serve it"]
    if said["breaker"] != "closed":
        wrong.append(f"breaker {said['breaker']}")
    return f"{shown} ({', '.join(wrong)})" if wrong else shown


def _row(part: PartStatus) -> tuple[str, ...]:
    return (
        part.name,
        part.version,
        str(part.pid or "-"),
        str(part.port or "-"),
        part.state,
        "yes" if part.ready else "NO",
        str(part.restarts),
        f"{part.rss_bytes / _MB:.0f}",
        f"{part.pss_bytes / _MB:.0f}",
        part.address or "-",
    )


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
