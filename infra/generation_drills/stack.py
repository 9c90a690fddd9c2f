"""A stack of a drill's own: real parts, a real Triton server, and the tenants of the drills."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from infra.generation_drills.tenants import write_tenants
from infra.local.app_parts import APP_PARTS
from infra.local.packages import Progress
from infra.local.stack import LocalStack, silent
from infra.wiring import prepare

SETTINGS: Final = "SPILLWAY_GENERATION"
SERVER: Final = "SPILLWAY_TRITON"


@contextmanager
def a_stack(
    tenants: Sequence[str],
    deadline: float,
    generation: Mapping[str, Any] | None = None,
    data: Path | None = None,
    progress: Progress = silent,
    triton: str = "",
) -> Iterator[LocalStack]:
    """Starts it, and stops it when the context is left.

    generation: the settings of the stage generation, as in the file that SPILLWAY_GENERATION names; None: its own.
    data: the stack's folder; None: a temporary one. triton: a server elsewhere, HOST:PORT; "": one of its own.
    Raises StackError.
    """
    with tempfile.TemporaryDirectory(prefix="spillway-drill-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # a database that does not run as root must enter it
        written = write_tenants(folder / "tenants", tenants, deadline)
        with _variable(SERVER, triton or None), _settings(folder, generation):
            stack = LocalStack(
                data or folder / "data",
                triton=not triton,
                app=APP_PARTS,
                prepare=partial(prepare, tenants=written),
                usual_ports=False,
            )
            stack.start(progress)
            try:
                yield stack
            finally:
                stack.stop()


def set_pool(stack: LocalStack, generation: Mapping[str, Any]) -> None:
    """Other settings for the stage of a stack that runs; returns once it works with them."""
    file = stack.settings().generation
    assert file is not None, "the stack was started with settings"
    file.write_text(json.dumps(generation), encoding="utf-8")
    stack.restart("generation")


@contextmanager
def _settings(folder: Path, generation: Mapping[str, Any] | None) -> Iterator[None]:
    """The file of the stage's settings, named in the environment that the stack's processes get."""
    file = folder / "generation.json"
    if generation is not None:
        file.write_text(json.dumps(generation), encoding="utf-8")
    with _variable(SETTINGS, None if generation is None else str(file)):
        yield


@contextmanager
def _variable(name: str, value: str | None) -> Iterator[None]:
    """The environment has this value, or none, until the context is left."""
    before = os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before
