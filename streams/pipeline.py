"""Runs the topology over the in-memory log: every stage of it, in one thread, by the order that the data plane keeps.

Read, decide, ask for ends, decide again, produce, commit. Where a test says so, a stage breaks off in between, and
begins again from its committed offsets with nothing in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, Literal, cast

from processors.outcomes import Drop, Emit, Outcome, Reject, Retry
from processors.stage import Closes, Context, Keeper, PartitionState, Stage, Transform
from schemas.catalogue import CONTROL, TOPIC_OF
from schemas.events import Event, Record
from schemas.validation import wrong_event, wrong_run
from streams.bus import Bus, Clock, TooLargeForTopic
from streams.control import ControlFold
from streams.dead_letter import Bad, dead_letter, too_large
from streams.log import Place, Unreadable
from streams.sink import TooLarge, event_key
from streams.topology import STAGES, StageSpec

MARGIN: Final = 250_000
BATCH: Final = 500

CrashPoint = Literal["before_produce", "after_produce", "after_commit"]


class Crashed(RuntimeError):
    """The stage broke off where it was told to."""


class Runner:
    """One member of a stage's group: some of its partitions, worked on by one stage object."""

    def __init__(
        self, bus: Bus, spec: StageSpec, stage: Stage, clock: Clock, partitions: Collection[int] | None = None
    ) -> None:
        self.bus, self.spec, self.stage, self.clock = bus, spec, stage, clock
        self.partitions = sorted(range(bus.partitions[spec.reads[0]]) if partitions is None else partitions)
        self.crash_at: CrashPoint | None = None
        self.fenced = False
        """Whether the group no longer takes its commits, as those of a process that slept through a rebalance."""
        self.dropped: dict[str, int] = {}
        self.states: dict[int, PartitionState] = {}
        self._positions: dict[Place, int] = {}
        self.restart()

    @property
    def _keeper(self) -> Keeper | None:
        return cast(Keeper, self.stage) if hasattr(self.stage, "open") else None

    def restart(self, partitions: Collection[int] | None = None) -> None:
        """Begins again from the committed offsets, with nothing in memory; `partitions`: with these instead."""
        if partitions is not None:
            self.partitions = sorted(partitions)
        group, bus = self.spec.group, self.bus
        self._positions = {
            (t, n): bus.committed(group, (t, n)) for n in self.partitions for t in self.spec.reads
        }
        self.close()
        if (keeper := self._keeper) is not None:
            for n in self.partitions:
                self.states[n] = keeper.open(n, {t: self._positions[t, n] for t in self.spec.reads})
                self._recover(n)

    def _recover(self, partition: int) -> None:
        for topic in self.spec.changelog:
            place = (topic, partition)
            for record in self.bus.read(place, 0, self.bus.end(place)):
                if isinstance(record, Record):
                    self.states[partition].recover(record)

    def step(self, limit: int = BATCH, topics: Sequence[str] | None = None) -> int:
        """One batch: at most `limit` records of each partition of `topics` (None: all that the stage reads).

        Returns how many records were read and events written; 0: there is nothing to do now.
        Raises Crashed where `crash_at` says so.
        """
        context = Context(self.clock.now())
        if self.retry(context) is not None:
            return 0
        records = self.read(limit, topics)
        events = self.decide(records, context)
        assert not isinstance(events, Retry), "a stage over the bus always works"
        self._reach("before_produce", events)
        for event in events:
            self.write(event)
        self._reach("after_produce", events)
        if not self.fenced:
            for place, offset in self.safe().items():
                self.bus.commit(self.spec.group, place, offset)
        self._reach("after_commit", events)
        return len(records) + len(events)

    # The parts of a step, for those who let something happen between them.

    def retry(self, context: Context) -> Retry | None:
        """Why the stage cannot work at all now; None: it can."""
        return None if self._keeper is None else self._keeper.ready(context)

    def read(
        self, limit: int = BATCH, topics: Sequence[str] | None = None, until: Mapping[Place, int] | None = None
    ) -> list[Record | Unreadable]:
        """The next records: at most `limit` of each partition of `topics`, and none at or past the offsets `until`."""
        found: list[Record | Unreadable] = []
        for n in self.partitions:
            for topic in self.spec.reads if topics is None else topics:
                place = (topic, n)
                start = self._positions[place]
                most = limit if until is None else min(limit, until[place] - start)
                if most > 0 and self.bus.end(place) > start:
                    found += self.bus.read(place, start, most)
                    self._positions[place] = found[-1].offset + 1
        return found

    def decide(self, records: Iterable[Record | Unreadable], context: Context) -> list[Event] | Retry:
        """What is to be written because of these records, or because time has passed. Retry: nothing was done."""
        return self._transform(records, context) if self._keeper is None else self._keep(records, context)

    def position(self, place: Place) -> int:
        """The next offset that is read there."""
        return self._positions[place]

    def write(self, event: Event) -> None:
        """Appends an event; in the place of one that is too large for its topic, its dead letter."""
        try:
            self.bus.append(event)
        except TooLargeForTopic as why:
            left_out = TooLarge(event, self._encode(event) or b"", why.limit)
            self.bus.append(too_large(left_out, TOPIC_OF[type(event)], self.spec.name, self.clock.now()))

    def safe(self) -> dict[Place, int]:
        """What may be committed once everything that was decided lies in the log."""
        if self._keeper is None:
            return dict(self._positions)
        return {(topic, n): offset for n, state in self.states.items() for topic, offset in state.safe().items()}

    def close(self) -> None:
        """The partitions are another's: what is under way outside of the states is called off."""
        for state in self.states.values():
            if isinstance(state, Closes):
                state.close()
        self.states = {}

    def _reach(self, point: CrashPoint, events: Sequence[Event]) -> None:
        """Breaks off here once, if told to, and if there is anything at stake."""
        if self.crash_at == point and events:
            self.crash_at = None
            raise Crashed(f"{self.spec.name} {point}")

    def _transform(self, records: Iterable[Record | Unreadable], context: Context) -> list[Event] | Retry:
        events: list[Event] = []
        good: list[Record] = []
        for record in records:
            if (bad := self._bad(record)) is not None:
                events.append(self._dead(bad, context))
            elif isinstance(record, Record):
                if (wrong := wrong_event(record.event, record.appended_at)) is not None:
                    self._take(Reject(record, "invalid", wrong), events, context)
                else:
                    good.append(record)
        outcomes = cast(Transform, self.stage).process(good, context)
        if isinstance(outcomes, Retry):
            return outcomes
        for outcome in outcomes:
            self._take(outcome, events, context)
        return events

    def _keep(self, records: Iterable[Record | Unreadable], context: Context) -> list[Event]:
        events: list[Event] = []
        for record in records:
            state = self.states[record.partition]
            if (bad := self._bad(record)) is not None:
                events.append(self._dead(bad, context))
                state.skip(record.topic, record.offset, record.appended_at)
            elif isinstance(record, Record) and (outcome := state.read(record, context)) is not None:
                self._take(outcome, events, context)
        self._due(events, context)
        asked = [(t, n) for n, state in self.states.items() for t in state.overdue(context)]
        for topic, n in asked:
            self.states[n].end_seen(topic, self.bus.end((topic, n)), context.now - MARGIN)
        if asked:
            self._due(events, context)
        return events

    def _due(self, events: list[Event], context: Context) -> None:
        for state in self.states.values():
            for outcome in state.due(context):
                self._take(outcome, events, context)

    def _take(self, outcome: Outcome, events: list[Event], context: Context) -> None:
        match outcome:
            case Emit(made):
                events.extend(made)
            case Drop(reason):
                self.dropped[reason] = self.dropped.get(reason, 0) + 1
            case Reject(record, reason, detail):
                key, value = event_key(record.event), self._encode(record.event)
                events.append(self._dead(Bad(*record[:4], key, value, reason, detail, record.event), context))

    def _bad(self, record: Record | Unreadable) -> Bad | None:
        """Why nothing can be done with a record before it is even looked at; None: it can be looked at."""
        if isinstance(record, Unreadable):
            return Bad(*record[:6], record.why.reason, record.why.detail, None)
        key = self.bus.key(record)
        if (wrong := wrong_run(record.event)) is not None:
            return Bad(*record[:4], key, self._encode(record.event), "invalid", wrong, None)
        if key == event_key(record.event):
            return None
        detail = f"the key is {key!r}, not the tenant and session of meta"
        return Bad(*record[:4], key, self._encode(record.event), "invalid", detail, record.event)

    def _encode(self, event: Event) -> bytes | None:
        return self.bus.codec.encode(event) if self.bus.codec is not None else None

    def _dead(self, bad: Bad, context: Context) -> Event:
        return dead_letter(bad, self.spec.name, context.now)

    def lag(self) -> int:
        """Records that are not committed yet."""
        places = self.bus.places(self.spec.reads)
        return sum(self.bus.end(p) - self.bus.committed(self.spec.group, p) for p in places if p[1] in self.partitions)


