"""`spillway gateway`: one gateway process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from infra import schema_registry
from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackError
from infra.open_files import raise_limit
from infra.settings import Settings
from infra.wiring import build_codec, channel_deadlines
from streams.channels import gateway
from streams.channels.keys import KeysError, load_keys
from streams.channels.service import GatewayService


def keys_path(settings: Settings) -> Path:
    """The keys file: SPILLWAY_KEYS, or keys.json in the data folder."""
    return Path(os.environ.get("SPILLWAY_KEYS") or settings.data_dir / "keys.json")


def command(
    data: Data = DEFAULT_DATA,
    host: Annotated[str, typer.Option(help="Address to listen on; empty: as set for the installation.")] = "",
    port: Annotated[int, typer.Option(help="Port; -1: as set for the installation; 0: any free one.")] = -1,
) -> None:
    """Run a gateway: HTTP, WebSocket, server-sent events, the human desk, and the chat page.

    Its keys are in DATA/keys.json, or where SPILLWAY_KEYS points; docs/adr/0053 shows the file. It listens on the
    loopback interface unless told otherwise.

    \b
    Examples:
      spillway gateway
      spillway gateway --port 9000
    """
    raise_limit()  # a socket is an open file
    settings = Settings.find(data)
    try:
        keys = load_keys(keys_path(settings))
        listeners = [gateway.listen(host or settings.gateway_host, settings.gateway_port if port < 0 else port)]
        if settings.metrics_port is not None:
            listeners.append(gateway.listen(settings.gateway_host, settings.metrics_port))
    except KeysError as err:
        raise StackError(str(err)) from err
    except OSError as err:
        raise StackError(f"the gateway cannot listen: {err}; choose another port with --port") from err
    try:
        with channel_deadlines(settings) as deadline_for:
            codec = build_codec(settings)
            service = GatewayService(settings.kafka, keys, deadline_for, codec=codec)
            address, bound = listeners[0].getsockname()[:2]
            typer.echo(f"gateway on http://{address}:{bound}")
            gateway.run(service, listeners, [("/registry", schema_registry.router(codec.ids))])
    finally:
        for listener in listeners:
            listener.close()
