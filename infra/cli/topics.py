"""`spillway topics`: the catalogue, and how full each topic is where a stack runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from confluent_kafka import KafkaException
from rich.console import Console
from rich.table import Table

from infra.cli.options import DEFAULT_DATA, AsJson, Data
from infra.flow_picture import mermaid
from infra.local.errors import StackError
from infra.settings import Settings
from schemas.catalogue import CATALOGUE, DAY, DEFAULT_PARTITIONS, Topic
from streams.log import a_reader, bounds


def command(
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
    picture: Annotated[bool, typer.Option("--picture", help="The flow as a Mermaid picture.")] = False,
) -> None:
    """The catalogue of topics: owner, key, records, writers and readers; with offsets and sizes where a stack runs.

    \b
    Examples:
      spillway topics
      spillway topics --json
      spillway topics --picture
      spillway topics --data /srv/other-stack
    """
    if picture:
        typer.echo(mermaid(), nl=False)
        return
    live, absent = _live(data)
    rows = [{**_described(topic), **live.get(topic.name, {})} for topic in CATALOGUE]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        _print(rows)
    if absent:
        typer.echo(f"Without offsets and sizes: {absent}", err=True)


def _described(topic: Topic) -> dict[str, Any]:
    return {
        "topic": topic.name,
        "about": topic.about,
        "owner": topic.owner,
        "key": topic.key,
        "records": [r.__name__ for r in topic.records],
        "partitions": topic.partitions or DEFAULT_PARTITIONS,
        "retention_seconds": topic.retention,
        "max_bytes": topic.max_bytes,
        "writers": list(topic.writers),
        "readers": list(topic.readers),
    }


def _live(data: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """By topic what the brokers have now, or why that is not known."""
    try:
        settings = Settings.find(data)
    except StackError as err:
        return {}, str(err)
    reader = a_reader(settings.kafka)
    try:
        spans = bounds(reader, [t.name for t in CATALOGUE], timeout=5)
    except (KafkaException, ValueError) as err:
        return {}, f"the broker at {settings.kafka} does not say: {err}"
    finally:
        reader.close()
    live: dict[str, dict[str, Any]] = {}
    for (topic, _), (low, high) in spans.items():
        entry = live.setdefault(topic, {"partitions": 0, "records_kept": 0, "end_offsets": []})
        entry["partitions"] += 1
        entry["records_kept"] += high - low
        entry["end_offsets"].append(high)
    for topic, entry in live.items():
        segments = list(settings.data_dir.glob(f"kafka/log/{topic}-*/*.log"))
        if segments:
            entry["bytes"] = sum(segment.stat().st_size for segment in segments)
    return live, ""


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(show_lines=True)
    table.add_column("topic", no_wrap=True)
    table.add_column("records", no_wrap=True)
    table.add_column("written by, read by")
    table.add_column("holds", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row['topic']}\n[dim]{row['owner']}[/dim]",
            "\n".join(row["records"]),
            f"{', '.join(row['writers'])}\n[dim]{', '.join(row['readers'])}[/dim]",
            "\n".join(_holds(row)),
        )
    Console().print(table)
    for key in dict.fromkeys(row["key"] for row in rows):
        Console().print(f"key of {', '.join(r['topic'] for r in rows if r['key'] == key)}: {key}", style="dim")


def _holds(row: dict[str, Any]) -> list[str]:
    kept = row["retention_seconds"]
    lines = [f"{row['partitions']} partitions", "for ever" if kept is None else f"{kept // DAY} days"]
    if "records_kept" in row:
        lines.append(f"{row['records_kept']:,} records")
    if "bytes" in row:
        lines.append(f"{row['bytes'] / (1 << 20):.1f} MiB")
    return lines
