"""`spillway dead-letters`: what was rejected and why, back through once mended, and the limit that stops a stage."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any, Optional

import typer
from rich.console import Console
from rich.progress import Progress

from infra.cli.options import DEFAULT_DATA, AsJson, Data
from infra.local.errors import StackError, StackNotRunning
from infra.local.state import Folder
from infra.redrive import Not, Settled, Writer, answered_turns, plan
from infra.settings import Settings
from infra.wiring import build_codec, open_control
from schemas.catalogue import DEAD_LETTERS
from schemas.codec import Undecodable, to_dict
from schemas.events import LIVE, DeadLettered, MadeBy, Meta, Record, StageResumed
from schemas.identity import derived_id
from streams.log import read_to_end
from streams.sink import Sink

app = typer.Typer(no_args_is_help=True, help="What was rejected and why; back through once mended.")
Stage = Annotated[Optional[str], typer.Option(help="Only those that this stage wrote.")]  # noqa: UP045
Reason = Annotated[Optional[str], typer.Option(help="Only those with this reason.")]  # noqa: UP045
Tenant = Annotated[Optional[str], typer.Option(help="Only those of this tenant.")]  # noqa: UP045
HALTED = "halted"


@app.command(name="list")
def list_(
    stage: Stage = None,
    reason: Reason = None,
    tenant: Tenant = None,
    limit: Annotated[int, typer.Option(min=1, help="So many of the latest.")] = 50,
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """List dead letters, the latest last.

    \b
    Examples:
      spillway dead-letters list
      spillway dead-letters list --reason undecodable --limit 500 --json
    """
    settings = Settings.find(data)
    letters = _letters(settings, stage, reason, tenant)
    if as_json:
        typer.echo(json.dumps([_row(letter) for letter in letters[-limit:]], ensure_ascii=False))
        return
    for letter in letters[-limit:]:
        row = _row(letter)
        what = f"{row['stage']:9}  {row['reason']:14}  {row['tenant']}/{row['session']}  {row['detail']}"
        typer.echo(f"{row['id'][:8]}  {row['when'][:19]}  {what}")
    typer.echo(f"{len(letters)} dead letters; look at one with: spillway dead-letters show ID")


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A dead letter's id, or how it begins.")],
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Show one dead letter: where the record lies, why it was rejected, its bytes, and the event if it can be read now.

    \b
    Examples:
      spillway dead-letters show 4f0c
      spillway dead-letters show 4f0c1d5e-6c1f-5d53-9d9f-3d1c2a7b4e10 --json
    """
    settings = Settings.find(data)
    codec = build_codec(settings)
    found = [x for x in _letters(settings, None, None, None) if x.meta.event_id.startswith(id_)]
    if len(found) != 1:
        raise StackError(f"{len(found)} dead letters have an id that begins with {id_}; list them with: list")
    letter = found[0]
    whole: dict[str, Any] = {
        **_row(letter),
        "turn": letter.meta.turn_id,
        "key": repr(letter.key),
        "bytes": len(letter.value or b""),
        "value": (letter.value or b"")[:4096].hex(),
        "record": letter.record,
    }
    try:
        whole["event"] = to_dict(codec.decode(letter.topic, letter.value))
    except Undecodable as why:
        whole["event"] = None
        whole["not_readable"] = str(why)
    typer.echo(json.dumps(whole, ensure_ascii=False, indent=None if as_json else 2, default=repr))


