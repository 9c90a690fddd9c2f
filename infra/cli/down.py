"""`spillway down`: stop a stack from another terminal."""

from __future__ import annotations

import os
import signal
import time
from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackError
from infra.local.state import Folder


def command(
    data: Data = DEFAULT_DATA,
    timeout: Annotated[float, typer.Option(help="Seconds to wait until it is gone.")] = 120.0,
) -> None:
    """Stop the stack that runs on a folder, and wait until every part is gone.

    \b
    Examples:
      spillway down
      spillway down --data /srv/other-stack
    """
    folder = Folder(data)
    supervisor = folder.running().supervisor
    os.kill(supervisor.pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while supervisor.process() is not None:
        if time.monotonic() > deadline:
            raise StackError(f"the stack on {folder.shown} (process {supervisor.pid}) still runs after {timeout:.0f} s")
        time.sleep(0.05)
    typer.echo(f"the stack on {folder.shown} is stopped")
