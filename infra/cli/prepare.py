"""`spillway prepare`: topics, tables, first policies, keys; what an installation needs before its processes start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.demo import TENANTS
from infra.settings import Settings
from infra.wiring import prepare
from schemas.catalogue import DEFAULT_PARTITIONS


def command(
    data: Data = DEFAULT_DATA,
    tenants: Annotated[
        Path, typer.Option("--tenants", metavar="DIR", help="A folder with a folder for each tenant.")
    ] = TENANTS,
    partitions: Annotated[
        int, typer.Option(min=1, help="Of each topic keyed by session; fixed once the topics are there.")
    ] = DEFAULT_PARTITIONS,
    replication: Annotated[int, typer.Option(min=1, help="Copies of each partition: 3 on a cluster.")] = 1,
    no_tenants: Annotated[bool, typer.Option("--no-tenants", help="Activate no policy.")] = False,
) -> None:
    """Create the topics, migrate both stores, activate each tenant's first policy, make the gateway's keys.

    Safe to run again: what is there stays; a tenant that has a policy keeps it. `spillway up` does it by itself.

    \b
    Examples:
      spillway prepare
      spillway prepare --tenants /etc/spillway/tenants
      spillway prepare --partitions 60 --replication 3 --no-tenants
    """
    prepare(Settings.find(data), None if no_tenants else tenants, partitions, replication)
    typer.echo("topics, tables, policies and keys are there")
