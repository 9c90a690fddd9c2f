"""The commands of a document, run as a reader would: in order, in one shell, in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STAYS = "spillway up"
"""The block that a reader leaves running in a terminal of its own."""
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "::block "


def blocks(document: Path) -> list[str]:
    """The fenced blocks that call themselves sh, in order."""
    return [found.strip() for found in _BLOCK.findall(document.read_text("utf-8"))]


@dataclass(frozen=True)
class Ran:
    """What a reader saw. `reached`: how many blocks began. `code`: 0 where each block went through."""

    code: int
    reached: int
    output: str
    folder: Path


@contextmanager
def reader() -> Iterator[Path]:
    """An empty folder that other users may enter, as a database that does not run as root must."""
    folder = Path(tempfile.mkdtemp(prefix="spillway-tour-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stays(command: str, folder: Path, until: str) -> Iterator[None]:
    """The command in a terminal of its own, once it has said `until`; stopped afterwards as by Ctrl-C."""
    argv = ["bash", "-c", f"exec {command}"]
    with subprocess.Popen(argv, cwd=folder, env=_environment(), stdout=subprocess.PIPE, text=True) as running:
        said = []
        try:
            assert running.stdout is not None
            for line in running.stdout:
                said.append(line)
                if until in line:
                    break
            else:
                raise AssertionError(f"{command} ended: {''.join(said)}")
            yield
        finally:
            running.terminate()
            running.communicate(timeout=60)


def run(commands: list[str], folder: Path, timeout: float) -> Ran:
    """All of them in one shell, which stops at the first command that fails."""
    script = "set -euo pipefail\n" + "\n".join(
        f"echo '{_MARK}{number}'\n{command}" for number, command in enumerate(commands)
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
    )
    return Ran(done.returncode, done.stdout.count(_MARK), done.stdout, folder)


def _environment() -> dict[str, str]:
    """The reader's: our commands first, and no settings but the defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPILLWAY_")}
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "TZ": "UTC"}
