"""Disks that are full, in the form that needs neither root nor a file system: files may not grow any more.

The kernel refuses a write beyond a process's largest file size (RLIMIT_FSIZE) with an error much like that of a full
disk. It cannot show a disk on which no new file can be made; a log that is rolled to a new file goes on for a while.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Final

import psutil

from infra.drills.drilling import Drilling

FREED_WITHIN: Final = 60.0
"""Seconds after room is made: brokers and servers that stopped are started anew, with a growing back-off."""
UNLIMITED: Final = resource.RLIM_INFINITY


def disk(it: Drilling) -> None:
    """The files of a broker, of PostgreSQL, and of a worker's log cannot grow for a while, in turn."""
    names = ("kafka", "postgres", "worker")
    limited = [name for name in names if _may_limit(it.ground.part(name).pid)]
    for name in names:
        if name not in limited:
            it.note(f"not run for {name}: it runs as another user, whose limits this one may not set")
    if not limited:
        it.result.skipped = "no process here lets its limits be set"
        return
    for i in range(it.plan.times):
        name = limited[i % len(limited)]
        it.moment()
        _full(it, name)


def _may_limit(pid: int | None) -> bool:
    """Whether the limits of a process may be set by this one: those of another user need a capability that even root
    may lack in a container."""
    try:
        resource.prlimit(pid or 0, resource.RLIMIT_FSIZE)
    except PermissionError:
        return False
    return True


def _full(it: Drilling, name: str) -> None:
    part = it.ground.part(name)
    restarts = part.restarts
    with it.fault(
        f"{name}: files cannot grow for {it.plan.hold:.0f} s", name, stores=True, within=FREED_WITHIN
    ) as fault:
        end = time.monotonic() + it.plan.hold
        while time.monotonic() < end:
            # A process that ended of it is limited again as soon as it runs.
            _limit(part.pid, _room(it, name))
            it.wait(0.2)
        _limit(part.pid, UNLIMITED)
        if not it.ground.ready(name) and part.pid is not None:
            it.ground.supervisor_of(name).restart(name)
        fault.ends()
    it.note(f"{name} ended {part.restarts - restarts} times of it")


def _room(it: Drilling, name: str) -> int:
    """Bytes: what the growing file has now, so that the next write is refused."""
    folders: dict[str, Path] = {
        "kafka": it.ground.stack.folder.path / "kafka" / "log",
        "postgres": it.ground.stack.folder.path / "postgres",
    }
    if name not in folders:
        return it.ground.part(name).spec.log.stat().st_size
    return 8192


def _limit(pid: int | None, size: int) -> None:
    """Of the process and its children. One that has just ended has no limit to set."""
    if pid is None:
        return
    try:
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            resource.prlimit(each.pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))
    except (psutil.NoSuchProcess, ProcessLookupError):
        return
