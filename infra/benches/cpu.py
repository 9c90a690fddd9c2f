"""Seconds on a core by part of a running stack: what a turn costs whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psutil

from infra.local.state import Folder


def pids_of(data: Path) -> dict[str, int]:
    """Of each part of the stack that runs on the folder, its process. Raises StackNotRunning."""
    return {part.name: part.pid for part in Folder(data).running().parts if part.pid is not None}


def seconds_of(process: psutil.Process) -> float:
    """Seconds on a core so far of a process and its children, those that have ended included; 0 once it has ended."""
    seconds = 0.0
    try:
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return seconds
    for each in tree:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


class CpuMeter:
    """Reads the processors' time of parts; each is named, and stands with its children.

    A part that is not there, or has ended, stays at what was last read of it.
    """

    def __init__(self, parts: Mapping[str, int]) -> None:
        self._processes: dict[str, psutil.Process] = {}
        self._last: dict[str, float] = {}
        for name, pid in parts.items():
            self.add(name, pid)

    def add(self, name: str, pid: int) -> None:
        """Also reads this part from now on; in the place of the one of the same name."""
        self._last[name] = 0.0
        try:
            self._processes[name] = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._processes.pop(name, None)

    def read(self) -> dict[str, float]:
        """Seconds (user and system) of each part since its process began."""
        for name, process in self._processes.items():
            self._last[name] = max(self._last[name], seconds_of(process))
        return dict(self._last)


def between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Seconds of each part from one reading to a later one, those that took most first."""
    spent = {name: max(0.0, seconds - before.get(name, 0.0)) for name, seconds in after.items()}
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def us_per_turn(spent: Mapping[str, float], turns: int) -> dict[str, float]:
    """Microseconds a turn of each part; 0 of no turns."""
    return {name: round(seconds * 1e6 / turns, 1) if turns else 0.0 for name, seconds in spent.items()}
