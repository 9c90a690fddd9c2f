"""What a data folder says about its stack: who runs it (a lock), what runs where (`run/stack.json`), requests to it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.local.errors import StackNotRunning, StackRunning
from infra.local.process import Identity


@dataclass(frozen=True)
class PartRecord:
    """A part as `run/stack.json` has it. `born` tells its process from a later one."""

    name: str
    state: str
    version: str
    pid: int | None
    born: str | None
    port: int | None
    address: str | None
    health: str | None
    stop_signal: int
    restarts: int
    exit_code: int | None
    log: str

    @property
    def identity(self) -> Identity | None:
        return None if self.pid is None or self.born is None else Identity(self.pid, self.born)


@dataclass(frozen=True)
class StackRecord:
    """The content of `run/stack.json`. `ready` once every part has answered and all preparation is done."""

    supervisor_pid: int
    supervisor_born: str
    started_at: float
    ready: bool
    addresses: dict[str, str | None]
    ports: dict[str, int]
    parts: list[PartRecord] = field(default_factory=list)

    @property
    def supervisor(self) -> Identity:
        return Identity(self.supervisor_pid, self.supervisor_born)


class Folder:
    """The data folder of a stack and the places in it."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.run = self.path / "run"
        self.logs = self.path / "logs"
        self.record = self.run / "stack.json"
        self.requests = self.run / "requests"
        self.ports = self.path / "ports.json"

    def read(self) -> StackRecord | None:
        """What the last supervisor wrote; None where there is nothing, or what another version wrote.

        The supervisor may have ended since.
        """
        try:
            content: dict[str, Any] = json.loads(self.record.read_text(encoding="utf-8"))
            parts = [PartRecord(**part) for part in content.pop("parts")]
            return StackRecord(**content, parts=parts)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def running(self) -> StackRecord:
        """What the supervisor that runs now wrote.

        Raises:
            StackNotRunning: none runs; the message says how to start one.
        """
        record = self.read()
        if record is None or record.supervisor.process() is None:
            raise StackNotRunning(f"no stack runs on {self.shown}; start one with: spillway up{self._data_option}")
        return record

    def write(self, record: StackRecord) -> None:
        write_atomically(self.record, json.dumps(asdict(record), indent=1))

    def ask_restart(self, part: str) -> None:
        """Ask the running supervisor to start `part` anew, or again after it halted."""
        self.requests.mkdir(parents=True, exist_ok=True)
        (self.requests / part).touch()

    @property
    def shown(self) -> str:
        """The folder as a user would type it."""
        try:
            return str(self.path.relative_to(Path.cwd()))
        except ValueError:
            return str(self.path)

    @property
    def _data_option(self) -> str:
        return "" if self.shown == ".spillway" else f" --data {self.shown}"


class FolderLock:
    """The right to run a stack on a folder; it ends with the process that holds it, however that ends.

    Raises, when entered:
        StackRunning: another process holds it.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._file = -1

    def __enter__(self) -> Self:
        self._folder.run.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._folder.run / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 32).decode() or "unknown"
            os.close(self._file)
            option = self._folder._data_option
            raise StackRunning(
                f"a stack already runs on {self._folder.shown} (process {holder}); "
                f"look at it with: spillway status{option}, stop it with: spillway down{option}, "
                "or start another with: spillway up --data OTHER"
            ) from None
        os.truncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)


def write_atomically(path: Path, text: str) -> None:
    """Replace the file in one step: a reader sees the old content or the new, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(fresh, path)


def shown_address(address: str) -> str:
    """An address without its password, for screens and logs."""
    return re.sub(r"://([^:/@]+):[^@]+@", r"://\1@", address)
