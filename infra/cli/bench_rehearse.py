"""`spillway bench rehearse`: the peak, rehearsed on this installation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer
from confluent_kafka import KafkaException

from infra.benches.frame import BenchError, write
from infra.cli.bench_scale import numbers, say
from infra.cli.options import DEFAULT_DATA, Data
from infra.recordings import read_recordings
from infra.replaying.moments import NoMoment, moment
from infra.settings import Settings
from infra.wiring import build_codec
from streams.replay.stretch import Window

if TYPE_CHECKING:
    from infra.benches.recorded_stretch import Traffic

Text = Optional[str]  # noqa: UP045


def command(
    from_: Annotated[Text, typer.Option("--from", metavar="T", help="The stretch: from this log time on.")] = None,
    to: Annotated[str, typer.Option(metavar="T", help="Up to this log time.")] = "now",
    recording: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="Instead: conversations of a file, at --rate.")  # noqa: UP045
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="With --recording: turns a second before compression.")] = 25.0,
    seconds: Annotated[float, typer.Option(min=1, help="With --recording: of that curve.")] = 240.0,
    tenant: Annotated[Text, typer.Option(help="Only its traffic; with --recording: by whose policy.")] = None,
    factors: Annotated[str, typer.Option(metavar="N,N…", help="How much faster; the last is foretold.")] = "2,4,8",
    rounds: Annotated[int, typer.Option(min=1, help="Of each factor; the median counts.")] = 1,
    target: Annotated[float, typer.Option(min=1, help="Turns a second that the verdict is about.")] = 3900.0,
    p99: Annotated[float, typer.Option(min=1, metavar="MS", help="That a rate must keep to be held.")] = 500.0,
    most_seconds: Annotated[float, typer.Option(min=1, help="That a round may take.")] = 600.0,
    json_file: Annotated[
        Optional[Path], typer.Option("--json", metavar="FILE", help="Also write the result as JSON.")  # noqa: UP045
    ] = None,
    html_file: Annotated[
        Optional[Path], typer.Option("--html", metavar="FILE", help="Also write a page with plots.")  # noqa: UP045
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Rehearse the peak on the running stack: a stretch of its own log, its arrivals 2, 4 and 8 times as fast.

    Messages go out at their times whatever comes back. A model of what each part costs is fitted to the lower factors,
    foretells the highest, and is held against it; then it says how many turns a second this installation holds, with
    how many workers, and what its first limit is.

    Nobody is spoken to: what customers of NAME said is said again in sessions of a tenant rehearsal-NAME, which no
    channel adapter and no desk reads, by NAME's policy without models and handoffs. Messages, replies and rows of these
    tenants stay in the log and in both stores. The stretch is one of its own traffic; what earlier rehearsals wrote is
    left out. Customers who are served meanwhile share the machine with it.

    \b
    Examples:
      spillway bench rehearse --from -1h
      spillway bench rehearse --from 2026-11-11T00:00 --to 2026-11-11T00:05 --target 3900 --html peak.html
      spillway bench rehearse --recording conversations.jsonl --rate 25 --seconds 240 --factors 2,4,8 --rounds 3
    """
    from infra.benches.rehearse import Plan, rehearse  # takes a second to load
    from infra.benches.rehearse_page import shown
    from infra.benches.stack import BenchStack

    settings = Settings.find(data)
    plan = Plan(numbers("--factors", factors), rounds, p99, target, most_seconds)
    try:
        if recording is not None:
            if from_ is not None:
                raise BenchError("--from and --recording: give one of the two")
            traffic = _of_file(recording, tenant, rate, seconds)
        else:
            traffic = _of_log(settings, from_ or "-10m", to, tenant)
        found = rehearse(BenchStack(settings, data), traffic, plan, say)
    except KafkaException as err:
        raise BenchError(f"the broker at {settings.kafka} does not answer ({err}); see: spillway status") from err
    typer.echo(shown(found))
    write(found, json_file, html_file)


def _of_log(settings: Settings, begin: str, end: str, tenant: str | None) -> list[Traffic]:
    from infra.benches.recorded_stretch import traffic_of

    now = time.time_ns() // 1000
    try:
        window = Window(moment(begin, now), moment(end, now))
    except NoMoment as err:
        raise BenchError(f"--from, --to: {err}") from err
    if window.start >= window.end:
        raise BenchError(f"--from {begin} is not before --to {end}")
    return traffic_of(settings.kafka, build_codec(settings), window, tenant)


def _of_file(file: Path, tenant: str | None, rate: float, seconds: float) -> list[Traffic]:
    from infra.benches.arrivals import steady
    from infra.benches.recorded_stretch import of_recording

    talks = read_recordings(file)
    return of_recording(tenant or talks[0].tenant or "shop", talks, steady(rate, seconds))
