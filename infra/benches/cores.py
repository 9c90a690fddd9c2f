"""Which processors are cores of their own, and keeping a process to some of them."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

CPUS: Final = Path("/sys/devices/system/cpu")
TASKS: Final = Path("/proc")


def processors() -> list[int]:
    """Those that this process may use, one of each core before the second threads of any."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    return cores_first(usable, {cpu: core_of(cpu) for cpu in usable})


def cores_first(usable: Sequence[int], core: dict[int, tuple[int, int]]) -> list[int]:
    """The processors in such an order that threads of one core come as late as they can. core: of each, its core."""
    turn: dict[tuple[int, int], int] = {}
    order = []
    for cpu in usable:
        turn[core[cpu]] = turn.get(core[cpu], 0) + 1
        order.append((turn[core[cpu]], cpu))
    return [cpu for _, cpu in sorted(order)]


def core_of(cpu: int, under: Path = CPUS) -> tuple[int, int]:
    """Its socket and core, as the kernel was told; a core of its own where it was told nothing."""
    topology = under / f"cpu{cpu}" / "topology"
    try:
        return tuple(int((topology / name).read_text()) for name in ("physical_package_id", "core_id"))  # type: ignore[return-value]
    except (OSError, ValueError):
        return (-1, cpu)


def keep_to(pid: int, cpus: Collection[int]) -> None:
    """From now on every thread of the process runs on these processors alone; threads that it starts, too.

    Does nothing where the system has no such thing. Raises ProcessLookupError once the process has ended.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    os.sched_setaffinity(pid, cpus)
    for task in (TASKS / str(pid) / "task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), cpus)
        except ProcessLookupError:
            continue  # a thread may end at any time
