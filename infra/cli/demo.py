"""`spillway demo`: the stack, conversations through it, and what became of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.table import Table

from infra.cli.options import DEFAULT_DATA, Data
from infra.demo import CONVERSATIONS
from infra.demo.view import DemoView
from infra.local.app_parts import APP_PARTS
from infra.local.errors import StackNotRunning
from infra.local.inspection import inspect_stack
from infra.local.stack import LocalStack
from infra.local.state import Folder, write_atomically
from infra.play import PlayOptions, PlayResult, play
from infra.recordings import read_recordings
from infra.settings import Settings
from infra.summary import come_to_rest, summarise
from infra.wiring import build_codec, channel_deadlines, prepare

NEXT = """
Where to look next
  spillway up                                         the same stack with these conversations in it, until Ctrl-C
  then, in another terminal:
  spillway send --tenant shop --session me "我的快递到哪了"
  spillway ask --list                                 saved questions to the analytics
  spillway session show {tenant} {session}
  spillway ledger
  The chat page is at the gateway's address that `spillway up` prints.
"""


def command(
    data: Data = DEFAULT_DATA,
    file: Annotated[Path, typer.Option("--file", help="Other conversations to play.")] = CONVERSATIONS,
    rate: Annotated[float, typer.Option(min=1, help="Messages a second.")] = 60.0,
    play_id: Annotated[Optional[str], typer.Option(help="The same id again repeats a play.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="Only the summary, as JSON.")] = False,
) -> None:
    """Start the local stack, play labelled conversations of many customers at once, and sum up.

    Uses the stack that runs on the folder, if one does; else starts one, and stops it at the end. The summary is
    computed from the log and the stores, held against what was sent, and written to DIR/demo/summary.json. Exit code 1
    when anything was lost, doubled, out of order, or unaccounted for.

    \b
    Examples:
      spillway demo
      spillway demo --rate 200
      spillway demo --json
    """
    began = time.monotonic()
    console = Console(stderr=as_json)
    with _stack(data, console) as settings:
        result = _played(settings, file, PlayOptions(play_id, rate=rate), console)
        console.print("\nWaiting until no turn is open and both stores are at the end of the log…")
        come_to_rest(settings)
        summary = summarise(settings, result.manifest, _parts(data), time.monotonic() - began)
    where = Folder(data).path / "demo" / "summary.json"
    where.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(where, json.dumps(summary, ensure_ascii=False, indent=2) + "\n")
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False))
    else:
        _show(summary, console)
        first = result.manifest.messages[0]
        console.print(NEXT.format(tenant=first.tenant, session=first.session), highlight=False, soft_wrap=True)
        console.print(f"The whole summary: {where}", highlight=False)
    if not sound(summary):
        raise typer.Exit(1)


@contextmanager
def _stack(data: Path, console: Console) -> Iterator[Settings]:
    """The stack that runs on the folder, or one that is started, and stopped at the end."""
    try:
        settings = Settings.of_stack(data)
    except StackNotRunning:
        stack = LocalStack(data, app=APP_PARTS, prepare=prepare)
        stack.start(lambda line: console.print(line, highlight=False))
        try:
            yield stack.settings()
        finally:
            stack.stop()
    else:
        console.print(f"Using the stack that runs on {data}", highlight=False)
        yield settings


def _played(settings: Settings, file: Path, options: PlayOptions, console: Console) -> PlayResult:
    conversations = read_recordings(file)
    with (
        channel_deadlines(settings) as deadline_for,
        DemoView(settings) as view,
        Live(view, console=console, refresh_per_second=4),
    ):
        return play(conversations, settings, options, view.update, deadline_for, codec=build_codec(settings))


def _parts(data: Path) -> dict[str, str]:
    """Each part of the stack with its version; the supervisor is none, being this very command."""
    return {part.name: part.version for part in inspect_stack(Folder(data)).parts if part.version}


def sound(summary: dict[str, Any]) -> bool:
    """Whether nothing was lost, doubled, out of order, unaccounted for, or told differently by a store."""
    return bool(summary["ledger"]["balanced"]) and not summary["reconciled"] and not summary["divergence"]


def _show(summary: dict[str, Any], console: Console) -> None:
    ledger = summary["ledger"]
    latency, fresh = summary["latency_ms"], summary["freshness_ms"]
    rows = {
        "conversations": f"{summary['conversations']}, with {summary['messages']} messages and "
        f"{summary['duplicates_sent']} repeated webhooks",
        "replies": f"{summary['replies']}: " + ", ".join(f"{k} {v}" for k, v in summary["by_rung"].items()),
        "handed to a human": str(summary["handoffs"]),
        "scenarios": ", ".join(f"{k} {v}" for k, v in summary["by_scenario"].items()),
        "languages": ", ".join(f"{k} {v}" for k, v in summary["by_language"].items()),
        "routed as labelled": f"{summary['scenario_accuracy']:.1%}" if summary["scenario_accuracy"] else "no labels",
        "latency": f"p50 {latency['p50']} ms, p95 {latency['p95']} ms, p99 {latency['p99']} ms",
        "readable in analytics": f"after p50 {fresh['p50']} ms, p95 {fresh['p95']} ms",
        "ledger": ", ".join(f"{k} {v}" for k, v in ledger.items()),
        "stores that differ from the log": str(summary["divergence"]),
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/bold]", value)
    console.print()
    console.print(Padding(table, (0, 2)), highlight=False)
    for wrong in summary["reconciled"]:
        console.print(f"  [red]{wrong}[/red]", highlight=False)


