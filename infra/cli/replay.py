"""`spillway replay`: a stretch of the log once more, in a run of its own."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Optional

import typer
from confluent_kafka import KafkaException

from infra.candidates.casting import LIVE_AGAIN
from infra.candidates.parse import load_candidate
from infra.cli.options import DEFAULT_DATA, Data, Share
from infra.models.store import ModelStore
from infra.replaying.definition import MODES, Asked
from infra.replaying.errors import ReplayError
from infra.replaying.group import group_of
from infra.replaying.moments import NoMoment, moment
from infra.replaying.running import How, create, go_on, outcome, settle
from infra.replaying.showing import Watch, show
from infra.settings import Settings
from infra.wiring import build_codec
from projections.analytics.schema import client_of
from projections.analytics.store import AWAY
from projections.runs import Run, RunStore, WrongRunName
from projections.runs.store import NoSuchRun
from streams.replay.archive import ArchiveStretch
from streams.replay.archive_index import ArchiveError
from streams.replay.source import StretchGone
from streams.replay.stretch import Selection, Window

STOPPED: Final = 130
Text = Optional[str]  # noqa: UP045


def command(
    from_: Annotated[Text, typer.Option("--from", metavar="T", help="From this log time on: ISO 8601, -2h …")] = None,
    to: Annotated[str, typer.Option(metavar="T", help="Up to this log time; now by default.")] = "now",
    tenant: Annotated[Text, typer.Option(help="Only this tenant's conversations.")] = None,
    scenario: Annotated[Text, typer.Option(help="Only conversations with a turn routed there.")] = None,
    sessions: Annotated[Optional[int], typer.Option(min=1, metavar="N", help="N conversations, drawn by seed.")] = None,  # noqa: UP045
    candidate: Annotated[Optional[Path], typer.Option(metavar="FILE", help="What replaces what was live.")] = None,  # noqa: UP045
    mode: Annotated[str, typer.Option(metavar="MODE", help="teacher-forced or free-run.")] = MODES[0],
    name: Annotated[Text, typer.Option(metavar="RUN", help="What the run is called; else by what it is.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run --name, as it was asked for.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Replay a complete run once more: the same facts.")] = False,
    workers: Annotated[Optional[int], typer.Option(min=1, metavar="N", help="Processes; else one a core.")] = None,  # noqa: UP045
    full_priority: Annotated[bool, typer.Option("--full-priority", help="Do not step back for others.")] = False,
    share: Share = 1.0,
    only_create: Annotated[bool, typer.Option("--only-create", help="For: spillway worker --replay RUN.")] = False,
    topics: Annotated[bool, typer.Option("--topics", help="Also write to topics of the run's own.")] = False,
    archive: Annotated[Optional[Path], typer.Option(metavar="DIR", help="Read an archive, not Kafka.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as JSON.")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Replay a stretch of the log, by the same stages, in a run of its own; live sees nothing of it.

    Without --candidate live is replayed as it was, which shows that a replay decides what was decided. Ctrl-C stops it;
    what is done stays, and the same command goes on. Exit code 1 when it cannot go on, 130 when it was stopped.

    \b
    Examples:
      spillway replay --from -1h
      spillway replay --from 2026-11-20T18:00 --to 2026-11-20T20:00 --tenant shop --sessions 5000
      spillway replay --from -1d --candidate intent-2026-11.yaml --mode free-run --name intent-2026-11
      spillway replay --name intent-2026-11 --resume
      spillway replay --from -1d --workers 1 --share 0.2      (on a machine that serves customers)
    """
    settings = Settings.find(data)
    if mode not in MODES:
        raise ReplayError(f"--mode must be {' or '.join(MODES)}, not {mode!r}")
    try:
        with RunStore(settings.clickhouse) as store:
            if resume:
                run = _stored(store, name)
            else:
                selection = Selection(tenant, scenario, sessions, _seed(candidate, settings))
                asked = _asked(from_, to, selection, mode, candidate, archive, topics, settings)
                run = create(settings, store, name or asked.run_name(), asked, _now())
                _plan(settings, asked, run)
            if only_create:
                _created(run, as_json)
                return
            how = How(workers or _cores(), aside=not full_priority, again=again, share=share)
            _replay(settings, store, run, how, as_json)
    except (WrongRunName, NoSuchRun, StretchGone, ArchiveError) as why:
        raise ReplayError(str(why)) from why
    except KafkaException as why:
        raise ReplayError(f"the broker at {settings.kafka} does not answer ({why}); see: spillway status") from why
    except AWAY as why:
        raise ReplayError(f"ClickHouse does not do it ({why}); what is done stays. See: spillway status") from why


