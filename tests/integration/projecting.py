"""Projections that run in threads of the test, against real parts, with a clean log of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.stack import STORES, LocalStack
from infra.topics import create_topics
from projections import analytics, session_state
from projections.processes import target
from projections.progress import behind
from projections.runner import Runner
from schemas.codec import Codec
from streams.topology import PROJECTIONS

PATIENCE = 60.0


@dataclass
class Parts:
    """A stack of stores of the test's own, with topics and tables."""

    stack: LocalStack
    kafka: str
    postgres: str
    clickhouse: str

    def behind(self) -> int:
        """Records of the log that are not in both stores yet."""
        return sum(behind(self.kafka, self.postgres, self.clickhouse).values())


@contextmanager
def own_parts(folder: Path) -> Iterator[Parts]:
    """Kafka, PostgreSQL and ClickHouse, empty, on a folder of their own."""
    with LocalStack(folder, only=set(STORES), usual_ports=False) as stack:
        kafka, postgres, clickhouse = stack.addresses.kafka, stack.addresses.postgres, stack.addresses.clickhouse
        assert kafka is not None
        assert postgres is not None
        assert clickhouse is not None
        create_topics(kafka, 3)
        session_state.prepare(postgres)
        analytics.migrate(clickhouse)
        yield Parts(stack, kafka, postgres, clickhouse)


class Running:
    """One projection in a thread. `exit_code` once it has ended; `failed` if it did so by an exception."""

    def __init__(self, parts: Parts, name: str) -> None:
        self.stop = threading.Event()
        self.exit_code: int | None = None
        self.failed: BaseException | None = None
        found = target(name, parts.postgres, parts.clickhouse)
        found.pace = 0.05
        self.runner = Runner(found, parts.kafka, Codec(), self.stop)
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.exit_code = self.runner.run()
        except BaseException as why:
            self.failed = why
            raise

    def end(self) -> None:
        """Stops it and waits until it is gone."""
        self.stop.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive(), f"{self.thread.name} did not stop"


@contextmanager
def projecting(parts: Parts, names: Sequence[str] = tuple(PROJECTIONS)) -> Iterator[list[Running]]:
    """These projections, running meanwhile."""
    running = [Running(parts, name) for name in names]
    try:
        yield running
    finally:
        for each in running:
            each.stop.set()
        for each in running:
            each.end()


def eventually(holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Waits until a condition holds; fails with what was waited for."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, f"not within {patience} s: {what}"
        time.sleep(0.1)
