"""Virtual environments beside our own, for what cannot live in it: made by pip of packages pinned with hashes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infra.local.errors import PartMissing
from infra.local.packages import Progress


def install_pinned(folder: Path, python: Path, requirements: Path, what: str, remedy: str, progress: Progress) -> None:
    """A virtual environment in `folder` with `requirements`, made with the interpreter `python`.

    By pip, from the index that it is set up for; every package is checked against its hash. `what`: whose environment
    it is, for the lines that tell people; `remedy`: what to do where it fails.

    Raises:
        PartMissing: it could not be made, or a package could not be had.
    """
    pip = [str(folder / "bin" / "python3"), "-m", "pip", "--disable-pip-version-check", "install"]
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--no-compile", "--no-warn-conflicts"]
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    _run([str(python), "-m", "venv", "--clear", str(folder)], clean, what, remedy, lambda _line: None)
    _run([*pip, *options, "--progress-bar=off", "-r", str(requirements)], clean, what, remedy, progress)


def _run(command: list[str], environment: dict[str, str], what: str, remedy: str, progress: Progress) -> None:
    """Run it, and tell of each download as it begins."""
    said: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, errors="replace"
    ) as process:
        for line in process.stdout or ():
            said.append(line.rstrip())
            if line.strip().startswith("Downloading"):
                progress(f"{what}: {line.strip()[0].lower()}{line.strip()[1:]}")
    if process.returncode != 0:
        end = "\n".join(f"    {line}" for line in said[-8:])
        raise PartMissing(
            f"the packages of {what} could not be installed: {' '.join(command[:4])} ended with exit code "
            f"{process.returncode}; {remedy}:\n{end}"
        )
