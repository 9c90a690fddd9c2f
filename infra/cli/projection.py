"""`spillway projection`: one projection as a process of its own, and rebuilding one beside the live tables."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackError
from infra.settings import Settings
from projections.processes import UnknownProjection, run_projection


def command(
    name: Annotated[str, typer.Argument(help="session_state or analytics; or: rebuild.")],
    target: Annotated[Optional[str], typer.Argument(help="After rebuild: which one.")] = None,  # noqa: UP045
    check: Annotated[bool, typer.Option("--check", help="After rebuild: compare only, and switch nothing.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Fold the log into a store until stopped; or rebuild a projection from the whole log beside the live one.

    A rebuild folds everything into tables of its own, compares checksums at equal positions, and switches.

    \b
    Examples:
      spillway projection session_state
      spillway projection rebuild analytics
      spillway projection rebuild session_state --check
    """
    settings = Settings.find(data)
    try:
        if name == "rebuild":
            _rebuild(settings, target, check)
        else:
            stores = settings.postgres, settings.clickhouse
            sys.exit(run_projection(name, settings.kafka, *stores, settings.metrics_port))
    except UnknownProjection as why:
        raise StackError(str(why)) from why


def _rebuild(settings: Settings, target: str | None, check: bool) -> None:
    raise StackError("not yet")
