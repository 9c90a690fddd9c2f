"""`spillway session show`: a session as the projection has it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.markup import escape

from infra.cli.options import DEFAULT_DATA, Data
from infra.cli.redacted import redacted
from infra.local.errors import StackError
from infra.settings import Settings
from projections.session_state.reading import StoredSession, StoredTurn, session
from schemas.events import LIVE

app = typer.Typer(no_args_is_help=True, help="A session as the projection has it, turn by turn.")


@app.callback()
def group() -> None:
    """A session as the projection has it, turn by turn."""


@app.command()
def show(
    tenant: Annotated[str, typer.Argument(help="The tenant.")],
    session_id: Annotated[str, typer.Argument(metavar="SESSION", help="The session.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    redact: Annotated[
        bool, typer.Option(help="Print [phone] for a phone number, and so on for all such data.")
    ] = False,
    run: Annotated[str, typer.Option(help="The run: live, or a replay's id.")] = LIVE,
    data: Data = DEFAULT_DATA,
) -> None:
    """Show a session turn by turn: what was said, understood, decided and answered, and the dialogue's state.

    \b
    Examples:
      spillway session show shop web-42
      spillway session show bank app-7 --json
      spillway session show shop web-42 --redact
    """
    try:
        found = session(Settings.find(data).postgres, tenant, session_id, run)
    except psycopg.Error as why:
        raise StackError(f"PostgreSQL does not give it: {str(why).strip()}") from why
    if found is None:
        raise StackError(
            f"nothing is known of session {session_id!r} of tenant {tenant!r}; "
            'see which there are: spillway ask "select tenant_id, session_id, count() from turns group by all limit 20"'
        )
    if redact:
        found = redacted(found)
    if as_json:
        typer.echo(json.dumps(_as_json(found), ensure_ascii=False))
    else:
        _show(found)


def _as_json(found: StoredSession) -> dict[str, Any]:
    return {
        **found.key._asdict(),
        "dialogue": found.dialogue,
        "turns": [
            {"turn_id": t.turn_id, **t.parts, "agent_replies": t.agent_replies, "feedback": t.feedback}
            for t in found.turns
        ],
        "events": [{"kind": kind, **body} for kind, body in found.events],
    }


def _show(found: StoredSession) -> None:
    console = Console(highlight=False, soft_wrap=True)
    key = found.key
    console.print(f"[bold]{escape(key.tenant_id)} / {escape(key.session_id)}[/bold]  run {escape(key.run_id)}")
    for number, turn in enumerate(found.turns, 1):
        console.print()
        for line in _turn(number, turn):
            console.print(line)
    for kind, body in found.events:
        what = str(body.get("change") or body.get("reason") or "")
        console.print(f"\n{_time(body['log_time'])}  {kind}: {escape(what)}")
    if found.dialogue is not None:
        state = found.dialogue
        where = "with a human" if state["handed_off"] else "with the bot"
        console.print(
            f"\ndialogue: {where}, scenario {state['scenario'] or '-'}, step {state['step'] or '-'}, "
            f"turn {state['turn_seq']} of its episode, {state['failures']} failures, anger {state['anger']:.2f}"
        )


def _turn(number: int, turn: StoredTurn) -> Iterable[str]:
    parts = turn.parts
    message, route, reply = parts.get("message"), parts.get("route"), parts.get("reply")
    first = message or min(parts.values(), key=lambda b: int(b["log_time"]))
    yield f"[bold]{number}.[/bold] {_time(first['log_time'])}  [dim]{turn.turn_id}[/dim]"
    if message is not None:
        yield f"   customer: {escape(message['text'])}"
    yield f"   understood: {escape(_understood(parts))}"
    if route is not None:
        yield f"   decided: {escape(_decided(route))}"
    if reply is not None:
        yield f"   {reply['rung']}: {escape(reply['text'])}"
        yield f"   [dim]{escape(_how(message, reply))}[/dim]"
    for answer in turn.agent_replies:
        yield f"   agent {escape(answer['agent_id'])}: {escape(answer['text'])}"
    for given in turn.feedback:
        yield f"   feedback: {given['score']} {escape(given['comment'])}"
    if dead := parts.get("dead_letter"):
        yield f"   rejected by {dead['stage']}: {dead['reason']}: {escape(dead['detail'])}"


def _understood(parts: Mapping[str, Mapping[str, Any]]) -> str:
    said = []
    if intent := parts.get("intent"):
        said.append(f"{intent['label']} ({intent['confidence']:.2f}, {intent['lang']})")
    if sentiment := parts.get("sentiment"):
        said.append(f"{sentiment['label']} {sentiment['score']:+.2f}, anger {sentiment['anger']:.2f}")
    if entities := parts.get("entities"):
        said += [f"{e['kind']}={e['value']}" for e in entities["entities"]]
    return "; ".join(said) or "nothing yet"


def _decided(route: Mapping[str, Any]) -> str:
    said = [f"{route['scenario']}/{route['step'] or '-'} by {route['trigger']}, {route['owner']} answers"]
    if route["handoff"]:
        said.append(f"handed off: {route['handoff_reason']}")
    if route["signals"]["missing"]:
        said.append(f"without {', '.join(route['signals']['missing'])}")
    if route["rejected"]:
        said.append(f"rejected: {route['rejected']}")
    return "; ".join(said)


def _how(message: Mapping[str, Any] | None, reply: Mapping[str, Any]) -> str:
    said = [reply["fingerprint"], reply["policy"]]
    if message is not None:
        said.append(f"{(reply['log_time'] - message['log_time']) / 1000:.0f} ms")
    said += [f"not {p['rung']}: {p['reason']}" for p in reply["passed_over"]]
    said += [f"cites {c['title']}" for c in reply["citations"]]
    return "; ".join(s for s in said if s)


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
