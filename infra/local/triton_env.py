"""The environment of the local Triton server: made once in the cache, tried by really starting the server, remembered.

It is apart from our own because the server's Python backend needs an older numpy. Packages are pinned with hashes in
`triton.requirements.txt`; a change of that file makes another environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.environments import install_pinned
from infra.local.errors import PartFailed, PartMissing
from infra.local.http_probe import answers_ok
from infra.local.packages import PartsCache, Progress
from infra.local.ports import Ports
from infra.local.process import signal_group
from infra.local.state import write_atomically
from infra.local.triton_python import REMEDY, VARIABLE, Interpreter, asked, candidates, require_platform

REQUIREMENTS = Path(__file__).with_name("triton.requirements.txt")
DOWNLOAD_MB = 91
"""Of the pinned packages, in all; for the line that tells people."""
TRIAL_SECONDS = 60.0
_WORKS = "works.json"
_FAILS = "fails.json"


@dataclass(frozen=True)
class TritonEnvironment:
    """An environment in which the server was seen to start. `home` is the folder of its binaries and backends."""

    python: Path
    library: Path
    home: Path

    @property
    def server(self) -> Path:
        return self.home / "bin" / "tritonserver"

    @property
    def backends(self) -> Path:
        return self.home / "backends"

    def variables(self) -> Mapping[str, str]:
        """What the server's process needs: by PATH its Python finds its packages, by the other its own library."""
        return {
            "PATH": f"{self.python.parent}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "LD_LIBRARY_PATH": str(self.library.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "PYTHONPATH": "",
            "VIRTUAL_ENV": str(self.python.parent.parent),
        }


Trial = Callable[[TritonEnvironment, Path], None]
"""Starts the server once, with a scratch folder; raises PartFailed where it does not come up."""

Install = Callable[[Path, Interpreter, Progress], None]
"""Makes a virtual environment with the pinned packages in a folder; raises PartMissing where they cannot be had."""


def install_packages(folder: Path, interpreter: Interpreter, progress: Progress) -> None:
    """By pip, from the index that it is set up for; every package is checked against its hash."""
    progress(f"triton: installing about {DOWNLOAD_MB} MB into {folder}, once, with {interpreter.path}")
    remedy = f"check the network and run the command again, or name another interpreter by {VARIABLE}"
    install_pinned(folder, interpreter.path, REQUIREMENTS, "triton", remedy, progress)


def triton_environment(
    cache: PartsCache,
    trial: Trial,
    progress: Progress,
    environment: Mapping[str, str] = os.environ,
    install: Install = install_packages,
) -> TritonEnvironment:
    """The environment, made and tried first where that has not been done. Safe for several processes at once.

    What was tried is remembered, success or not: to try again, delete the folder `triton` of the cache.

    Raises:
        PartMissing: no interpreter can serve, each with its reason, or the packages could not be had.
    """
    require_platform()
    with cache.exclusive("triton"):
        refused: list[str] = []
        for interpreter in _fit(environment, refused):
            folder = cache.folder / "triton" / _key(interpreter)
            found = _environment(folder, interpreter)
            if (folder / _WORKS).exists():
                return found
            failure = _failed_before(folder)
            if failure is None:
                _make(found, folder, interpreter, install, progress)
                failure = _tried(found, folder, interpreter, trial, progress)
            if failure is None:
                return found
            refused.append(f"{interpreter.path}: {failure}")
    reasons = "".join(f"\n  {line}" for line in refused)
    raise PartMissing(f"no Python here can run Triton's Python backend; {REMEDY}; tried:{reasons or ' none'}")


def _fit(environment: Mapping[str, str], refused: list[str]) -> Iterator[Interpreter]:
    for path in candidates(environment):
        interpreter = asked(path)
        why = "does not answer as a Python" if interpreter is None else interpreter.unfit()
        if interpreter is not None and why is None:
            yield interpreter
        else:
            refused.append(f"{path}: {why}")


def _key(interpreter: Interpreter) -> str:
    """Another interpreter, another version of it, or other pins: another environment."""
    library = interpreter.library.stat()
    said = (str(interpreter.path), interpreter.version, str(interpreter.library), library.st_size, library.st_mtime_ns)
    return hashlib.sha256(REQUIREMENTS.read_bytes() + json.dumps(said).encode()).hexdigest()[:16]


def _environment(folder: Path, interpreter: Interpreter) -> TritonEnvironment:
    home = folder / "lib" / f"python{interpreter.short}" / "site-packages" / "pytriton" / "tritonserver"
    return TritonEnvironment(folder / "bin" / "python3", interpreter.library, home)


def _failed_before(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / _FAILS).read_text(encoding="utf-8"))["reason"])
    except (OSError, ValueError, KeyError):
        return None


def _make(
    found: TritonEnvironment, folder: Path, interpreter: Interpreter, install: Install, progress: Progress
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    began = time.monotonic()
    install(folder, interpreter, progress)
    # Of the processes that hold a model, the package has one for each version of Python; the backend looks for its own.
    stub = found.home / "python_backend_stubs" / interpreter.short / "triton_python_backend_stub"
    shutil.copy(stub, found.backends / "python" / stub.name)
    progress(f"triton: installed after {time.monotonic() - began:.0f} s; trying it with {interpreter.path}")


def _tried(
    found: TritonEnvironment, folder: Path, interpreter: Interpreter, trial: Trial, progress: Progress
) -> str | None:
    """Why the server does not start there, None where it does; either is remembered."""
    with tempfile.TemporaryDirectory(prefix="spillway-triton-") as scratch:
        try:
            trial(found, Path(scratch))
        except PartFailed as failed:
            progress(f"triton: {failed}")
            shutil.rmtree(folder)
            write_atomically(folder / _FAILS, json.dumps({"reason": str(failed)}))
            return str(failed)
    write_atomically(folder / _WORKS, json.dumps({"python": str(interpreter.path), "version": interpreter.version}))
    return None


def start_once(command: list[str], variables: Mapping[str, str], scratch: Path, ready: str) -> None:
    """Start a server, wait until the URL `ready` says 200, and end it with its whole process group.

    Raises:
        PartFailed: it ended, or did not answer within `TRIAL_SECONDS`.
    """
    log = scratch / "trial.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env={**os.environ, **variables}, cwd=scratch, start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + TRIAL_SECONDS
    try:
        while not answers_ok(ready):
            if process.poll() is not None or time.monotonic() > deadline:
                raise PartFailed(f"the server did not start: {_reason(log)}")
            time.sleep(0.1)
    finally:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def free_ports(scratch: Path) -> tuple[int, int, int]:
    """Ports for a trial: gRPC, HTTP, metrics."""
    ports = Ports(scratch / "ports.json", usual=False)
    return ports.take("grpc"), ports.take("http"), ports.take("metrics")


def _reason(log: Path) -> str:
    """The line of the server's log that says most: the last error, else the last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "Error" in line or line.startswith("E")]
    return (errors or lines or ["it said nothing"])[-1][:300]
