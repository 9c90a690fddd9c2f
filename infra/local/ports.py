"""Ports on the loopback interface: those of last time, else the usual ones, else any that is free."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

from infra.local.state import write_atomically

USUAL = {
    **{"kafka": 9092, "postgres": 5432, "clickhouse": 8123, "gateway": 8080, "registry": 8081},
    **{"triton http": 8000, "triton": 8001, "triton metrics": 8002},
}

_STEPS = (0, 10_000, 20_000)
"""Where the usual port is taken, the same plus these: easily remembered, and not among those the system gives out."""
PATIENCE_S = 3.0
"""How long to wait for the port of last time: a process that was killed may hold it for a moment."""


class Ports:
    """Gives out ports and remembers them in the data folder, so that addresses survive a restart of the stack."""

    def __init__(self, memory: Path, *, usual: bool = True) -> None:
        self._memory = memory
        self._usual = USUAL if usual else {}
        self._known: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {}
        self._given: set[int] = set()

    def take(self, name: str) -> int:
        """A free port for the part `name`, not given to another part before."""
        known, usual = self._known.get(name), self._usual.get(name)
        port = known if known and known not in self._given and _soon_free(known) else None
        if port is None and usual is not None:
            wishes = (usual + step for step in _STEPS)
            port = next((wish for wish in wishes if wish not in self._given and is_free(wish)), None)
        while port is None or port in self._given:
            port = _any_free()
        self._given.add(port)
        self._known[name] = port
        write_atomically(self._memory, json.dumps(self._known, indent=1))
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _soon_free(port: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
