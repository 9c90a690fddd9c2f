"""How a contender of the benchmark of one hop counts: what it prints, and the group that it reads as."""

from __future__ import annotations

import json
import os
import sys
import time


class Meter:
    """Times records from the end of the first batch on, and prints once `wanted` of them are through (0: never).

    So neither the start nor the first batch, which somebody may have gathered before the clock ran, is measured.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted, self._first, self._count, self._began, self._cpu = wanted, 0, 0, 0.0, 0.0

    def done(self, records: int) -> bool:
        """Called after each batch. Whether that was all."""
        if not self._began:
            self._began, self._cpu, self._first = time.perf_counter(), time.process_time(), records
            return False
        self._count += records
        if not self._wanted or self._first + self._count < self._wanted:
            return False
        taken, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu
        sys.stdout.write(json.dumps({"records": self._count, "seconds": taken, "cpu_seconds": cpu}) + "\n")
        sys.stdout.flush()
        return True


def group(name: str) -> str:
    """A group that has never been."""
    return f"spillway.bench.{name}.{os.getpid()}.{time.time_ns()}"
