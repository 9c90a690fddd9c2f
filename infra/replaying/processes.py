"""The processes of a replay on one host. Each takes a partition at a time; one that dies ends it, and it can go on.

The parent alone hears Ctrl-C. What is done when it is heard stays; what was in hand is done again by the next one.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Final, NamedTuple

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException

from infra.local.errors import StackError
from infra.replaying.errors import ReplayDied
from infra.replaying.priority import keep_to, step_back
from infra.replaying.work import Replaying
from infra.settings import Settings
from projections.analytics.store import AWAY
from projections.runs import Part, Run
from projections.runs.store import NoSuchRun
from streams.models.bundle import BundleRefused
from streams.models.runner import CannotRun
from streams.replay.engine import CannotReplay
from streams.replay.source import StretchGone

LOOK_EVERY: Final = 0.5
ENDING: Final = 5.0
RESUMED: Final = "What is done stays; the same command goes on with it"
KNOWN: Final = (
    StackError,
    BundleRefused,
    CannotRun,
    CannotReplay,
    StretchGone,
    NoSuchRun,
    KafkaException,
    ClickHouseError,
    TimeoutError,
    *AWAY,
)
"""What a process of a replay may meet that is no bug here; it is told in one line."""


class Job(NamedTuple):
    """What a process is started with. `aside`: whether it steps back for others on the machine. `share`: of a core,
    that it uses at most. `since`: when it was started, by time.time.
    """

    settings: Settings
    run: Run
    aside: bool
    share: float = 1.0
    since: float | None = None


class Going(NamedTuple):
    """How far a partition is: turns replayed, of at most so many messages."""

    partition: int
    turns: int
    messages: int


Told = Callable[[Going | Part], None]


class _Failed(NamedTuple):
    why: str


def _serve(job: Job, parent: Connection) -> None:
    """The whole life of a process: partitions in, their parts out, until the parent is gone or says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Told to end, it leaves by the way out at its next word, so that nothing of it stays behind.
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())

    def tell(partition: int, turns: int, messages: int) -> None:
        if ending.is_set():
            raise EOFError
        parent.send(Going(partition, turns, messages))

    if job.aside:
        step_back()
    keep_to(job.share)
    try:
        replaying = Replaying(job.settings, job.run, job.since, job.aside)
        parent.send(None)
        while (partition := parent.recv()) is not None:
            parent.send(replaying.part(partition, partial(tell, partition)))
        replaying.close()
    except (EOFError, BrokenPipeError):
        sys.exit(1)  # The parent is gone; whoever comes next does this partition again.
    except KNOWN as why:
        parent.send(_Failed(str(why)))
        sys.exit(1)


class _Process:
    """A process, and the end of the pipe to it."""

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(job, theirs), name="spillway-replay", daemon=True)
        self.process.start()
        theirs.close()
        self.partition: int | None = None

    def give(self, partition: int) -> None:
        self.partition = partition
        try:
            self.pipe.send(partition)
        except OSError as err:
            raise self.died() from err

    def hear(self) -> Any:
        """What it says. Raises ReplayDied where it has ended, or says that it cannot go on."""
        try:
            said = self.pipe.recv()
        except (EOFError, OSError) as err:
            raise self.died() from err
        if isinstance(said, _Failed):
            raise ReplayDied(f"the replay cannot go on: {said.why}. {RESUMED}")
        return said

    def died(self) -> ReplayDied:
        self.process.join(ENDING)
        code = self.process.exitcode
        how = "did not start" if code is None else f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        what = f" in partition {self.partition}" if self.partition is not None else ""
        return ReplayDied(f"a process of the replay {how}{what}. {RESUMED}")

    def stop(self) -> None:
        """Tells it to end, in the middle of whatever it does: nothing is lost, what it has in hand is done again."""
        self.pipe.close()
        self.process.terminate()

    def end(self) -> None:
        """Waits until it has ended; not for long."""
        self.process.join(ENDING)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.process.close()


def replay_in_processes(job: Job, partitions: Sequence[int], workers: int, told: Told) -> Iterable[int]:
    """Replays the partitions in at most `workers` processes, and returns their ids once all is done.

    told: hears of every step, in this thread. Raises ReplayDied; on that and on KeyboardInterrupt no process is left.
    """
    left = list(reversed(partitions))
    processes = [_Process(job._replace(since=time.time())) for _ in range(min(workers, len(partitions)))]
    ids = [p.process.pid or 0 for p in processes]
    try:
        busy = {process.pipe: process for process in processes}
        while busy:
            for pipe in wait(list(busy), LOOK_EVERY):
                process = busy[pipe]  # type: ignore[index]
                said = process.hear()
                if isinstance(said, Going):
                    told(said)
                    continue
                if isinstance(said, Part):
                    told(said)
                if left:
                    process.give(left.pop())
                else:
                    del busy[process.pipe]
    finally:
        for process in processes:
            process.stop()
        for process in processes:
            process.end()
    return ids
