"""Numbered migrations of a store: `0001_name.up.sql` and `0001_name.down.sql` in a package's `migrations`."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.resources import files
from typing import Final, NamedTuple

_NAME: Final = re.compile(r"(\d{4}_[a-z0-9_]+)\.(up|down)\.sql").fullmatch


class WrongMigrations(RuntimeError):
    """The files and the store do not fit: a gap, a file without its way back, a store newer than this version."""


class Migration(NamedTuple):
    """One step forward and the way back. `name` begins with its number."""

    name: str
    up: str
    down: str


def migrations_of(package: str) -> list[Migration]:
    """The migrations of a package, in order. Raises WrongMigrations."""
    texts: dict[str, dict[str, str]] = {}
    for file in files(package).joinpath("migrations").iterdir():
        if matched := _NAME(file.name):
            texts.setdefault(matched[1], {})[matched[2]] = file.read_text(encoding="utf-8")
    found = []
    for number, name in enumerate(sorted(texts), 1):
        if int(name[:4]) != number:
            raise WrongMigrations(f"{package}: migration {number:04} is missing; {name} comes in its place")
        if texts[name].keys() != {"up", "down"}:
            raise WrongMigrations(f"{package}: {name} needs both {name}.up.sql and {name}.down.sql")
        found.append(Migration(name, texts[name]["up"], texts[name]["down"]))
    return found


def to_apply(known: list[Migration], applied: Collection[str]) -> list[Migration]:
    """What a store still needs. Raises WrongMigrations where it has what this version does not know."""
    if unknown := sorted(set(applied) - {m.name for m in known}):
        raise WrongMigrations(f"the store has {unknown}, which this version does not know: deploy a newer one")
    return [m for m in known if m.name not in applied]


def to_revert(known: list[Migration], applied: Collection[str], target: int) -> list[Migration]:
    """What must be undone, last first, until only the migrations up to number `target` are left."""
    return [m for m in reversed(known) if m.name in applied and int(m.name[:4]) > target]
