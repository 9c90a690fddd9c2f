"""`spillway bench sessions`: how many open sessions, and sockets, one installation holds while messages flow."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console
from rich.table import Table

from infra.benches.frame import write
from infra.benches.sessions import SessionsPlan, measure_sessions
from infra.benches.sessions_result import COUNTED, SessionsResult
from infra.benches.stack import bench_stack
from infra.cli.options import DEFAULT_DATA, Data
from infra.demo import CONVERSATIONS
from infra.local.app_parts import APP_PARTS, GATEWAY
from infra.recordings import read_recordings


def command(
    sessions: Annotated[int, typer.Option(min=1, help="Open sessions.")] = 50_000,
    sockets: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, help="Of them with a WebSocket; default: 15,000, or what the limit of files allows."),
    ] = None,
    rate: Annotated[float, typer.Option(min=1, help="Messages a second.")] = 500.0,
    seconds: Annotated[float, typer.Option(min=5, help="For which they flow once all sessions are open.")] = 60.0,
    gateways: Annotated[int, typer.Option(min=1, help="Gateway processes, started for this.")] = 3,
    clients: Annotated[int, typer.Option(min=1, help="Processes of customers, which hold the sockets.")] = 2,
    json_file: Annotated[
        Optional[Path], typer.Option("--json", metavar="FILE", help="Also write the result as JSON.")  # noqa: UP045
    ] = None,
    html_file: Annotated[
        Optional[Path], typer.Option("--html", metavar="FILE", help="Also write a page with plots.")  # noqa: UP045
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Hold many open sessions, many of them with a WebSocket, while messages flow; say how quickly they are answered.

    Every session is opened by a message, so that routing, PostgreSQL and the reply cache have its state. The sockets
    are spread over several gateways, and come from several loopback addresses. Latency counts from when a message was
    to go until its reply was there: at its own socket, once, or on the log. What a session takes of the worker and of
    PostgreSQL, and a socket of its gateway, is told.

    The stack that runs on DIR is used, and given a tenant `bench` whose replies come from fast rungs; else one is
    started in a temporary folder. Exit code 1 where a reply is missing, came twice, or at another's socket.

    \b
    Examples:
      spillway bench sessions
      spillway bench sessions --sessions 1000 --sockets 300 --rate 100 --seconds 20
      spillway bench sessions --gateways 4 --json sessions.json --html sessions.html
    """
    console = Console(stderr=True, highlight=False)
    plan = SessionsPlan(sessions, sockets, rate, seconds, gateways, clients)
    own = tuple(part for part in APP_PARTS if part is not GATEWAY)
    with bench_stack(data, console.print, own) as stack:
        result = measure_sessions(stack, read_recordings(CONVERSATIONS), plan, console.print)
    _show(result)
    write(result, json_file, html_file)
    raise typer.Exit(0 if result.exactly_once else 1)


def _show(result: SessionsResult) -> None:
    console = Console(highlight=False)
    table = Table("", "turns", "p50", "p95", "p99")
    table.add_row(
        "all", f"{result.turns:,}", *(f"{ms:,.0f} ms" for ms in (result.p50_ms, result.p95_ms, result.p99_ms))
    )
    for name, turns, p50, p99 in (
        ("over a socket", result.socket_turns, result.socket_p50_ms, result.socket_p99_ms),
        ("over the log", result.turns - result.socket_turns, result.log_p50_ms, result.log_p99_ms),
    ):
        table.add_row(name, f"{turns:,}", f"{p50:,.0f} ms", "", f"{p99:,.0f} ms")
    console.print(table)
    kilo = 1024
    console.print(
        f"a session: {result.worker_bytes_per_session / kilo:,.1f} KiB of the worker, "
        f"{result.postgres_bytes_per_session / kilo:,.1f} KiB of PostgreSQL; "
        f"a socket: {result.gateway_bytes_per_socket / kilo:,.1f} KiB of its gateway; "
        f"{result.connected_per_s:,.0f} sockets/s were connected",
        soft_wrap=True,
    )
    console.print(", ".join(f"{name.replace('_', ' ')}: {getattr(result, name):,}" for name in COUNTED))
    for goal, reached in result.reached.items():
        console.print(f"{goal}: {'reached' if reached else 'not reached'}")
    console.print(f"{result.limit}\n{result.machine.sentence}", soft_wrap=True)