class Pipeline:
    """Every stage of the topology over one log. Stages that are not given are not run."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        control: ControlFold,
        stages: Mapping[str, Stage],
        topology: Iterable[StageSpec] = STAGES,
    ) -> None:
        self.bus, self.clock, self.control = bus, clock, control
        self._controlled = 0
        self.held: set[str] = set()
        """Stages that do not work for the moment."""
        self.runners = {s.name: Runner(bus, s, stages[s.name], clock) for s in topology if s.name in stages}

    def step(self) -> int:
        """One batch of every stage; one that breaks off begins again. Returns what `Runner.step` returns, in all."""
        self._follow_control()
        done = 0
        for name, runner in self.runners.items():
            if name in self.held:
                continue
            try:
                done += runner.step()
            except Crashed:
                runner.restart()
                done += 1
        return done

    def _follow_control(self) -> None:
        place = (CONTROL, 0)
        for record in self.bus.read(place, self._controlled, self.bus.end(place)):
            self._controlled = record.offset + 1
            if isinstance(record, Record):
                self.control.take(record)

    def run(self) -> None:
        """Until there is nothing left to do at this time."""
        while self.step():
            pass

    def run_for(self, seconds: float, tick: float = 0.05) -> None:
        """Lets time pass, and the stages work meanwhile: every `tick` seconds, or 200 times where that is fewer."""
        tick = max(tick, seconds / 200)
        end = self.clock.now() + int(seconds * 1_000_000)
        self.run()
        while self.clock.now() < end:
            self.clock.advance(tick)
            self.run()

    def settle(self, limit: float = 120.0, tick: float = 0.1) -> None:
        """Lets time pass until every stage has committed everything. Raises TimeoutError after `limit` seconds."""
        end = self.clock.now() + int(limit * 1_000_000)
        self.run()
        while behind := {s: r.lag() for s, r in self.runners.items() if s not in self.held and r.lag()}:
            if self.clock.now() > end:
                raise TimeoutError(f"still held after {limit} s: {behind}")
            self.clock.advance(tick)
            self.run()
