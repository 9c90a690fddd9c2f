"""Workers side by side: how many turns a second one, two and four drain, each on a processor of its own."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from infra.benches.backlog import Drained, drain
from infra.benches.cores import keep_to
from infra.benches.cpu import CpuMeter
from infra.benches.fitting import Point
from infra.benches.frame import BenchError, Say, Spread
from infra.benches.hold import LOAD, Held, hold
from infra.benches.queueing import WORKER, Load
from infra.benches.stack import TENANT, BenchStack, activate, write_tenants
from infra.demo import CONVERSATIONS
from infra.local.app_parts import WORKER as WORKER_PART
from infra.local.app_parts import AppPart
from infra.local.stack import LocalStack
from infra.recordings import read_recordings
from infra.settings import Settings
from infra.topics import create_topics
from infra.wiring import build_codec

NOBODY: Final = {"postgres": "postgresql://nobody@127.0.0.1:1/none", "clickhouse": "http://127.0.0.1:1"}
"""A worker is told of stores that it never asks; here there are none."""
WARM_UP: Final = 1000
"""Turns drained before any that count: models are loaded, caches filled, partitions found."""
WARM_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Drains:
    """What so many workers did with a backlog. cpus: of each, its processor. per_s: turns a second, over the rounds.

    worker_us, kafka_us: microseconds of processor a turn, of all workers and of the broker, over all rounds. busy: the
    share of all processors in use, whoever used them.
    """

    workers: int
    partitions: int
    cpus: tuple[int, ...]
    per_s: Spread
    worker_us: float
    kafka_us: float
    busy: float

    @property
    def point(self) -> Point:
        """As the model takes it."""
        rate = self.per_s.median
        cpu = {WORKER: self.worker_us * rate / 1e6, "kafka": self.kafka_us * rate / 1e6}
        return Point(Load(rate, self.partitions, self.workers, backlog=True), cpu, busy=self.busy)


@dataclass(frozen=True)
class Asked:
    """What is measured with one set of workers. turns: of a backlog; rounds: so many of them; rates: turns a second,
    each held for `seconds`."""

    cpus: tuple[int, ...]
    partitions: int
    turns: int
    rounds: int
    rates: tuple[float, ...] = ()
    seconds: float = 10.0


def measured(asked: Asked, say: Say) -> tuple[Drains, list[Point]]:
    """A broker of its own with so many partitions, and a worker on each of the processors: backlogs drained in turn,
    then the rates. Raises StackError.
    """
    talks = read_recordings(CONVERSATIONS)
    with _workers(asked, say) as stack:
        codec, meter = build_codec(stack.settings), CpuMeter(stack.pids())
        drain(stack.settings.kafka, codec, TENANT, min(WARM_UP, asked.turns), "warm-up", meter)
        found = []
        for number in range(asked.rounds):
            found.append(drain(stack.settings.kafka, codec, TENANT, asked.turns, f"round-{number}", meter))
            say(f"{len(asked.cpus)} workers, {asked.partitions} partitions: {found[-1].per_s:,.0f} turns/s")
        held = [hold(stack, talks, rate, asked.seconds, WARM_SECONDS, say)[0] for rate in asked.rates]
    return summed_up(asked, found), [point_of(each, asked) for each in held]


def summed_up(asked: Asked, found: Sequence[Drained]) -> Drains:
    """The rounds in one."""
    turns = sum(each.turns for each in found)
    us = {
        kind: sum(s for each in found for part, s in each.cpu.items() if part.startswith(kind)) * 1e6 / turns
        for kind in (WORKER, "kafka")
    }
    per_s, busy = Spread.of(each.per_s for each in found), statistics.median(each.busy for each in found)
    workers = len(asked.cpus)
    return Drains(workers, asked.partitions, asked.cpus, per_s, round(us[WORKER], 1), round(us["kafka"], 1), busy)


def point_of(held: Held, asked: Asked) -> Point:
    """A rate held, as the model takes it."""
    cpu = {
        kind: sum(s for part, s in held.cpu.items() if part.startswith(kind)) / held.seconds
        for kind in (WORKER, "kafka", LOAD)
    }
    load = Load(held.rate, asked.partitions, len(asked.cpus))
    return Point(load, cpu, held.p50_ms, held.p99_ms, held.busy, held.held)


@contextmanager
def _workers(asked: Asked, say: Say) -> Iterator[BenchStack]:
    names = [f"{WORKER}-{n}" for n in range(len(asked.cpus))]
    parts = [AppPart(name, WORKER_PART.command, start_timeout=120) for name in names]
    with tempfile.TemporaryDirectory(prefix="spillway-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        tenants = write_tenants(folder / "tenants")
        ready = partial(_prepare, tenants=tenants, partitions=asked.partitions)
        stack = LocalStack(folder / "data", app=parts, only={"kafka"}, prepare=ready, usual_ports=False)
        stack.addresses.postgres, stack.addresses.clickhouse = NOBODY["postgres"], NOBODY["clickhouse"]
        say(f"starting a broker with {asked.partitions} partitions, and {len(names)} workers")
        stack.start()
        try:
            for name, cpu in zip(names, asked.cpus, strict=True):
                pid = stack.part(name).pid
                if pid is None:
                    raise BenchError(f"{name} has ended; its log is in {stack.folder.logs}")
                keep_to(pid, {cpu})
            yield BenchStack(stack.settings(), stack.folder.path, stack)
        finally:
            stack.stop()


def _prepare(settings: Settings, tenants: Path, partitions: int) -> None:
    create_topics(settings.kafka, partitions)
    activate(settings, tenants, lambda _: None)
