"""A replay as a consumer group of its own: workers on any hosts share the partitions, as Kafka assigns them.

Nothing is read through the group; it only says whose a partition is. A partition that is done is committed at the end
of the stretch, so that the group's lag tells how far the replay is. Where a partition changes hands while it is
replayed, both replay it, to the same facts.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

from infra.replaying.errors import ReplayDied
from infra.replaying.priority import step_back
from infra.replaying.processes import KNOWN
from infra.replaying.running import finished
from infra.replaying.work import Replaying
from infra.settings import Settings
from projections.runs import Part, Run, RunStore
from schemas.catalogue import MESSAGES
from streams.partitions import Batch, PartitionedReader

POLL: Final = 0.2
ASK_EVERY: Final = 25
"""Polls between looks at what others have done."""

log = logging.getLogger(__name__)


def group_of(run_id: str) -> str:
    """The consumer group that replays a run."""
    return f"spillway.replay.{run_id}"


class _InHand(NamedTuple):
    partition: int
    batch: Batch
    part: Future[Part]


class Member:
    """One worker. `stop` may be called from any thread, and by a signal; `run` belongs to one thread."""

    def __init__(self, settings: Settings, run: Run, told: Callable[[Part], None] = lambda part: None) -> None:
        self._settings, self._run, self._told = settings, run, told
        self._stop = threading.Event()
        self._in_hand: _InHand | None = None
        self.reader: PartitionedReader[None] = PartitionedReader(
            settings.kafka, group_of(run.run_id), [MESSAGES], open_states=_no_state, positions=lambda places: {}
        )

    def stop(self) -> None:
        """Has `run` end; what it has in hand is left to others."""
        self._stop.set()

    def run(self) -> Run:
        """Works until all partitions of the run are done, by whomever, or until it is stopped. Returns the run then.

        Raises what replaying raises; the partition is then nobody's, and others take it.
        """
        with RunStore(self._settings.clickhouse) as store, ThreadPoolExecutor(1, "replay", step_back) as thread:
            replaying = thread.submit(Replaying, self._settings, self._run)
            self.reader.pause(True)
            self.reader.start()
            try:
                left, polls = set(store.left(self._run)), 0
                while left and not self._stop.is_set():
                    batch = self.reader.read(1, POLL)
                    polls += 1
                    if self._in_hand is None:
                        self._take(batch, left, replaying, thread)
                    elif self._in_hand.part.done():
                        self._done(self._in_hand, replaying.result())
                        left = set(store.left(self._run))
                    if polls % ASK_EVERY == 0:
                        left = set(store.left(self._run))
                return finished(store, self._run)
            finally:
                self.reader.close()

    def _take(
        self, batch: Batch, left: set[int], replaying: Future[Replaying], thread: ThreadPoolExecutor
    ) -> None:
        mine = sorted(n for _, n in batch.epochs if n in left)
        if mine and replaying.done():
            part = thread.submit(replaying.result().part, mine[0])
            self._in_hand = _InHand(mine[0], batch, part)
            log.info("%s: partition %d", self.reader.group, mine[0])

    def _done(self, done: _InHand, replaying: Replaying) -> None:
        self._in_hand = None
        self._told(done.part.result())
        if (end := replaying.ends[done.partition]) is not None:
            self.reader.commit(done.batch, {(MESSAGES, done.partition): end})


def _no_state(starts: Mapping[int, Mapping[str, int]]) -> Mapping[int, None]:
    return dict.fromkeys(starts)


def replay_in_group(settings: Settings, run_id: str) -> None:
    """The whole life of a worker that replays; SIGTERM and Ctrl-C end it. Says what it did on standard error.

    Raises ReplayError where there is no such run, or it cannot go on here.
    """
    handlers = {sign: signal.getsignal(sign) for sign in (signal.SIGTERM, signal.SIGINT)}
    try:
        with RunStore(settings.clickhouse) as store:
            run = store.need(run_id)
        member = Member(settings, run, _say)
        for sign in handlers:
            signal.signal(sign, lambda *_: member.stop())
        run = member.run()
    except KNOWN as why:
        raise ReplayDied(f"run {run_id}: {why}; what is done stays, and other workers go on") from why
    finally:
        for sign, handler in handlers.items():
            signal.signal(sign, handler)
    print(f"run {run_id}: {run.status}", file=sys.stderr)


def _say(part: Part) -> None:
    spent = sum(part.seconds.values())
    print(f"partition {part.partition}: {part.turns} turns in {spent:.1f} s", file=sys.stderr, flush=True)
