"""`spillway schemas`: what a change breaks, the pinned ids, and what other tools are given of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

from infra.schema_history import ROOT, NoSuchRevision, is_checkout, revision
from schemas import asyncapi, examples
from schemas.catalogue import RECORDS, TOPIC_OF
from schemas.codec import Ids, expanded
from schemas.compatibility import Change, compare, snapshot, transitive
from schemas.pinning import pin, unpinned
from schemas.registry import RegistryError, import_into, subject_of

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="The schemas: their changes, ids and copies.",
)


@app.command()
def check(
    against: Annotated[str, typer.Option(metavar="REF", help="A git reference to compare with. Default HEAD.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """What changed, whether it is compatible, what breaks, and who deploys first. Exit 1 when anything breaks.

    Compares with a git reference where there is a checkout, and always with every pinned version.

    \b
    Examples:
      spillway schemas check
      spillway schemas check --against origin/main
    """
    now = snapshot()
    changes: list[Change] = []
    compared = "the pinned versions"
    if against or is_checkout():
        try:
            changes = compare(revision(against or "HEAD"), now)
        except NoSuchRevision as err:
            typer.echo(str(err), err=True)
            raise typer.Exit(2) from err
        compared = f"{against or 'HEAD'} and {compared}"
    known = {(c.subject, c.breaks) for c in changes}
    changes += [c for c in transitive(now) if (c.subject, c.breaks) not in known]
    missing = unpinned()
    breaking = any(c.breaking for c in changes)
    if as_json:
        rows = [{"subject": c.subject, "what": c.what, "breaks": c.breaks, "deploy_first": c.first} for c in changes]
        typer.echo(json.dumps({"compatible": not breaking, "unpinned": missing, "changes": rows}, indent=2))
    else:
        _print(changes, missing, compared)
    raise typer.Exit(1 if breaking or missing else 0)


def _print(changes: list[Change], missing: list[str], compared: str) -> None:
    for change in changes:
        verdict = "BREAKING" if change.breaking else "compatible"
        typer.echo(f"{verdict:<10}  {change.subject}: {change.what}")
        if change.breaking:
            typer.echo(f"            breaks: {change.breaks}")
        typer.echo(f"            deploy first: {change.first}")
    if missing:
        typer.echo(f"not pinned: {', '.join(missing)}; once it is compatible: spillway schemas pin")
    if not changes and not missing:
        typer.echo(f"no change against {compared}")


@app.command("pin")
def pin_command() -> None:
    """Give new records and new versions their ids, and keep their schemas.

    \b
    Examples:
      spillway schemas pin
    """
    broken = transitive(snapshot())
    if broken:
        _print(broken, [], "")
        raise typer.Exit(1)
    pinned = pin()
    for record, id_ in pinned.items():
        typer.echo(f"{record}: {id_}")
    typer.echo(f"{len(pinned)} pinned" if pinned else "nothing to pin")


@app.command()
def show(
    record: Annotated[str, typer.Argument(metavar="RECORD", help="A record, such as MessageReceived.")],
) -> None:
    """A record: its topic, subject, ids, schema and examples, as JSON.

    \b
    Examples:
      spillway schemas show MessageReceived
    """
    if record not in RECORDS:
        typer.echo(f"no record {record!r}; there are: {', '.join(RECORDS)}", err=True)
        raise typer.Exit(2)
    found: dict[str, Any] = {
        "record": record,
        "topic": TOPIC_OF[RECORDS[record]],
        "subject": subject_of(record),
        "ids": Ids.pinned().ids[record],
        "schema": expanded(record),
        "examples": {n: examples.document(n) for n in examples.names() if n.partition(".")[0] == record},
    }
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


@app.command("import")
def import_(
    registry: Annotated[str, typer.Option(metavar="URL", help="The registry's Confluent API.")],
) -> None:
    """Register the pinned schemas in a registry, with our ids where it takes them. Safe to run again.

    \b
    Examples:
      spillway schemas import --registry http://127.0.0.1:8081
      spillway schemas import --registry http://127.0.0.1:8080/apis/ccompat/v7     (Apicurio)
    """
    try:
        imported = import_into(registry)
    except RegistryError as err:
        typer.echo(str(err), err=True)
        raise typer.Exit(1) from err
    table = Table("subject", "version", "pinned id", "its id")
    for version, id_ in imported:
        table.add_row(version.subject, str(version.version), str(version.id), str(id_))
    Console().print(table)


@app.command("asyncapi")
def asyncapi_command(
    write: Annotated[bool, typer.Option("--write", help="Write docs/asyncapi.yaml of this checkout.")] = False,
) -> None:
    """The AsyncAPI document of the topics, as YAML.

    \b
    Examples:
      spillway schemas asyncapi
      spillway schemas asyncapi --write
    """
    text = asyncapi_yaml()
    if not write:
        typer.echo(text, nl=False)
        return
    path: Path = ROOT / "docs" / "asyncapi.yaml"
    path.write_text(text, encoding="utf-8")
    typer.echo(f"wrote {path}")


class _Plain(yaml.SafeDumper):
    """Without anchors: a document for people and other tools."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def asyncapi_yaml() -> str:
    """The document as it is written to `docs/asyncapi.yaml`."""
    head = "# Generated from schemas/ by: spillway schemas asyncapi --write\n"
    return head + yaml.dump(asyncapi.document(), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