@app.command()
def redrive(
    ids: Annotated[Optional[list[str]], typer.Argument(metavar="[ID]...", help="Only these.")] = None,  # noqa: UP045
    stage: Stage = None,
    reason: Reason = None,
    tenant: Tenant = None,
    rate: Annotated[float, typer.Option(min=0.1, help="So many a second.")] = 50.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Send dead letters back through: turns that were never answered under their own ids, the others as a new message.

    What is still wrong stays, and is said. Safe to run again: a turn that has its answer by then, or a follow-up that
    was sent, is recognised by its id. Exit code 1 when something could not be sent back.

    \b
    Examples:
      spillway dead-letters redrive --reason unknown_schema --dry-run
      spillway dead-letters redrive --stage routing --rate 20
    """
    settings = Settings.find(data)
    codec = build_codec(settings)
    chosen = tuple(ids or [""])
    letters = [x for x in _letters(settings, stage, reason, tenant) if x.meta.event_id.startswith(chosen)]
    answered = answered_turns(settings.kafka, codec)
    writer, done, refused = Writer(settings.kafka), Counter[str](), list[dict[str, str]]()
    with Progress(console=Console(stderr=True), disable=as_json) as progress:
        for letter in progress.track(letters, description="redrive"):
            step = plan(letter, answered, codec, time.time_ns() // 1000)
            if isinstance(step, Not):
                refused.append({"id": letter.meta.event_id, "why": step.why})
                continue
            if isinstance(step, Settled):
                done["settled"] += 1
                continue
            done[step.how] += 1
            if not dry_run:
                writer.write(step)
                time.sleep(1 / rate)
    if as_json:
        typer.echo(json.dumps({**done, "refused": refused, "dry_run": dry_run}, ensure_ascii=False))
    else:
        verb = "would go back" if dry_run else "went back"
        typer.echo(
            f"{done['again']} {verb} under their own ids, {done['follow-up']} as new messages; "
            f"{done['settled']} have their answer"
        )
        for each in refused:
            typer.echo(f"{each['id']} stays: {each['why']}")
    if refused:
        raise typer.Exit(1)


@app.command(name="clear-limit")
def clear_limit(
    stage: Annotated[str, typer.Argument(help="The stage that has halted.")],
    operator: Annotated[str, typer.Option(help="Who clears it, for the record.")] = "",
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Let a stage work again that has stopped itself, since it rejected too much.

    \b
    Examples:
      spillway dead-letters clear-limit routing --operator ana
    """
    settings = Settings.find(data)
    codec = build_codec(settings)
    control = open_control(settings, codec)
    halted = control.halted(stage)
    control.close()
    if halted is None:
        raise StackError(f"{stage} is not halted")
    now = time.time_ns() // 1000
    id_ = derived_id(LIVE, "resume", halted.meta.event_id)
    meta = Meta(id_, "", "", None, None, LIVE, halted.meta.event_id, now, None, MadeBy("operators", operator))
    Sink(settings.kafka, codec).send([StageResumed(meta, stage, operator)])
    restarted = _restart_halted(data)
    if as_json:
        typer.echo(json.dumps({"stage": stage, "was": halted.reason, "restarted": restarted}, ensure_ascii=False))
    else:
        typer.echo(f"{stage} may work again (it had halted: {halted.reason})")


def _restart_halted(data: Any) -> list[str]:
    """Has the local stack, where one runs, start the parts again that have halted."""
    folder = Folder(data)
    try:
        parts = [part.name for part in folder.running().parts if part.state == HALTED]
    except StackNotRunning:
        return []
    for part in parts:
        folder.ask_restart(part)
    return parts


def _letters(settings: Settings, stage: str | None, reason: str | None, tenant: str | None) -> list[DeadLettered]:
    """Each dead letter once, as it was written first, by the time at which the record came."""
    letters: dict[str, DeadLettered] = {}
    for record in read_to_end(settings.kafka, [DEAD_LETTERS], build_codec(settings)):
        if isinstance(record, Record) and isinstance(record.event, DeadLettered):
            letters.setdefault(record.event.meta.event_id, record.event)
    wanted = (
        x
        for x in letters.values()
        if stage in (None, x.stage) and reason in (None, x.reason) and tenant in (None, x.meta.tenant_id)
    )
    return sorted(wanted, key=lambda x: x.appended_at)


def _row(letter: DeadLettered) -> dict[str, Any]:
    return {
        "id": letter.meta.event_id,
        "when": datetime.fromtimestamp(letter.appended_at / 1e6, UTC).isoformat(timespec="milliseconds"),
        "stage": letter.stage,
        "reason": letter.reason,
        "tenant": letter.meta.tenant_id,
        "session": letter.meta.session_id,
        "at": f"{letter.topic}[{letter.partition}]@{letter.offset}",
        "detail": letter.detail,
    }
