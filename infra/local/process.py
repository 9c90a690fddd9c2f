"""A part of the stack as a process: what to run, how to tell that it answers, how to stop it, whether a pid is it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

HALTED = 78
"""Exit code of a process that stopped itself and must stay stopped until an operator says otherwise."""

LARGEST_LOG_BYTES = 32 * 1024 * 1024
"""A log larger than this is set aside, once, when its part starts again."""

_LAUNCHER = Path(__file__).with_name("launch.py")


@dataclass(frozen=True)
class Account:
    """The operating-system user that a part runs as."""

    uid: int
    gid: int
    name: str
    home: str


@dataclass(frozen=True)
class PartSpec:
    """What the supervisor needs to know of a part.

    `ready` returns whether the part's protocol answers; it may block for about a second and must not raise. `env` is
    laid over the supervisor's environment.
    `health` is a URL that says 200 when the part works, for one of our own. Times are in seconds.
    """

    name: str
    argv: Sequence[str]
    log: Path
    ready: Callable[[], bool]
    version: str = ""
    port: int | None = None
    address: str | None = None
    health: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    start_timeout: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace: float = 20.0


@dataclass(frozen=True)
class Identity:
    """A process, told apart from a later one that was given the same pid. `born` is opaque."""

    pid: int
    born: str

    def process(self) -> psutil.Process | None:
        """The process if it still runs, else None."""
        try:
            process = psutil.Process(self.pid)
            same = _birth(self.pid) == self.born
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            return None


def identity_of(pid: int) -> Identity:
    """The identity of the running process `pid`.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    try:
        return Identity(pid, _birth(pid))
    except (FileNotFoundError, ProcessLookupError) as ended:
        raise psutil.NoSuchProcess(pid) from ended


def _birth(pid: int) -> str:
    """When the process was born, in a form that no adjustment of the clock changes."""
    if sys.platform != "linux":
        return f"{psutil.Process(pid).create_time():.2f}"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    # The name in parentheses may hold spaces; the ticks since the boot are the 20th field after it.
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{boot} {ticks}"


def spawn(spec: PartSpec) -> subprocess.Popen[bytes]:
    """Start the part in a session of its own, its output appended to its log.

    The part is killed when the calling *thread* ends, so the caller must be a thread that lives as long as the stack.
    """
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **spec.env}
    account = ["-1", "-1"]
    if spec.account is not None:
        account = [str(spec.account.uid), str(spec.account.gid)]
        environment |= {"HOME": spec.account.home, "USER": spec.account.name, "LOGNAME": spec.account.name}
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), *account, "--"]
    if spec.log.exists() and spec.log.stat().st_size > LARGEST_LOG_BYTES:
        spec.log.replace(spec.log.with_suffix(".log.1"))
    with spec.log.open("ab") as log:
        return subprocess.Popen(
            [*launcher, *spec.argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=spec.cwd,
            start_new_session=True,
        )


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the process group that `pid` leads; nothing happens where it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def end_orphan(identity: Identity, *, grace: float, stop_signal: int = signal.SIGTERM) -> bool:
    """End a process left over by an earlier supervisor, with its group; returns whether there was one.

    A process that was stopped (SIGSTOP) is continued so that it can hear the signal. After `grace` seconds it is
    killed.
    """
    process = identity.process()
    if process is None:
        return False
    signal_group(identity.pid, stop_signal)
    signal_group(identity.pid, signal.SIGCONT)
    if not _gone(identity, grace):
        signal_group(identity.pid, signal.SIGKILL)
        _gone(identity, 5.0)
    return True


def _gone(identity: Identity, timeout: float) -> bool:
    end = time.monotonic() + timeout
    while identity.process() is not None:
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def memory_of(identity: Identity) -> tuple[int, int] | None:
    """Resident and proportional memory (bytes) of a process and its descendants; None where it has ended.

    Proportional memory counts a page shared by n processes as 1/n; where the system does not tell it, it is the
    resident memory.
    """
    process = identity.process()
    if process is None:
        return None
    resident = proportional = 0
    for member in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            try:
                full = member.memory_full_info()
                resident += full.rss
                proportional += getattr(full, "pss", full.rss)
            except psutil.AccessDenied:
                rss = member.memory_info().rss
                resident += rss
                proportional += rss
    return resident, proportional
