"""One piece of work: a partition of the stretch read, replayed, and its facts written. Whoever does it, wherever."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infra.candidates.casting import cast_of
from infra.replaying.definition import Asked, Definition
from infra.replaying.topics import RunTopics
from infra.settings import Settings
from infra.wiring import build_codec
from projections.runs import Part, Run, RunFacts, RunReplies, RunStore
from schemas.codec import Codec
from streams.replay.archive import ArchiveStretch
from streams.replay.collector import collector_resting
from streams.replay.engine import PartitionReplay, replay_partition
from streams.replay.kafka_stretch import KafkaStretch
from streams.replay.measuring import GENERATION
from streams.replay.stretch import Stretch

SPENT_ON: Final = ("starting", "reading", "models", "routing", "replying", "generating", "rest", "waiting", "writing")
"""What the time of a piece of work goes into: all of it, from the end of the process's piece before to the end of this
one. Models, routing, replying and the rest of the replaying count by the time that they had a core (models that run
elsewhere, by the clock on the wall); `generating` is how long replies were waited for that models made, and `waiting`
how long others had the core meanwhile."""
Tell = Callable[[int, int], None]
"""Called with the turns replayed so far, and how many messages the partition has."""


def silent(_turns: int, _messages: int) -> None:
    """Tells nobody."""


def stretch_asked(asked: Asked, settings: Settings, codec: Codec) -> Stretch:
    """The stretch that is meant, as of now. Raises KafkaException, ValueError for what is no stretch."""
    if asked.archive is not None:
        return ArchiveStretch.of(Path(asked.archive), codec, asked.window, asked.selection)
    return KafkaStretch.of(settings.kafka, codec, asked.window, asked.selection)


def stretch_of(definition: Definition, settings: Settings, codec: Codec) -> Stretch:
    """The stretch of a run that was created before, here or on another host."""
    if definition.asked.archive is not None:
        return ArchiveStretch.from_description(Path(definition.asked.archive), codec, definition.stretch)
    return KafkaStretch.from_description(settings.kafka, codec, definition.stretch)


class Replaying:
    """What replays the partitions of one run: the stretch, who plays, and where facts go. One thread at a time.

    `ends`: of each partition that was read, the offset after its last message; None where it has none. Raises what the
    log and the stores raise; StackError where a model of the candidate is not here.
    """

    def __init__(self, settings: Settings, run: Run, since: float | None = None, aside: bool = True) -> None:
        """since: when the process began to start, by time.time; now by default. aside: whether it steps back for
        others in ClickHouse.
        """
        self._since = time.time() if since is None else since
        self._run, self._definition = run, Definition.of(run)
        self.ends: dict[int, int | None] = {}
        self._codec = build_codec(settings)
        self._stretch = stretch_of(self._definition, settings, self._codec)
        self._cast = cast_of(self._definition.asked.candidate, self._stretch.control(), settings)
        self._facts = RunFacts(settings.clickhouse, run.run_id, aside=aside)
        self._replies = RunReplies(self._facts, settings.clickhouse)
        self._store = RunStore(settings.clickhouse)
        self._topics = RunTopics(settings.kafka, run.run_id, self._codec) if self._definition.asked.topics else None

    def part(self, partition: int, tell: Tell = silent) -> Part:
        """Replays a partition, stores its facts, and says that it is done. Done again, it changes nothing.

        Raises NoSuchRun, and stores nothing, where the run has been deleted meanwhile.
        """
        with collector_resting():
            part = self._part(partition, tell)
        gc.collect()
        self._store.part_done(part)
        return part

    def _part(self, partition: int, tell: Tell) -> Part:
        began, starting = time.perf_counter(), max(0.0, time.time() - self._since)
        stretch = self._stretch.read(partition)
        read, busy = time.perf_counter(), time.thread_time()
        messages = len(stretch.messages)
        self.ends[partition] = stretch.messages[-1].offset + 1 if messages else None
        tell(0, messages)
        replay = replay_partition(
            stretch,
            self._cast,
            self._definition.asked.mode,
            self._run.run_id,
            lambda turns: tell(turns, messages),
            self._replies,
        )
        del stretch
        played, busy = time.perf_counter(), time.thread_time() - busy
        self._store.need(self._run.run_id)
        print_ = self._facts.write(replay, time.time_ns() // 1000)
        if self._topics is not None:
            self._topics.write(replay.records)
        spent = _spent(replay, played - read, busy)
        spent |= {"starting": starting, "reading": read - began, "writing": time.perf_counter() - played}
        self._since = time.time()
        return Part(
            self._run.run_id,
            partition,
            len({(turn.tenant_id, turn.session_id) for turn in replay.turns}),
            len(replay.turns),
            len(replay.records),
            dict(replay.counts),
            {name: spent[name] for name in SPENT_ON},
            print_,
            round(self._since * 1e6),
        )

    def close(self) -> None:
        """Closes the connections."""
        self._facts.close()
        self._store.close()


def _spent(replay: PartitionReplay, playing: float, busy: float) -> dict[str, float]:
    """What replaying took, by what it was spent on. playing, busy: seconds on the wall, and on a core."""
    turns = replay.turns
    generated = [GENERATION in t.recomputed for t in turns]
    models = sum(t.intent_seconds + t.sentiment_seconds + t.entities_seconds for t in turns)
    routing = sum(t.routing_seconds for t in turns)
    replying = sum(t.reply_seconds for t, by_model in zip(turns, generated, strict=True) if not by_model)
    rest = max(0.0, busy - models - routing - replying)
    left = max(0.0, playing - models - routing - replying - rest)
    # Many replies are made at once, so what each took does not add up to what all of them took.
    generating, waiting = (left, 0.0) if any(generated) else (0.0, left)
    spent = {"models": models, "routing": routing, "replying": replying, "generating": generating}
    return {**spent, "rest": rest, "waiting": waiting}
