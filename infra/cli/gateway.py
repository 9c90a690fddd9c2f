"""`spillway gateway`: one gateway process."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from infra import schema_registry
from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackError
from infra.settings import Settings
from schemas.codec import Codec
from streams.channels import gateway
from streams.channels.keys import KeysError, load_keys
from streams.channels.service import DeadlineFor, GatewayService, ten_seconds
from streams.control import Control
from streams.policies import Policies
from streams.search import ArticleSearch

CONTROL_PATIENCE = 60.0


def keys_path(settings: Settings) -> Path:
    """The keys file: SPILLWAY_KEYS, or keys.json in the data folder."""
    return Path(os.environ.get("SPILLWAY_KEYS") or settings.data_dir / "keys.json")


def deadlines(policies: Policies) -> DeadlineFor:
    """The deadline of each tenant's channels, by the policy that is in force now."""

    def deadline_for(tenant: str, channel: str) -> float:
        version = policies.in_force(tenant, time.time_ns() // 1000)
        return ten_seconds(tenant, channel) if version is None else version.rules.policy.deadline(channel)

    return deadline_for


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
    codec = Codec()
    control = Control(settings.kafka, codec)
    control.start()
    try:
        if not control.wait_until_read(CONTROL_PATIENCE):
            raise StackError(f"chat.control could not be read from {settings.kafka} in {CONTROL_PATIENCE:.0f} s")
        service = GatewayService(settings.kafka, keys, deadlines(Policies(control, ArticleSearch)), codec=codec)
        address, bound = listeners[0].getsockname()[:2]
        typer.echo(f"gateway on http://{address}:{bound}")
        gateway.run(service, listeners, [("/registry", schema_registry.router())])
    finally:
        control.close()
        for listener in listeners:
            listener.close()
