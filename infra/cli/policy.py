"""`spillway policy`: check, activate and list the policies of tenants."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from infra.announcing import announce
from infra.cli.options import AHEAD, DEFAULT_DATA, AsJson, Data
from infra.settings import Settings
from infra.tenants import activation, load_tenant
from infra.wiring import build_codec, open_control
from processors.policy import Problem, Tenant
from schemas.events import PolicyActivated

app = typer.Typer(no_args_is_help=True, help="Check, activate and list the policies of tenants.")
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder: policy.yaml, articles/*.md, prompts/*.md.")]


@app.command()
def check(directory: Folder, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Say everything that is wrong with a tenant's policy, articles and prompts, by file, line, field and remedy.

    Needs no running stack. Exit code 1 when anything is wrong.

    \b
    Examples:
      spillway policy check infra/demo/tenants/shop
      spillway policy check /etc/spillway/tenants/bank --json
    """
    tenant = _loaded(directory, as_json)
    if as_json:
        typer.echo(json.dumps({"ok": True, **_described(tenant)}, indent=2))
    else:
        typer.echo(f"{directory}: nothing is wrong ({tenant.policy_fingerprint}, {len(tenant.articles)} articles)")


@app.command()
def activate(
    directory: Folder,
    in_: Annotated[float, typer.Option("--in", min=0, metavar="SECONDS", help="From when on, in seconds.")] = AHEAD,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Put a tenant's policy and articles in force. What is wrong is refused, and the version before keeps serving.

    \b
    Examples:
      spillway policy activate infra/demo/tenants/shop
      spillway policy activate /etc/spillway/tenants/bank --in 600
    """
    tenant = _loaded(directory, as_json)
    settings = Settings.find(data)
    now = time.time_ns() // 1000
    event = activation(tenant, now + int(in_ * 1_000_000), now)
    too_large = f"the policy and articles of {directory} are too large for chat.control: shorten the articles"
    announce(settings, event, "the policy", too_large)
    if as_json:
        typer.echo(json.dumps({"ok": True, **_described(tenant), "effective_at": _when(event.effective_at)}, indent=2))
    else:
        typer.echo(f"{tenant.rules.tenant}: {tenant.policy_fingerprint} is in force from {_when(event.effective_at)}")


@app.command(name="list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Every tenant's versions, the newest first, with the time since when they hold.

    \b
    Examples:
      spillway policy list
      spillway policy list --json
    """
    now = time.time_ns() // 1000
    rows = [row for versions in _activations(Settings.find(data)) for row in _rows(versions, now)]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        who = f"{row['state']:<9} {row['tenant']:<12}"
        typer.echo(f"{who} {row['policy']:<28} {row['knowledge']:<38} {row['effective_at']}")
    if not rows:
        typer.echo("no tenant has a policy; put one in force with: spillway policy activate DIR")


def _loaded(directory: Path, as_json: bool) -> Tenant:
    tenant = load_tenant(directory)
    if not isinstance(tenant, tuple):
        return tenant
    if as_json:
        typer.echo(json.dumps({"ok": False, "problems": [p._asdict() for p in tenant]}, indent=2, ensure_ascii=False))
    else:
        _say(tenant)
    raise typer.Exit(1)


def _say(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        typer.echo(str(problem), err=True)
    count = len(problems)
    typer.echo(f"{count} {'thing is' if count == 1 else 'things are'} wrong; nothing was put in force", err=True)


def _described(tenant: Tenant) -> dict[str, str | int | list[str]]:
    return {
        "tenant": tenant.rules.tenant,
        "policy": tenant.policy_fingerprint,
        "knowledge": tenant.knowledge_fingerprint,
        "articles": len(tenant.articles),
        "prompts": sorted({p.fingerprint for p in map(tenant.rules.prompt, tenant.rules.policy.scenarios) if p}),
    }


def _activations(settings: Settings) -> list[tuple[PolicyActivated, ...]]:
    control = open_control(settings, build_codec(settings))
    try:
        return [control.policies(tenant) for tenant in sorted(control.tenants())]
    finally:
        control.close()


def _rows(versions: tuple[PolicyActivated, ...], now: int) -> list[dict[str, str]]:
    """A tenant's versions, newest first: planned, in force, or past."""
    rows = []
    serving = False
    for event in sorted(versions, key=lambda e: e.effective_at, reverse=True):
        planned = event.effective_at > now
        state = "planned" if planned else "past" if serving else "in force"
        serving = serving or not planned
        rows.append(
            {
                "tenant": event.meta.tenant_id,
                "state": state,
                "policy": event.policy_fingerprint,
                "knowledge": event.knowledge_fingerprint,
                "effective_at": _when(event.effective_at),
            }
        )
    return rows


def _when(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
