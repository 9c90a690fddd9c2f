"""Options that several commands have."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated, Final

import typer

from infra.settings import DEFAULT_DATA

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The folder of the stack.")]
"""`--data DIR`; give it the default `DEFAULT_DATA`."""
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who does it, for the record; default: your user's name.")]
"""`--by WHO`; `operator` gives the default."""
Share = Annotated[float, typer.Option(min=0.01, max=1.0, help="Of a core, that each process uses at most.")]
"""`--share S`; give it the default 1."""
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
"""`--json`, of a command that answers at once."""
AsJsonLater = Annotated[bool, typer.Option("--json", help="As JSON; how far it is goes to the standard error output.")]
"""`--json`, of one that takes long."""
AHEAD: Final = 5.0
"""Seconds from a change until it holds, at least: every process knows of it, and has loaded what it needs, by then."""
LOADS: Final = 3
"""So many times what loading took here are the seconds ahead, where that is more: workers are busy."""

__all__ = ["AHEAD", "DEFAULT_DATA", "LOADS", "AsJson", "AsJsonLater", "By", "Data", "Share", "operator"]


def operator(by: str) -> str:
    """Who does it: as given, else the user's name; empty for a user without one, as in a container."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError):
        return ""
