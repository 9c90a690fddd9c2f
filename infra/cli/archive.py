"""`spillway archive`: a stretch of the log in Avro files, for replays long after the log has let it go."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import Progress

from infra.cli.options import DEFAULT_DATA, AsJson, Data
from infra.local.errors import StackError
from infra.replaying.moments import NoMoment, moment
from infra.settings import Settings
from infra.wiring import build_codec
from schemas.codec import Codec
from streams.replay.archive import ArchiveError, check_archive, write_archive
from streams.replay.archive_index import Index
from streams.replay.extent import TAIL, shown
from streams.replay.kafka_stretch import KafkaSource
from streams.replay.stretch import Window


def command(
    out: Annotated[Path, typer.Option("--out", help="The folder to write; it must not be there yet.")],
    from_: Annotated[str, typer.Option("--from", help="Where it begins: a time, -2h, -30m, earliest.")] = "earliest",
    to: Annotated[str, typer.Option("--to", help="Where it ends: a time, -5m, now.")] = "now",
    tenant: Annotated[Optional[str], typer.Option(help="Only this tenant's conversations.")] = None,  # noqa: UP045
    tail: Annotated[
        float, typer.Option(min=0, help="Seconds past the end in which late replies and the like are taken along.")
    ] = TAIL,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing: hold the files of the folder against their hashes.")
    ] = False,
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write a stretch of the log to Avro files, with everything that a replay of it needs.

    Replay reads them as it reads the log: spillway replay --archive DIR. Any Avro tool reads them too. Times are UTC
    where they say no zone. A folder that is there already is never written over.

    \b
    Examples:
      spillway archive --from 2026-11-03 --to 2026-11-04 --out archives/2026-11-03
      spillway archive --from -2h --to now --tenant shop --out /mnt/archives/sale
      spillway archive --check --out archives/2026-11-03
    """
    began = time.monotonic()
    try:
        if check:
            index = check_archive(out, Codec())  # schemas are told by what they are, whatever a registry calls them
        else:
            now = time.time_ns() // 1000
            window = Window(_moment(from_, "--from", now), _moment(to, "--to", now))
            index = _write(out, Settings.find(data), window, tenant, tail, quiet=as_json)
    except ArchiveError as err:
        raise StackError(str(err)) from err
    except (KafkaException, TimeoutError) as err:
        raise StackError(f"the log cannot be read, and nothing is written: {err}; see: spillway status") from err
    _show(out, index, time.monotonic() - began, check, as_json)


def _write(out: Path, settings: Settings, window: Window, tenant: str | None, tail: float, quiet: bool) -> Index:
    source, codec = KafkaSource(settings.kafka), build_codec(settings)
    with Progress(console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("archive", total=None)

        def show(done: int, whole: int) -> None:
            progress.update(task, completed=done, total=whole)

        return write_archive(source, codec, window, out, tenant, tail, progress=show)


def _moment(text: str, option: str, now: int) -> int:
    try:
        return moment(text, now)
    except NoMoment as err:
        raise StackError(f"{option}: {err}") from err


def _show(out: Path, index: Index, seconds: float, checked: bool, as_json: bool) -> None:
    topics: dict[str, int] = {}
    for file in index.files:
        topics[file.topic] = topics.get(file.topic, 0) + file.records
    start, end = index.window
    said: dict[str, Any] = {
        "folder": str(out),
        "from": shown(start),
        "to": shown(end),
        "tenant": index.tenant,
        "records": index.records,
        "topics": topics,
        "files": len(index.files),
        "bytes": sum(file.bytes for file in index.files),
        "gaps": [gap._asdict() for gap in index.gaps],
        "left_unread": dict(index.extent.left_unread),
        "checked": checked,
        "seconds": round(seconds, 3),
    }
    if as_json:
        typer.echo(json.dumps(said, ensure_ascii=False))
        return
    what = "is whole" if checked else "is written"
    size = said["bytes"] / 1e6
    typer.echo(f"{out} {what}: {said['from']} to {said['to']}; {size:.1f} MB, {seconds:.1f} s; {index.records} records")
    for topic, count in topics.items():
        typer.echo(f"  {topic:18}{count:>10}")
    for gap in index.gaps:
        missing = f"{shown(gap.missing_from)} to {shown(gap.missing_to)}"
        typer.echo(f"missing: {gap.topic}, partition {gap.partition}, {missing}: {gap.detail}")
    late = {topic: count for topic, count in index.extent.left_unread.items() if count}
    if late and not checked:
        shown_late = ", ".join(f"{count} of {topic}" for topic, count in late.items())
        typer.echo(f"not looked at, since later than {index.extent.tail:.0f} s after the end: {shown_late}")
