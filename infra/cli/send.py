"""`spillway send`: one message and its reply."""

from __future__ import annotations

import json
from typing import Annotated, Optional

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.cli.talking import WAIT, conversation, how, shown


def command(
    text: Annotated[str, typer.Argument(help="The message.")],
    tenant: Annotated[Optional[str], typer.Option(help="The example shop if missing.")] = None,  # noqa: UP045
    session: Annotated[str, typer.Option(help="The conversation.")] = "terminal",
    tier: Annotated[str, typer.Option(help="The customer's tier.")] = "standard",
    verified: Annotated[bool, typer.Option("--verified", help="The channel knows that this is the customer.")] = False,
    lang: Annotated[str, typer.Option(help="The interface's language: en or zh.")] = "",
    message_id: Annotated[str, typer.Option(help="The channel's message id; the same again is the same message.")] = "",
    wait: Annotated[float, typer.Option(min=0, max=WAIT, help="Seconds to wait for the reply.")] = 15.0,
    as_json: Annotated[bool, typer.Option("--json", help="Everything the gateway said, as JSON.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Send one message through the gateway of the running stack, and show the reply. Exit code 3: none came in time.

    \b
    Examples:
      spillway send --tenant shop --session s1 "Where is my order 1234567?"
      spillway send --tenant shop --session s1 "我要退货" --json
    """
    with conversation(data, tenant, session, tier, verified, lang) as talk:
        exchange = talk.send(text, wait, message_id or None)
    if as_json:
        typer.echo(json.dumps({**exchange.body, "seconds": round(exchange.seconds, 6)}, ensure_ascii=False))
    else:
        typer.echo(shown(exchange.reply))
        typer.secho(how(exchange.reply, exchange.seconds), dim=True)
    if exchange.reply is None and wait > 0:
        raise typer.Exit(3)
