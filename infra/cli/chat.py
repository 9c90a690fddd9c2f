"""`spillway chat`: a conversation in the terminal."""

from __future__ import annotations

import json
import secrets
import shutil
import sys
from typing import Annotated, Any, Optional

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.cli.talking import WAIT, Exchange, NotAnswered, cited, conversation, how, shown
from infra.cli.unfolding import Unfolding
from schemas.identity import message_id


def command(
    tenant: Annotated[Optional[str], typer.Option(help="The example shop if missing.")] = None,  # noqa: UP045
    session: Annotated[str, typer.Option(help="Goes on with a conversation; a new one if missing.")] = "",
    tier: Annotated[str, typer.Option(help="The customer's tier.")] = "standard",
    verified: Annotated[bool, typer.Option("--verified", help="The channel knows that this is the customer.")] = False,
    lang: Annotated[str, typer.Option(help="The interface's language: en or zh.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each exchange.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Talk to a tenant's bot through the gateway of the running stack; an empty line or Ctrl-D ends it.

    A reply that is being generated is shown as it comes; what it stands on, and how it was made, follow it. Lines may
    be piped in.

    \b
    Examples:
      spillway chat --tenant shop
      printf 'hello\\nwhere is my order?\\n' | spillway chat --tenant shop --json
    """
    session = session or f"terminal-{secrets.token_hex(4)}"
    with conversation(data, tenant, session, tier, verified, lang) as talk:
        typed = sys.stdin.isatty()
        if typed:
            typer.secho(f"{talk.tenant} · {session} · an empty line ends it", dim=True)
        screen = _screen(as_json)
        talk.follow(lambda frame: _came(frame, screen, as_json))
        with_human = False
        while line := _line(typed):
            message = secrets.token_hex(8)
            screen.begin(message_id(talk.tenant, talk.channel, message))
            try:
                # What a human agent answers is shown when it comes; nobody waits at the prompt for it.
                exchange = talk.send(line, 1.0 if with_human else WAIT, message)
            except NotAnswered as err:
                screen.end("")
                typer.secho(f"spillway: {err}", err=True, fg="red")
                continue
            reply = exchange.reply
            with_human = with_human if reply is None else bool(reply["handoff"] or reply["agent_id"])
            if as_json:
                _print_json(exchange, screen)
            elif reply is None or reply["agent_id"] is None:
                screen.end(shown(None) if reply is None else reply["text"])
                _print_facts(exchange, screen)


def _screen(as_json: bool) -> Unfolding:
    """Where replies unfold: the terminal; nowhere with --json, which only counts the pieces."""

    def write(text: str) -> None:
        if not as_json:
            typer.secho(text, fg="green", nl=False)
            sys.stdout.flush()

    return Unfolding(write, shutil.get_terminal_size().columns if sys.stdout.isatty() else 0)


def _came(frame: dict[str, Any], screen: Unfolding, as_json: bool) -> None:
    if frame["type"] == "partial":
        screen.take(frame)
    elif not as_json and frame["agent_id"] is not None:
        typer.secho(f"{frame['agent_id']}> {frame['text']}", fg="cyan")


def _print_json(exchange: Exchange, screen: Unfolding) -> None:
    first = None if screen.first_seconds is None else round(screen.first_seconds, 6)
    facts = {"seconds": round(exchange.seconds, 6), "pieces": screen.pieces, "first_seconds": first}
    typer.echo(json.dumps({**exchange.body, **facts}, ensure_ascii=False))


def _print_facts(exchange: Exchange, screen: Unfolding) -> None:
    if exchange.reply is not None and (sources := cited(exchange.reply)):
        typer.secho(sources.removeprefix("\n"), fg="green")
    first = "" if screen.first_seconds is None else f" · first text {screen.first_seconds * 1000:.0f} ms"
    typer.secho(f"  {how(exchange.reply, exchange.seconds)}{first}", dim=True)


def _line(typed: bool) -> str:
    try:
        line = input("you> ") if typed else sys.stdin.readline()
    except (EOFError, KeyboardInterrupt):
        typer.echo()
        return ""
    return line.strip()
