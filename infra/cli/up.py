"""`spillway up`: start the stack, show its addresses, and stay."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, cast

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.local.app_parts import APP_PARTS
from infra.local.errors import StackError
from infra.local.stack import LocalStack
from infra.local.state import shown_address
from infra.settings import Settings


def command(
    data: Data = DEFAULT_DATA,
    registry: Annotated[bool, typer.Option("--registry", help="Also run a real Apicurio schema registry.")] = False,
    triton: Annotated[bool, typer.Option("--triton", help="Also run a real Triton server (docs/triton.md).")] = False,
    stores: Annotated[bool, typer.Option("--stores-only", help="Only Kafka, PostgreSQL and ClickHouse.")] = False,
) -> None:
    """Start the stack and stay until Ctrl-C; then stop everything in order.

    Parts are downloaded once. What was stored comes back with the next start on the same folder, whatever happened.

    \b
    Examples:
      spillway up
      spillway up --registry
      spillway up --triton
      spillway up --data /srv/other-stack
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: _leave(stop))
    began = time.monotonic()
    stack = LocalStack(
        data,
        registry=registry,
        triton=triton,
        app=() if stores else APP_PARTS,
        prepare=None if stores else _preparation(),
    )
    try:
        stack.start(typer.echo)
        typer.echo(f"\nThe stack is up after {time.monotonic() - began:.1f} s; its data is in {stack.folder.shown}\n")
        for name, address in vars(stack.addresses).items():
            if address:
                typer.echo(f"  {name.replace('_', ' '):<16}{shown_address(address)}")
        typer.echo("\nCtrl-C stops it; another terminal can use: spillway status, send, chat, play, ask, ledger\n")
        while not stop.wait(0.5):
            pass
    except _Interrupted:
        pass
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        typer.echo("stopping")
        stack.stop()
    typer.echo("stopped")


class _Interrupted(BaseException):
    """Asked to stop while starting."""


def _leave(stop: threading.Event) -> None:
    # Asked again while it stops, it goes on stopping.
    if not stop.is_set():
        stop.set()
        raise _Interrupted


def _preparation() -> Callable[[Settings], None]:
    """What makes topics, tables and tenants: `prepare` of `infra.wiring`."""
    try:
        return cast(Callable[[Settings], None], import_module("infra.wiring").prepare)
    except ImportError as broken:
        raise StackError(f"the stack's preparation (infra.wiring) cannot be loaded: {broken}") from broken
