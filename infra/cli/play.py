"""`spillway play`: recorded conversations through the running stack."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.cli.gateway import keys_path
from infra.cli.options import DEFAULT_DATA, Data
from infra.cli.talking import stack_keys, tenant_of
from infra.local.errors import StackError
from infra.manifest import Summary
from infra.play import PlayOptions, PlayProgress, PlayResult, play
from infra.recordings import Recorded, read_recordings
from infra.settings import Settings
from infra.wiring import build_codec, channel_deadlines
from streams.channels.keys import Keys


def command(
    file: Annotated[Path, typer.Argument(help="Conversations, one JSON object a line; .gz or not.")],
    rate: Annotated[Optional[float], typer.Option(min=0.01, help="Messages a second.")] = None,  # noqa: UP045
    limit: Annotated[Optional[int], typer.Option(min=1, help="The first so many conversations.")] = None,  # noqa: UP045
    tenant: Annotated[Optional[str], typer.Option(help="For all of them.")] = None,  # noqa: UP045
    open_loop: Annotated[bool, typer.Option("--open-loop", help="At the rate (200), whatever comes back.")] = False,
    play_id: Annotated[Optional[str], typer.Option(help="The same id again is the same play.")] = None,  # noqa: UP045
    at_once: Annotated[int, typer.Option(min=1, help="Conversations under way at a time.")] = 200,
    through_gateway: Annotated[bool, typer.Option("--through-gateway", help="Over HTTP, not to Kafka.")] = False,
    manifest: Annotated[Optional[Path], typer.Option(help="Write every message sent, as JSON.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Play recorded conversations through the running stack. Exit code 3: a reply is missing.

    The next message of a conversation waits for the reply to the one before, unless --open-loop. After a handoff the
    recorded agent's lines are posted as the human desk's, and the conversation goes on.

    \b
    Examples:
      spillway play conversations.jsonl
      spillway play conversations.jsonl.gz --limit 200 --tenant shop
      spillway play conversations.jsonl.gz --open-loop --rate 200 --json
    """
    conversations = read_recordings(file, limit)
    settings = Settings.find(data)
    keys = stack_keys(settings)
    named = tenant_of(keys, tenant, keys_path(settings))
    _check_tenants(file, conversations, keys)
    options = PlayOptions(
        play_id, named if tenant is not None else None, named, rate, open_loop, at_once=_at_once(at_once, open_loop)
    )
    result = _played(conversations, settings, options, keys if through_gateway else None, as_json)
    if manifest is not None:
        manifest.write_text(json.dumps(result.manifest.to_dict(), ensure_ascii=False), encoding="utf-8")
    typer.echo(json.dumps(result.summary.to_dict(), ensure_ascii=False) if as_json else shown(result.summary))
    if result.summary.missing or result.summary.not_acknowledged:
        raise typer.Exit(3)


def _at_once(asked: int, open_loop: bool) -> int:
    """In open loop a session's messages follow each other without a wait, so more sessions share the rate."""
    return max(asked, 1000) if open_loop else asked


def _check_tenants(file: Path, conversations: list[Recorded], keys: Keys) -> None:
    for number, recorded in enumerate(conversations, 1):
        if recorded.tenant is not None and recorded.tenant not in keys.tenants:
            known = ", ".join(keys.tenants)
            raise StackError(
                f"{file}: conversation {number}: tenant {recorded.tenant!r} is not known: use one of {known}"
            )


def _played(
    conversations: list[Recorded], settings: Settings, options: PlayOptions, gateway: Keys | None, quiet: bool
) -> PlayResult:
    try:
        with channel_deadlines(settings) as deadline_for, _bar(quiet) as bar:
            task = bar.add_task("playing", total=None, facts="")

            def show(p: PlayProgress) -> None:
                facts = f"{p.done}/{p.conversations} conversations · {p.replies} replies"
                bar.update(task, completed=p.sent, total=p.total, facts=facts)

            return play(conversations, settings, options, show, deadline_for, gateway, codec=build_codec(settings))
    except KafkaException as err:
        raise StackError(f"the broker at {settings.kafka} does not answer ({err}); see: spillway status") from err


def _bar(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[facts]}"))
    return Progress(*columns, TimeElapsedColumn(), console=Console(file=sys.stderr), disable=quiet)


def shown(s: Summary) -> str:
    """A summary for people."""
    lines = [
        f"play {s.play_id}: {s.conversations} conversations in {s.seconds:.1f} s",
        f"messages   {s.messages} sent, {s.duplicates_sent} sent again, {s.not_acknowledged} not confirmed",
        f"replies    {s.replies}, {s.missing} missing; {s.handoffs} handoffs, {s.agent_replies} answers of the desk",
        "latency    " + ", ".join(f"{k} {'-' if v is None else f'{v:.0f} ms'}" for k, v in s.latency_ms.items()),
        "rungs      " + _counts(s.by_rung),
        "scenarios  " + _counts(s.by_scenario),
    ]
    if s.skipped_empty or s.cut:
        lines.append(f"recording  {s.skipped_empty} empty texts left out, {s.cut} too long ones cut")
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name or '-'} {n}" for name, n in counts.items()) or "-"
