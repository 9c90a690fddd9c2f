"""`spillway experiment`: two versions at once, each for its own sessions, and what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Optional

import typer
from clickhouse_connect.driver.exceptions import Error

from infra.announcing import announce
from infra.candidates.parse import load_candidate
from infra.cli.options import AHEAD, DEFAULT_DATA, LOADS, AsJson, By, Data, operator
from infra.experiments.bundles import stored
from infra.experiments.finding import find_out, state_of
from infra.experiments.foresight import foreseen
from infra.experiments.gate import Gate, gate_in
from infra.experiments.planning import Plan, excluded_in, find, start, stop
from infra.experiments.report import report
from infra.experiments.showing import arms_question, shown
from infra.local.errors import StackError
from infra.models.activation import when
from infra.models.store import ModelStore
from infra.reporting.saving import save
from infra.settings import Settings
from infra.wiring import build_codec, open_control
from projections.analytics.schema import client_of
from schemas.events import ExperimentChanged
from streams.control import Control
from streams.experiments import Experiments

EXIT: Final = {"better_or_equal": 0, "worse": 1, "not_enough_evidence": 2}
FAILED: Final = 3

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Live A/B: start, stop, show.",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The experiment.")]
Tenant = Annotated[str, typer.Option(metavar="NAME", help="Whose, where several tenants have one of that name.")]


@app.command(name="start")
def start_(
    name: Name,
    candidate: Annotated[Path, typer.Option(metavar="FILE", help="What the candidate's sessions get: as in a replay.")],
    tenant: Annotated[str, typer.Option(metavar="NAME", help="Whose sessions take part.")],
    sessions: Annotated[int, typer.Option(metavar="N", min=1, help="Sessions planned; no verdict before they came.")],
    share: Annotated[float, typer.Option(metavar="PERCENT", help="Of the sessions, for the candidate.")] = 50.0,
    exclude: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="Sessions that take no part, one a line; test-* are all that begin so."),
    ] = None,
    in_: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--in", min=0, metavar="SECONDS", help="From when on; default: 5 s, or more if it loads slowly."),
    ] = None,
    by: By = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Give some of a tenant's sessions a candidate, and the others what is live. Every session keeps its arm.

    How many sessions it takes to see a difference: docs/experiments.md. A tenant has one experiment at a time.

    \b
    Examples:
      spillway experiment start new-intents --candidate candidate.yaml --tenant shop --sessions 5000
      spillway experiment start cautious --candidate policy.yaml --tenant bank --share 10 --sessions 20000 --in 600
    """
    settings = Settings.find(data)
    read = load_candidate(candidate, ModelStore(settings.model_store))
    excluded = excluded_in(exclude) if exclude is not None else ()
    with _control(settings) as control:
        models, seconds = stored(read.models, settings)
        now = time.time_ns() // 1000
        ahead = max(AHEAD, LOADS * seconds) if in_ is None else in_
        plan = Plan(name, tenant, share, sessions, excluded)
        event = start(plan, read, models, control, now + int(ahead * 1_000_000), now, operator(by))
    _publish(settings, event)
    gate = gate_in(read.text)
    left_out = [str(rule) for rule in gate.left_out]
    seen = _foreseen(settings, plan, gate, now)
    if as_json:
        row = {"ok": True, "name": name, "tenant": tenant, "effective_at": when(event.effective_at), "share": share}
        row |= {"sessions": sessions, "left_out": left_out, "foreseen": seen}
        typer.echo(json.dumps(row, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{name}: {share:g} % of the sessions of {tenant} get {read.name} from {when(event.effective_at)}")
    typer.echo(f"changed: {', '.join(sorted(read.changed))}; planned: {sessions} sessions")
    for rule in left_out:
        typer.echo(f"left out of the gate, since a live experiment has no figures of it: {rule}")
    for sentence in seen:
        typer.echo(sentence)
    typer.echo(f"how far it is: spillway experiment show {name}")


@app.command(name="stop")
def stop_(
    name: Name,
    tenant: Tenant = "",
    in_: Annotated[float, typer.Option("--in", min=0, metavar="SECONDS", help="From when on.")] = AHEAD,
    by: By = "",
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Give every session what is live again. One that has not begun yet is called off.

    \b
    Examples:
      spillway experiment stop new-intents
    """
    settings = Settings.find(data)
    with _control(settings) as control:
        now = time.time_ns() // 1000
        experiment = find(Experiments.of(control), name, tenant)
        event = stop(experiment, now + int(in_ * 1_000_000), now, operator(by))
    _publish(settings, event)
    if as_json:
        typer.echo(json.dumps({"ok": True, "name": name, "effective_at": when(event.effective_at)}, indent=2))
    else:
        typer.echo(f"{name}: every session has what is live from {when(event.effective_at)}")


@app.command()
def show(
    name: Name,
    tenant: Tenant = "",
    html: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--html", metavar="FILE", help="Write a report as one HTML file."),
    ] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the question that gives each session's arm.")] = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """How many sessions each arm has, whether they are dealt and served as planned, and, once all have come, who won.

    Exit code as of compare: 0 better or equal, 1 worse, 2 not enough evidence, which is so until as many sessions as
    were planned have come; 3 where it cannot be said, such as without a stack.

    \b
    Examples:
      spillway experiment show new-intents
      spillway experiment show new-intents --html report.html
      spillway ask "$(spillway experiment show new-intents --sql)"
    """
    try:
        settings = Settings.find(data)
        with _control(settings) as control:
            experiment = find(Experiments.of(control), name, tenant)
            if sql:
                typer.echo(arms_question(experiment))
                return
            with client_of(settings.clickhouse) as client:
                finding = find_out(client, experiment, control, time.time_ns() // 1000)
        if html is not None:
            save(html, report(finding), StackError)
    except (StackError, Error) as err:
        typer.echo(str(err), err=True)
        raise typer.Exit(FAILED) from err
    typer.echo(json.dumps(finding.to_json(), indent=2, ensure_ascii=False) if as_json else shown(finding))
    raise typer.Exit(EXIT[finding.verdict])


@app.command(name="list")
def list_(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Every experiment there was: whose, from when until when, how it is dealt.

    \b
    Examples:
      spillway experiment list
    """
    settings = Settings.find(data)
    now = time.time_ns() // 1000
    with _control(settings) as control:
        rows = [
            {
                "name": e.name,
                "tenant": e.tenant,
                "state": state_of(e, now),
                "arms": {arm.name: arm.weight for arm in e.started.arms},
                "sessions": e.started.sessions,
                "since": when(e.since),
                "until": when(e.until) if state_of(e, now) == "stopped" else None,
                "by": e.started.operator,
            }
            for e in sorted(Experiments.of(control), key=lambda e: e.since, reverse=True)
        ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        until = f" to {row['until']}" if row["until"] else ""
        typer.echo(f"{row['state']:<10} {row['name']:<24} {row['tenant']:<12} {row['since']}{until}  {row['by']}")
    if not rows:
        typer.echo("there is no experiment; begin one with: spillway experiment start")


def _foreseen(settings: Settings, plan: Plan, gate: Gate, now: int) -> list[str]:
    """What it could see; it has started all the same where the analytics are away."""
    try:
        with client_of(settings.clickhouse) as client:
            return list(foreseen(client, plan, gate, now))
    except Error as err:
        return [f"what so many sessions could show is not known, since the analytics do not answer: {err}"]


@contextmanager
def _control(settings: Settings) -> Iterator[Control]:
    control = open_control(settings, build_codec(settings))
    try:
        yield control
    finally:
        control.close()


def _publish(settings: Settings, event: ExperimentChanged) -> None:
    too_large = "the articles and excluded sessions are too large for chat.control: end names with * instead"
    announce(settings, event, "it", too_large)