def _now() -> int:
    return time.time_ns() // 1000


def _cores() -> int:
    return min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _stored(store: RunStore, name: str | None) -> Run:
    if name is None:
        raise ReplayError("--resume goes on with a run that has a name: --name RUN; see: spillway runs list")
    return store.need(name)


def _seed(candidate: Path | None, settings: Settings) -> int:
    return LIVE_AGAIN.seed if candidate is None else load_candidate(candidate).seed


def _asked(
    from_: str | None,
    to: str,
    selection: Selection,
    mode: str,
    candidate: Path | None,
    archive: Path | None,
    topics: bool,
    settings: Settings,
) -> Asked:
    if archive is not None and from_ is None:
        window = ArchiveStretch.of(archive, build_codec(settings)).window
    else:
        window = _window(from_, to)
    store = ModelStore(settings.model_store)
    played = LIVE_AGAIN if candidate is None else load_candidate(candidate, store)
    folder = None if archive is None else str(archive.resolve())
    return settle(Asked(window, selection, mode, played, folder, topics), settings)  # type: ignore[arg-type]


def _window(from_: str | None, to: str) -> Window:
    if from_ is None:
        raise ReplayError("--from is missing: from which log time on? Such as --from -2h, or --from 2026-11-20T18:00")
    now = _now()
    window = Window(_moment(from_, "--from", now), _moment(to, "--to", now))
    if window.start >= window.end:
        raise ReplayError(f"--from {from_} is not before --to {to}")
    return window


def _moment(text: str, option: str, now: int) -> int:
    try:
        return moment(text, now)
    except NoMoment as err:
        raise ReplayError(f"{option}: {err}") from err


def _plan(settings: Settings, asked: Asked, run: Run) -> None:
    """What the gate can be held to, said before anything is known of the candidate."""
    if run.status == "created" and asked.candidate.gate:
        from infra.replaying.planning import plan  # What it stands on takes seconds to load, and few replays need it.

        with client_of(settings.clickhouse) as client:
            for line in plan(client, asked):
                typer.echo(line, err=True)


def _created(run: Run, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"run_id": run.run_id, "status": run.status, "partitions": list(run.partitions)}))
    else:
        parts = f"{len(run.partitions)} partitions for the group {group_of(run.run_id)}"
        typer.echo(f"run {run.run_id}: {run.status}, {parts}")
        typer.echo(f"next: spillway worker --replay {run.run_id}")


def _replay(settings: Settings, store: RunStore, run: Run, how: How, as_json: bool) -> None:
    if run.status == "complete" and not how.again:
        typer.echo(f"run {run.run_id} is complete: the same facts would come again, so nothing is done.", err=True)
        typer.echo("To replay it all the same: --again", err=True)
        _print(settings, store, run, as_json, None, 0)
        return
    done = {} if how.again else store.parts(run.run_id)
    began = time.monotonic()
    with _stopped_by_signals(), Watch(len(run.partitions), done, quiet=as_json) as watch:
        try:
            run = go_on(settings, store, run, how, watch.told)
        except KeyboardInterrupt as stopped:
            left = len(store.left(run))
            typer.echo(f"stopped; {left} of {len(run.partitions)} partitions are left, what is done stays", err=True)
            typer.echo(f"go on with: spillway replay --name {run.run_id} --resume", err=True)
            raise typer.Exit(STOPPED) from stopped
    _print(settings, store, run, as_json, time.monotonic() - began, watch.turns)


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Whoever started it, and however it is told to end, it stops as by Ctrl-C."""
    before = {sign: signal.signal(sign, signal.default_int_handler) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _print(settings: Settings, store: RunStore, run: Run, as_json: bool, seconds: float | None, turns: int) -> None:
    found = outcome(settings, store, run)
    if as_json:
        this_time = {"this_time": {"seconds": round(seconds or 0.0, 3), "turns": turns}}
        typer.echo(json.dumps({**found.as_json(), **this_time}, indent=1, ensure_ascii=False))
    else:
        typer.echo(show(found, seconds, turns))
