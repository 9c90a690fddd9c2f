"""Runs stages over batches: decode, decide, produce, see it delivered, commit. In this order, and nothing between."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar, cast

from confluent_kafka import KafkaException, Message

from processors.outcomes import Reject, Retry
from processors.stage import Closes, Context, Keeper, PartitionState, Stage, Transform
from schemas.codec import Codec
from schemas.events import Record
from schemas.validation import wrong_event
from streams import metrics
from streams.crash_points import crash_points
from streams.dead_letter import Bad, DeadLetterLimit
from streams.harvest import Delivery, Harvest, StageStopped
from streams.intake import Intake, Passed, bad
from streams.ownership import Hand, Place
from streams.partitions import Batch, PartitionedReader
from streams.recovery import Changelog
from streams.sink import Sink
from streams.topology import StageSpec
from streams.wall_clock import now_micros

S = TypeVar("S")

MARGIN = 250_000
"""Microseconds by which an end offset may lag behind the append times it stands for."""
LAG_EVERY = 1.0
LOOK_UP_EVERY = 0.2
"""Seconds between looks at whether a held batch is still wanted."""


class _StageWork(Generic[S]):
    """What all kinds have in common. `specs`: of the stages that read the same batches."""

    def __init__(self, specs: Sequence[StageSpec], codec: Codec) -> None:
        self._specs = tuple(specs)
        self._codec = codec
        self._intake = Intake(codec, specs[0].passes)
        self._batch_seconds = [metrics.BATCH_SECONDS.labels(spec.name) for spec in specs]
        self._batch_records = [metrics.BATCH_RECORDS.labels(spec.name) for spec in specs]
        self._lag_at = 0.0

    def _hold(self, stage: str, retry: Retry, hand: Hand[S]) -> bool:
        """Waits as long as the stage asks, unless the batch is taken away; False then. Membership is kept."""
        metrics.HELD_SECONDS.labels(stage, retry.reason).inc(retry.after)
        end = time.monotonic() + retry.after
        while hand.let_go():
            left = end - time.monotonic()
            if left <= 0:
                return True
            time.sleep(min(left, LOOK_UP_EVERY))
        return False

    def _measure(self, began: float, records: int, reader: PartitionedReader[S]) -> None:
        now = time.perf_counter()
        if records:
            for seconds in self._batch_seconds:
                seconds.observe(now - began)
            for count in self._batch_records:
                count.inc(records)
        if now - self._lag_at >= LAG_EVERY:
            self._lag_at = now
            lag = dict.fromkeys(self._specs[0].reads, 0)
            for (topic, _), behind in reader.lag().items():
                lag[topic] += behind
            for spec in self._specs:
                for topic, behind in lag.items():
                    metrics.LAG.labels(spec.name, topic).set(behind)


_Taken = tuple[Message, Record | Bad]


class _Member(NamedTuple):
    """A stage of a chain."""

    name: str
    stage: Transform
    delivery: Delivery


class ChainWork(_StageWork[None]):
    """Runs stages without memory over the same batches: one read, one decode, one write, one commit.

    Each stage keeps its own outcomes, dead letters and their limit, metrics and crash points. While one of them cannot
    work, the batch is held; what the others have made of it is written meanwhile.
    """

    def __init__(self, members: Sequence[tuple[StageSpec, Transform]], codec: Codec, sink: Sink) -> None:
        super().__init__([spec for spec, _ in members], codec)
        self._sink = sink
        self._members = [
            _Member(spec.name, stage, Delivery(spec.name, sink, DeadLetterLimit(), crash_points(spec.name)))
            for spec, stage in members
        ]

    def open(self, starts: Mapping[int, Mapping[str, int]]) -> Mapping[int, None]:
        return dict.fromkeys(starts)

    def close(self, states: Mapping[int, None]) -> None:
        """Nothing: nothing is kept."""

    def handle(self, batch: Batch, hand: Hand[None], reader: PartitionedReader[None]) -> None:
        began, context = time.perf_counter(), Context(now_micros())
        left, done = self._members, list[tuple[_Member, Harvest]]()
        while True:
            taken = self._take(batch, hand)
            attempts = [(member, self._attempt(member.stage, taken, context)) for member in left]
            made = [(member, found) for member, found in attempts if isinstance(found, Harvest)]
            self._write(made, context)
            done += made
            held = [(member, found) for member, found in attempts if isinstance(found, Retry)]
            if not held:
                break
            left = [member for member, _ in held]
            if not self._hold(held[0][0].name, held[0][1], hand):
                return
            context = Context(now_micros())
        reader.commit(batch, next_offsets(batch.messages, hand.states))
        self._committed(done, context)
        self._measure(began, len(taken), reader)

    def _take(self, batch: Batch, hand: Hand[None]) -> list[_Taken]:
        """What is ours of a batch, decoded once for all stages: what can be worked on, or why it can not."""
        taken: list[_Taken] = []
        for message, record in self._intake.records(batch.messages, hand.states):
            if isinstance(record, Passed):
                continue
            if isinstance(record, Record) and (wrong := wrong_event(record.event, record.appended_at)) is not None:
                taken.append((message, bad(message, record, "invalid", wrong)))
            else:
                taken.append((message, record))
        return taken

    def _attempt(self, stage: Transform, taken: Sequence[_Taken], context: Context) -> Harvest | Retry:
        harvest = Harvest(self._codec)
        records, whence = [], []
        for message, record in taken:
            harvest.records += 1
            if isinstance(record, Bad):
                harvest.reject(record)
            else:
                records.append(record)
                whence.append((harvest.records - 1, message))
        outcomes = stage.process(records, context)
        if isinstance(outcomes, Retry):
            return outcomes
        for outcome, (position, message) in zip(outcomes, whence, strict=True):
            if isinstance(outcome, Reject):
                harvest.reject(bad(message, outcome.record, outcome.reason, outcome.detail), position)
            else:
                harvest.add(outcome)
        return harvest

    def _write(self, made: Sequence[tuple[_Member, Harvest]], context: Context) -> None:
        """Produces what the stages have made, and returns when the broker has all of it."""
        written = [(member, harvest, member.delivery.write(harvest, context.now)) for member, harvest in made]
        if any(out.outputs for _, _, out in written):
            self._sink.deliver()
        for member, harvest, out in written:
            member.delivery.delivered(harvest, out)

    def _committed(self, done: Sequence[tuple[_Member, Harvest]], context: Context) -> None:
        """Each stage holds what it rejected against its limit; all of them, before one stops the worker."""
        stopped: StageStopped | None = None
        for member, harvest in done:
            try:
                member.delivery.after_commit(harvest, context.now)
            except StageStopped as reason:
                stopped = stopped or reason
        if stopped is not None:
            raise stopped


class TransformWork(ChainWork):
    """Runs one stage without memory."""

    def __init__(self, spec: StageSpec, stage: Transform, codec: Codec, sink: Sink) -> None:
        super().__init__([(spec, stage)], codec, sink)


class KeeperWork(_StageWork[PartitionState]):
    """Runs a stage with memory, which it recovers from its changelog whenever partitions come."""

    def __init__(self, spec: StageSpec, stage: Keeper, codec: Codec, sink: Sink, changelog: Changelog | None) -> None:
        super().__init__([spec], codec)
        self._delivery = Delivery(spec.name, sink, DeadLetterLimit(), crash_points(spec.name))
        self._name, self._stage, self._changelog = spec.name, stage, changelog
        self._committed: dict[Place, tuple[int, int]] = {}

    def open(self, starts: Mapping[int, Mapping[str, int]]) -> Mapping[int, PartitionState]:
        states = {n: self._stage.open(n, start) for n, start in starts.items()}
        if self._changelog is not None:
            self._changelog.recover(states)
        return states

    def close(self, states: Mapping[int, PartitionState]) -> None:
        for state in states.values():
            if isinstance(state, Closes):
                state.close()

    def handle(self, batch: Batch, hand: Hand[PartitionState], reader: PartitionedReader[PartitionState]) -> None:
        began, context = time.perf_counter(), Context(now_micros())
        while (retry := self._stage.ready(context)) is not None:
            if not self._hold(self._name, retry, hand):
                return
            context = Context(now_micros())
        harvest = self._read(batch, hand.states, context)
        self._decide(harvest, hand.states, context)
        if self._ask_ends(hand.states, reader, context):
            self._decide(harvest, hand.states, context)
        self._delivery.deliver(harvest, context.now)
        self._commit(batch, hand.states, reader)
        self._delivery.after_commit(harvest, context.now)
        self._measure(began, harvest.records, reader)

    def _read(self, batch: Batch, states: Mapping[int, PartitionState], context: Context) -> Harvest:
        harvest = Harvest(self._codec)
        for message, record in self._intake.records(batch.messages, states):
            harvest.records += 1
            state = states[record.partition]
            if isinstance(record, Passed):
                harvest.dropped["passed_by"] += 1
                state.skip(record.topic, record.offset, record.appended_at)
                continue
            if isinstance(record, Bad):
                harvest.reject(record)
                state.skip(record.topic, record.offset, record.appended_at)
                continue
            outcome = state.read(record, context)
            if isinstance(outcome, Reject):
                harvest.reject(bad(message, outcome.record, outcome.reason, outcome.detail))
            elif outcome is not None:
                harvest.add(outcome)
        return harvest

    def _decide(self, harvest: Harvest, states: Mapping[int, PartitionState], context: Context) -> None:
        for state in states.values():
            for outcome in state.due(context):
                harvest.add(outcome)

    def _ask_ends(
        self, states: Mapping[int, PartitionState], reader: PartitionedReader[PartitionState], context: Context
    ) -> bool:
        """Lets time pass on topics from which nothing comes. Whether any end was seen."""
        asked = [(topic, n) for n, state in states.items() for topic in state.overdue(context)]
        if not asked:
            return False
        at = now_micros() - MARGIN
        try:
            ends = reader.ends(asked)
        except KafkaException:
            return False  # The broker is away: no time has passed.
        for (topic, n), end in ends.items():
            states[n].end_seen(topic, end, at)
        return True

    def _commit(
        self, batch: Batch, states: Mapping[int, PartitionState], reader: PartitionedReader[PartitionState]
    ) -> None:
        """Commits what has moved since the last time."""
        moved = {}
        for n, state in states.items():
            for topic, offset in state.safe().items():
                place = (topic, n)
                if self._committed.get(place) != (batch.epochs[place], offset):
                    moved[place] = offset
        if moved:
            reader.commit(batch, moved)
            self._committed.update({place: (batch.epochs[place], offset) for place, offset in moved.items()})


def next_offsets(messages: Collection[Message], partitions: Collection[int]) -> dict[Place, int]:
    """The offset after the last message of each place, of these partitions."""
    last = {(m.topic(), m.partition()): m.offset() for m in messages}
    return {(t or "", n or 0): (o or 0) + 1 for (t, n), o in last.items() if n in partitions}


def work_of(
    spec: StageSpec, stage: Stage, codec: Codec, sink: Sink, changelog: Changelog | None
) -> TransformWork | KeeperWork:
    """What runs this stage, by its kind."""
    if hasattr(stage, "process"):
        return TransformWork(spec, cast(Transform, stage), codec, sink)
    return KeeperWork(spec, stage, codec, sink, changelog)
