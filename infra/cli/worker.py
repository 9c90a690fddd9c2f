"""`spillway worker`: one process that runs stages of the pipeline."""

from __future__ import annotations

import os
from typing import Annotated, Optional

import typer

from infra.cli.options import DEFAULT_DATA, Data
from infra.models.settings import TRITON
from infra.settings import Settings
from infra.wiring import build_codec, build_stages, models_of, open_control
from streams.topology import SPECS
from streams.worker import WorkerSettings, exit_now, run_worker


def command(
    stages: Annotated[str, typer.Option(help="Which ones, separated by commas.")] = ",".join(SPECS),
    instance: Annotated[
        Optional[str], typer.Option(help="A name that stays the same over restarts: static membership.")  # noqa: UP045
    ] = None,
    replay: Annotated[Optional[str], typer.Option(metavar="RUN", help="Work on this replay instead.")] = None,  # noqa: UP045
    data: Data = DEFAULT_DATA,
) -> None:
    """Run stages until SIGTERM or Ctrl-C. Addresses come from SPILLWAY_* variables, else from the stack on DIR.

    With --replay no stage of live is run: the worker is a member of the group that replays RUN, with as many others as
    there are; it ends with 0 once all partitions of the run are done, and when it is told to.

    Exit code: 0 when told to end, 1 on a bug, 75 to be started again, 78 when every stage of it is halted by its
    dead-letter limit. Metrics and readiness on SPILLWAY_METRICS_PORT.

    \b
    Examples:
      spillway worker
      spillway worker --stages intent,sentiment,entities
      SPILLWAY_METRICS_PORT=9101 spillway worker --stages routing
      spillway worker --replay intent-2026-11
    """
    if replay is not None:
        from infra.replaying.group import replay_in_group  # most of a second to load, and no stage of live needs it

        replay_in_group(Settings.find(data), replay)
        return
    names = [name.strip() for name in stages.split(",") if name.strip()]
    if unknown := [name for name in names if name not in SPECS]:
        raise typer.BadParameter(f"no such stage: {', '.join(unknown)}; there are {', '.join(SPECS)}")
    settings = Settings.find(data)
    codec = build_codec(settings)
    control = open_control(settings, codec)
    how = WorkerSettings(
        settings.kafka,
        instance=instance or os.environ.get("SPILLWAY_INSTANCE") or None,
        metrics_port=settings.metrics_port,
        metrics_host=settings.metrics_host,
        # A server that is away holds up the stage whose models it runs, and no other.
        chain=not settings.models.runtime.startswith(TRITON),
    )
    built = build_stages(names, control, settings, codec)
    exit_now(run_worker(built, how, codec, control, lambda: {"models": models_of(built)}))
