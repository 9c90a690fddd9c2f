"""The `spillway` command: one table of commands, each loaded from its own module only when it is used.

To add a command, write `infra/cli/<first word, - as _>.py` and add a row to `COMMANDS`. The module exposes one of

- `command`: a function with typer annotations, for a single command (`spillway send`, `spillway projection NAME`);
- `app`: a `typer.Typer`, for a group of commands (`spillway session show`).

A module that cannot be loaded breaks only its own command. Errors of `infra.local.errors.StackError` (settings
included) are shown as one line; 2 is the exit code where another stack is in the way, otherwise 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from infra.local.errors import StackError, StackRunning


@dataclass(frozen=True)
class Row:
    """A command of the table: its first word, the heading it is listed under, and a line of help."""

    name: str
    heading: str
    about: str

    @property
    def module(self) -> str:
        return f"infra.cli.{self.name.replace('-', '_')}"


COMMANDS = (
    Row("demo", "Begin here", "Start a stack, play conversations through it, and say what happened."),
    Row("up", "The local stack", "Start the stack and stay until Ctrl-C."),
    Row("down", "The local stack", "Stop the stack that runs on a folder."),
    Row("status", "The local stack", "Parts, versions, ports, memory, readiness, lag by stage."),
    Row("logs", "The local stack", "The log of a part."),
    Row("send", "Talk", "Send one message and show the reply."),
    Row("chat", "Talk", "A conversation in the terminal."),
    Row("play", "Talk", "Play recorded conversations."),
    Row("ask", "Look", "Query the analytics in SQL, or by a saved question."),
    Row("session", "Look", "A session as the projection has it, turn by turn."),
    Row("ledger", "Look", "The conservation ledger: what became of every message."),
    Row("topics", "Look", "The catalogue of topics."),
    Row("schemas", "Look", "Whether a schema change is compatible, and who deploys first."),
    Row("dead-letters", "Operate", "What was rejected and why; back through once mended."),
    Row("policy", "Operate", "Check, activate and list policies."),
    Row("evaluate", "Models", "Measure a bundle on labelled text; compare, and gate."),
    Row("models", "Models", "List, show, verify and activate models, and go back to older ones."),
    Row("train", "Models", "Train a model bundle from labelled text."),
    Row("replay", "Replay", "Replay a stretch of the log with a candidate, in a run of its own."),
    Row("runs", "Replay", "What was replayed: list, show, delete."),
    Row("compare", "Replay", "Compare two runs, turn by turn, with a verdict."),
    Row("experiment", "Replay", "Live A/B: start, stop, show."),
    Row("archive", "Replay", "Write a stretch of the log to Avro files that replay reads."),
    Row("bench", "Operate", "Measure this machine."),
    Row("drill", "Operate", "Hurt a stack under load, and audit what became of every message."),
    Row("prepare", "Processes", "Topics, tables, first policies: what must be there before processes start."),
    Row("worker", "Processes", "Run stages of the pipeline."),
    Row("projection", "Processes", "Run a projection, or rebuild it: projection rebuild NAME."),
    Row("gateway", "Processes", "Run the gateway: HTTP, WebSocket, chat page."),
)
_ROWS = {row.name: row for row in COMMANDS}


class _Lazy(TyperGroup):
    """The top of the command: lists the table, and imports a module when its command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [row.name for row in COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        row = _ROWS.get(cmd_name)
        return None if row is None else _load(row)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        for heading in dict.fromkeys(row.heading for row in COMMANDS):
            with formatter.section(heading):
                formatter.write_dl([(row.name, row.about) for row in COMMANDS if row.heading == heading])
        self.format_epilog(ctx, formatter)


def _load(row: Row) -> Any:
    try:
        module = import_module(row.module)
    except ImportError as broken:
        typer.echo(f"spillway {row.name} cannot be loaded ({row.module}): {broken}", err=True)
        raise typer.Exit(1) from broken
    if hasattr(module, "app"):
        found: typer.Typer = module.app
        found.info.name = row.name
        return get_command(found)
    function: Callable[..., object] = module.command
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    single.command(row.name, help=None if function.__doc__ else row.about)(function)
    return get_command(single)


_top = typer.Typer(
    name="spillway",
    cls=_Lazy,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Customer-service chat that survives the flood.",
    epilog="Every command has --help with examples, and --data DIR for the folder of its stack (default .spillway).",
)


@_top.callback()
def _begin() -> None:
    """Customer-service chat that survives the flood."""


_AWAY: Final = {
    ("clickhouse_connect", "OperationalError"): "ClickHouse",
    ("psycopg", "OperationalError"): "PostgreSQL",
    ("cimpl", "KafkaException"): "Kafka",
}
"""What says that a store does not answer, by package and name: importing all three would slow every command down."""


def run() -> None:
    """The entry point of the console script; ends the process with the command's exit code."""
    try:
        get_command(_top)()
    except StackError as refused:
        typer.echo(str(refused), err=True)
        sys.exit(2 if isinstance(refused, StackRunning) else 1)
    except Exception as error:
        if (store := store_away(error)) is None:
            raise
        typer.echo(f"{store} did not do what was asked: {error}; look at: spillway status, spillway logs", err=True)
        sys.exit(1)


def store_away(error: Exception) -> str | None:
    """Which store an error says to be away or overloaded; None: the error is of another kind, hence a bug of ours."""
    found = ((kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__)
    return next((_AWAY[name] for name in found if name in _AWAY), None)


if __name__ == "__main__":
    run()
