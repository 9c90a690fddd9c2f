"""`spillway ask`: questions to the analytics."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from typing import Annotated, Any, Optional

import typer
from clickhouse_connect.driver.exceptions import DatabaseError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.cli.options import DEFAULT_DATA, Data
from infra.local.errors import StackError
from infra.settings import Settings
from projections.analytics.dictionary import dictionary
from projections.analytics.questions import Answer, WrongQuestion, ask, ask_as, question, saved
from projections.analytics.schema import client_of

READ_ONLY_ADDRESS = "SPILLWAY_CLICKHOUSE_READONLY"
"""In production: the address with the credentials of the user who may only read."""
_ENGINE_FORMATS = {"csv": "CSVWithNames", "tsv": "TabSeparatedWithNames", "json": "JSONEachRow"}
_WIDE = 12
"""Columns from which on one single row is shown as a list."""


def command(
    asked: Annotated[Optional[str], typer.Argument(metavar="SQL|NAME", help="A query, or a saved question.")] = None,  # noqa: UP045
    list_saved: Annotated[bool, typer.Option("--list", help="List the saved questions.")] = False,
    show_dictionary: Annotated[bool, typer.Option("--dictionary", help="Print the data dictionary.")] = False,
    param: Annotated[Optional[list[str]], typer.Option("--param", metavar="K=V", help="Of a question.")] = None,  # noqa: UP045
    format_: Annotated[str, typer.Option("--format", metavar="F", help="table, json, csv or tsv.")] = "table",
    data: Data = DEFAULT_DATA,
) -> None:
    """Ask the analytics a question, in ClickHouse's SQL or by the name of a saved one. Nothing can be changed by it.

    Begin with the view turns: one row for each customer message and all that followed from it (docs/analytics.md).

    \b
    Examples:
      spillway ask "select scenario, count() from turns group by scenario"
      spillway ask --list
      spillway ask handled_automatically
      spillway ask why --param turn=6f0c9d5e-6c1f-5d53-9d9f-3d1c2a7b4e10
      spillway ask slowest_turns --param limit=5 --format csv
    """
    if list_saved:
        _list()
        return
    if format_ not in ("table", *_ENGINE_FORMATS):
        raise StackError(f"--format must be table, json, csv or tsv, not {format_!r}")
    if not asked and not show_dictionary:
        raise StackError('ask what? For example: spillway ask "select count() from turns"; or: spillway ask --list')
    settings = Settings.find(data)
    try:
        with client_of(os.environ.get(READ_ONLY_ADDRESS) or settings.clickhouse) as client:
            if show_dictionary:
                typer.echo(dictionary(client), nl=False)
                return
            sql, parameters = question(asked or "", _parameters(param or []))
            if format_ == "table":
                _show(ask(client, sql, parameters))
            else:
                _print(ask_as(client, sql, parameters, _ENGINE_FORMATS[format_]), format_)
    except WrongQuestion as why:
        raise StackError(str(why)) from why
    except DatabaseError as why:
        raise StackError(f"ClickHouse refuses: {str(why).strip()[:2000]}") from why


def _parameters(given: list[str]) -> dict[str, str]:
    pairs = [p.partition("=") for p in given]
    if wrong := [p for p, (_, equals, _) in zip(given, pairs, strict=True) if not equals]:
        raise WrongQuestion(f"--param wants NAME=VALUE, not {', '.join(wrong)}")
    return {name: value for name, _, value in pairs}


def _list() -> None:
    table = Table("name", "what it tells", "parameters", show_lines=False)
    for found in saved().values():
        wants = ", ".join(p.name if p.default is None else f"{p.name}={p.default}" for p in found.parameters)
        table.add_row(found.name, escape(found.about), escape(wants))
    _console().print(table)


def _print(text: str, format_: str) -> None:
    if format_ == "json":
        text = json.dumps([json.loads(line) for line in text.splitlines() if line], ensure_ascii=False, indent=1) + "\n"
    typer.echo(text, nl=False)


def _show(answer: Answer) -> None:
    console = _console()
    if len(answer.rows) == 1 and len(answer.columns) >= _WIDE:
        table = Table(show_header=False)
        for name, value in zip(answer.columns, answer.rows[0], strict=True):
            table.add_row(name, _cell(value))
    else:
        table = Table(*answer.columns)
        for row in answer.rows:
            table.add_row(*map(_cell, row))
    console.print(table)
    if not answer.rows:
        console.print("no rows")


def _console() -> Console:
    """As wide as the terminal; into a pipe as wide as it takes, since cut cells are of no use there."""
    return Console(width=None if sys.stdout.isatty() else 2000)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict | list | tuple):
        return escape(json.dumps(value, ensure_ascii=False, default=str))
    return escape(str(value))
