"""The machine's own limit, measured in the same run as a benchmark: its cores, and what librdkafka does bare on it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from infra.benches.copying import copied, fill, new_topics, random_records
from infra.benches.frame import Say

RECORDS: Final = 100_000
PATIENCE: Final = 120.0
COUNT_SECONDS: Final = 0.5
TIMES: Final = 3
_COUNTER: Final = """
import sys, time
sys.stdin.readline()
end, n = time.perf_counter() + float(sys.argv[1]), 0
while time.perf_counter() < end:
    for _ in range(2000):
        n += 1
print(n)
"""


@dataclass(frozen=True)
class Machine:
    """What a benchmark ran on. pair_ratio: what two counters at once do of twice what one does alone: 1 on two cores of
    their own, about 0.6 on two threads of one core. raw_per_s: records of 300 bytes a second through a bare librdkafka
    loop, read, written, confirmed and committed; None where there was no broker. load_before: processes that wanted
    to run, on average over the minute before.
    """

    cores: int
    pair_ratio: float
    cpu_model: str
    memory_gib: float
    raw_per_s: float | None
    load_before: float
    python: str

    @property
    def one_core(self) -> bool:
        """Whether two processes share what is one core's."""
        return self.pair_ratio < 0.75

    @property
    def sentence(self) -> str:
        """The same for people."""
        kind = "threads that share a core: two at once do" if self.one_core else "two at once do"
        raw = "" if self.raw_per_s is None else f"; a bare librdkafka loop copies {self.raw_per_s:,.0f} records/s"
        return (
            f"{self.cpu_model}, {self.cores} processors ({kind} {2 * self.pair_ratio:.2f} times what one does), "
            f"{self.memory_gib:.0f} GiB{raw}; load before: {self.load_before:.2f}"
        )


def machine(bootstrap: str | None = None, say: Say = lambda _: None) -> Machine:
    """Measures it; takes about 3 seconds, and 5 more with a broker. Raises BenchError."""
    load = os.getloadavg()[0]
    say("measuring the machine")
    return Machine(
        cores=os.cpu_count() or 1,
        pair_ratio=round(pair_ratio(), 3),
        cpu_model=_model(),
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        raw_per_s=None if bootstrap is None else round(raw_per_s(bootstrap)),
        load_before=round(load, 2),
        python=platform.python_version(),
    )


def pair_ratio(seconds: float = COUNT_SECONDS, times: int = TIMES) -> float:
    """What two busy processes do of twice what one does; the best of several times each: others may be at work."""
    alone = max(counted(1, seconds)[0] for _ in range(times))
    return max(sum(counted(2, seconds)) for _ in range(times)) / (2 * alone)


def counted(processes: int, seconds: float) -> list[int]:
    """How far each of so many busy processes counts in that time, all of them at once."""
    command = [sys.executable, "-I", "-S", "-c", _COUNTER, str(seconds)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return [int(process.communicate()[0]) for process in running]


def raw_per_s(bootstrap: str, records: int = RECORDS) -> float:
    """Records a second through the bare loop of `streams.hop`, on topics that are made for it and removed."""
    with new_topics(bootstrap, "in", "out") as topics:
        fill(bootstrap, topics["in"], random_records(), records)
        command = [sys.executable, "-m", "streams.hop", "raw", bootstrap, topics["in"], topics["out"], str(records)]
        result = copied(command, "a bare librdkafka loop", PATIENCE, "see: spillway status")
        return float(result["records"] / result["seconds"])


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
