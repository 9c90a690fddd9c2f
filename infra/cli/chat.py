"""`spillway chat`: a conversation in the terminal."""

from __future__ import annotations

import json
import secrets
import sys
from typing import Annotated, Optional

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.cli.talking import WAIT, NotAnswered, conversation, how, shown


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

    Lines may be piped in.

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
        if not as_json:
            talk.follow(lambda reply: typer.secho(f"{reply['agent_id']}> {reply['text']}", fg="cyan"))
        with_human = False
        while line := _line(typed):
            try:
                # What a human agent answers is shown when it comes; nobody waits at the prompt for it.
                exchange = talk.send(line, 1.0 if with_human else WAIT)
            except NotAnswered as err:
                typer.secho(f"spillway: {err}", err=True, fg="red")
                continue
            reply = exchange.reply
            with_human = with_human if reply is None else bool(reply["handoff"] or reply["agent_id"])
            if as_json:
                typer.echo(json.dumps({**exchange.body, "seconds": round(exchange.seconds, 6)}, ensure_ascii=False))
            elif reply is None or reply["agent_id"] is None:
                typer.secho(shown(exchange.reply), fg="green")
                typer.secho(f"  {how(exchange.reply, exchange.seconds)}", dim=True)


def _line(typed: bool) -> str:
    try:
        line = input("you> ") if typed else sys.stdin.readline()
    except (EOFError, KeyboardInterrupt):
        typer.echo()
        return ""
    return line.strip()
