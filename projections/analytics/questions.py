"""Questions to the analytics: in SQL, or saved ones by name. They only read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.client import Client

PACKAGE: Final = "projections.analytics"
_PARAMETER: Final = re.compile(r"-- param (?P<name>[a-z_]+)(?P<given>=(?P<default>\S*))? ?(?P<about>.*)").fullmatch
_READS: Final = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS")
_NOT_CODE: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
READ_ONLY: Final = {"readonly": "2"}
"""A server that has users also refuses to write, whatever was asked; 2, since a format may come with settings."""


class WrongQuestion(ValueError):
    """The question cannot be asked; the message says what would mend it."""


class Parameter(NamedTuple):
    """What a saved question wants to know. `default` is None where it must be given."""

    name: str
    default: str | None
    about: str


class Saved(NamedTuple):
    """A question with a name."""

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    sql: str


class Answer(NamedTuple):
    """Rows as Python has them."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@cache
def saved() -> Mapping[str, Saved]:
    """The saved questions, by name."""
    found = {}
    for file in files(PACKAGE).joinpath("saved").iterdir():
        name, dot, kind = file.name.partition(".")
        if dot and kind == "sql":
            found[name] = _read(name, file.read_text(encoding="utf-8"))
    return dict(sorted(found.items()))


def _read(name: str, text: str) -> Saved:
    lines = text.splitlines()
    comments = [line for line in lines if line.startswith("-- ")]
    matches = [m for m in map(_PARAMETER, comments) if m]
    parameters = tuple(Parameter(m["name"], m["default"] if m["given"] else None, m["about"]) for m in matches)
    sql = "\n".join(line for line in lines if not line.startswith("-- "))
    return Saved(name, comments[0].removeprefix("-- "), parameters, sql.strip())


def question(asked: str, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The SQL of a question and its parameters. `asked`: SQL, or a saved question's name. Raises WrongQuestion."""
    if re.fullmatch(r"[a-z_]+", asked.strip()):
        return _saved_question(asked.strip(), given)
    refuse_to_write(asked)
    return asked, dict(given)


def _saved_question(name: str, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    found = saved().get(name)
    if found is None:
        raise WrongQuestion(f"there is no saved question {name!r}; there are {', '.join(saved())}")
    known = {p.name for p in found.parameters}
    if unknown := sorted(given.keys() - known):
        raise WrongQuestion(f"{name} takes no {', '.join(unknown)}; it takes {', '.join(sorted(known)) or 'nothing'}")
    values = {p.name: given.get(p.name, p.default) for p in found.parameters}
    if missing := [p for p in found.parameters if values[p.name] is None]:
        wants = "; ".join(f"--param {p.name}=…  ({p.about})" for p in missing)
        raise WrongQuestion(f"{name} wants {wants}")
    return found.sql, {key: value for key, value in values.items() if value is not None}


def refuse_to_write(sql: str) -> None:
    """Raises WrongQuestion for what is not one statement that reads."""
    code = _NOT_CODE.sub(" ", sql).strip().rstrip(";").strip()
    first = (re.findall(r"[A-Za-z]+", code) or [""])[0].upper()
    if first not in _READS:
        raise WrongQuestion(f"only what reads can be asked ({', '.join(_READS[:3])} …), not {first or 'nothing'}")
    if ";" in code:
        raise WrongQuestion("one statement at a time: there is a semicolon in the middle")
    if re.search(r"\bINTO\s+OUTFILE\b", code, re.IGNORECASE):
        raise WrongQuestion("INTO OUTFILE writes a file at the server: use --format csv and redirect the output")


def ask(client: Client, sql: str, parameters: Mapping[str, str]) -> Answer:
    """The answer to what `question` gave. Raises clickhouse_connect's DatabaseError where the engine refuses it."""
    found = client.query(sql.strip().rstrip(";"), parameters=dict(parameters), settings=READ_ONLY)
    return Answer(tuple(found.column_names), found.result_rows)


def ask_as(client: Client, sql: str, parameters: Mapping[str, str], engine_format: str) -> str:
    """The same in one of ClickHouse's own formats."""
    raw = client.raw_query(
        sql.strip().rstrip(";"), parameters=dict(parameters), settings=READ_ONLY, fmt=engine_format
    )
    return raw.decode("utf-8", "replace")
