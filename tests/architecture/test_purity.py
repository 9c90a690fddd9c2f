"""The decisions take time, identity and everything else from their arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BANNED = {
    "time", "random", "secrets", "os", "socket", "subprocess", "threading", "asyncio", "logging", "tempfile", "sys",
    "urllib", "http", "ssl", "select", "signal", "multiprocessing", "concurrent", "locale", "getpass", "platform",
    "structlog", "requests", "httpx", "confluent_kafka", "psycopg", "faust", "clickhouse_connect", "prometheus_client",
}  # fmt: skip
BANNED_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "input", "print", "exec", "eval", "breakpoint"}
TOOLING = {"registry.py": {"urllib"}}
"""What asks a schema registry, at start; no decision is made there."""
WRITTEN_OUT = {"schemas/compiled.py", "processors/fact_body.py"}
"""What writes functions out from our own record types, once, as `collections.namedtuple` does: exec, and no more."""
FILES = sorted(p for package in ("schemas", "processors") for p in (ROOT / package).rglob("*.py"))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id
            elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name | ast.Attribute):
                owner = node.func.value
                name = owner.id if isinstance(owner, ast.Name) else owner.attr
                if name in ("datetime", "date", "uuid"):
                    yield node.func.attr


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_decision_reaches_for_nothing(path: Path) -> None:
    """No clock, random, environment, file, network or log is imported or called in schemas and processors."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    allowed = TOOLING.get(path.name, set()) if path.parent.name == "schemas" else set()
    assert (set(_imported(tree)) & BANNED) - allowed == set()
    may = {"exec"} if str(path.relative_to(ROOT)) in WRITTEN_OUT else set()
    assert set(_called(tree)) & BANNED_CALLS == may


def test_the_ban_sees_what_it_is_for() -> None:
    """A deliberate offender is caught, however it is written."""
    offender = ast.parse("import os, uuid\nfrom datetime import datetime\nprint(datetime.now(), uuid.uuid4())")
    assert {"os"} == set(_imported(offender)) & BANNED
    assert {"now", "uuid4", "print"} == set(_called(offender)) & BANNED_CALLS
