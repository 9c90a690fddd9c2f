"""The machine's own limit, measured in the same run as a benchmark: its cores, and what librdkafka does bare on it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from infra.benches.frame import BenchError, Say
from streams.kafka_log import KAFKA_LOG
from streams.sink import producer_config

RECORDS: Final = 100_000
RECORD_BYTES: Final = 300
PARTITIONS: Final = 12
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
    with _topics(bootstrap) as (source, target):
        _fill(bootstrap, source, records)
        command = [sys.executable, "-m", "streams.hop", "raw", bootstrap, source, target, str(records)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as late:
            raise BenchError(f"a bare librdkafka loop took over {PATIENCE:.0f} s; see: spillway status") from late
        said = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not said:
            raise BenchError(f"a bare librdkafka loop ended with {done.returncode}: {done.stderr[-500:]}")
        result = json.loads(said[-1])
        return float(result["records"] / result["seconds"])


@contextmanager
def _topics(bootstrap: str) -> Iterator[tuple[str, str]]:
    admin = AdminClient({"bootstrap.servers": bootstrap}, logger=KAFKA_LOG)
    names = [f"bench.{uuid.uuid4().hex[:8]}.{end}" for end in ("in", "out")]
    for done in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in names]).values():
        done.result(timeout=30)
    try:
        yield names[0], names[1]
    finally:
        for done in admin.delete_topics(names).values():
            done.result(timeout=30)


def _fill(bootstrap: str, topic: str, records: int) -> None:
    producer = Producer({**producer_config(bootstrap), "compression.type": "none"}, logger=KAFKA_LOG)
    filler = os.urandom(1 << 16)
    for n in range(records):
        at = n * 37 % (len(filler) - RECORD_BYTES)
        while True:
            try:
                producer.produce(topic, filler[at : at + RECORD_BYTES], b"key %d" % (n % 1000))
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(PATIENCE):
        raise BenchError("the broker does not take the records; see: spillway status")


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
