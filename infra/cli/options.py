"""Options that every command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.settings import DEFAULT_DATA

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="The folder of the stack.")]
"""`--data DIR`; give it the default `DEFAULT_DATA`."""

__all__ = ["DEFAULT_DATA", "Data"]
