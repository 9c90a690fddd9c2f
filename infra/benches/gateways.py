"""Gateways of a benchmark's own: processes beside a stack's, each on a port that the system chose."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from infra.benches.frame import BenchError
from infra.local.http_probe import answers_ok
from infra.settings import Settings
from streams.channels.keys import load_keys

READY_WITHIN: Final = 60.0
STOP_WITHIN: Final = 30.0
_AT: Final = re.compile(r"gateway on (http://\S+)")


@dataclass(frozen=True)
class Gateway:
    """One that runs. url: http://HOST:PORT."""

    url: str
    pid: int
    log: Path

    @property
    def rss(self) -> int:
        """Bytes of memory that it has now."""
        return int(psutil.Process(self.pid).memory_info().rss)


@contextmanager
def gateways(settings: Settings, many: int, keys: Path, per_second: float) -> Iterator[list[Gateway]]:
    """So many gateways, ready, with the installation's keys, but room for `per_second` messages of each tenant.

    keys: the installation's file of keys. Raises BenchError where one does not become ready.
    """
    with tempfile.TemporaryDirectory(prefix="spillway-gateways-") as scratch, ExitStack() as running:
        folder = Path(scratch)
        own = folder / "keys.json"
        content = json.loads(keys.read_text(encoding="utf-8"))
        rate = {"per_second": per_second, "burst": 2 * per_second}
        tenants = load_keys(keys).tenants
        own.write_text(json.dumps({**content, "limits": dict.fromkeys(tenants, rate)}), encoding="utf-8")
        own.chmod(0o600)
        logs = [folder / f"gateway-{n}.log" for n in range(1, many + 1)]
        processes = [running.enter_context(_started(settings, own, log)) for log in logs]
        yield [_ready(process, log) for process, log in zip(processes, logs, strict=True)]


@contextmanager
def _started(settings: Settings, keys: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **settings.to_env(), "SPILLWAY_KEYS": str(keys), "PYTHONUNBUFFERED": "1"}
    environment.pop("SPILLWAY_METRICS_PORT", None)
    command = [sys.executable, "-m", "infra.cli.main", "gateway", "--host", "127.0.0.1", "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(process: subprocess.Popen[bytes], log: Path) -> Gateway:
    end = time.monotonic() + READY_WITHIN
    while process.poll() is None and time.monotonic() < end:
        found = _AT.search(log.read_text(encoding="utf-8", errors="replace"))
        if found is not None and answers_ok(f"{found[1]}/ready"):
            return Gateway(found[1], process.pid, log)
        time.sleep(0.1)
    raise BenchError(f"a gateway is not ready after {READY_WITHIN:.0f} s: {log.read_text(errors='replace')[-1000:]}")
