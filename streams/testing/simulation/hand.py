"""One partition in the hands of a stage's worker: read, decide, produce, see it delivered, commit; a step at a time.

Between two steps anything may happen: what is awaited there takes as long as the schedule has it, comes out as the
schedule has it, or never.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, Literal

from processors.outcomes import Retry
from processors.stage import Context, Stage
from schemas.catalogue import TOPIC_OF
from schemas.events import Event, Record
from streams.bus import Bus, Clock
from streams.log import Place, Unreadable
from streams.pipeline import Runner
from streams.testing.simulation.telling import Tell, name_of, names_of
from streams.topology import StageSpec

Phase = Literal["idle", "read", "ready", "sending", "sent"]
LIMITS: Final = (1, 2, 3, 500)


class Died(Exception):
    """Something was raised that ends the worker, as a bug or a broker that does not answer does."""


class Ousted(Exception):
    """The group has given the partition to another: what was kept for it is dropped."""


class Hand:
    """Steps are told by `amount`, of which some bits say how much is read and what is delivered first.

    until: what a worker that slept has read ahead; None: whatever there is. fenced: the group no longer takes its
    commits. refused: what becomes of the next commit: "lost" on its way, or "unsure": there, but not confirmed.
    """

    def __init__(
        self, worker: str, bus: Bus, clock: Clock, skew: int, spec: StageSpec, stage: Stage, n: int, tell: Tell
    ) -> None:
        self.spec, self.partition, self.worker = spec, n, worker
        self.bus, self.tell = bus, tell
        self.phase: Phase = "idle"
        self.until: Mapping[Place, int] | None = None
        self.fenced = False
        self.refused: Literal["", "lost", "unsure"] = ""
        self.wires: dict[str, deque[Event]] = {}
        self.batch: list[str] | None = None
        self.committed: dict[Place, int] = {}
        self._clock, self._skew = clock, skew
        self._records: list[Record | Unreadable] = []
        self._places = [(topic, n) for topic in spec.reads]
        self.runner = Runner(bus, spec, stage, clock, (n,))

    @property
    def name(self) -> str:
        return f"{self.spec.name} of {self.worker}"

    def now(self) -> int:
        """The time as the worker's clock has it."""
        return self._clock.now() + self._skew

    def step(self, amount: int) -> bool:
        """Goes on to the next await. False: there is nothing to do at this time. Raises Died, Ousted."""
        match self.phase:
            case "idle":
                return self._read(amount)
            case "read":
                return self._look_whether_ready()
            case "ready":
                return self._decide()
            case "sending":
                self.deliver(amount)
            case "sent":
                self.commit()
                self.phase = "idle"
        return True

    def say(self, what: str) -> None:
        """A sentence about this hand; while a whole batch is told in one, only a part of it."""
        if self.batch is not None:
            self.batch.append(what)
        elif self.tell:
            self.tell(f"{self.name} {what}")

    def tell_batch(self) -> None:
        """The batch in a sentence, if anything came of it."""
        said, self.batch = self.batch or [], None
        if any(what.startswith("makes") for what in said):
            self.say(", ".join(what for what in said if not what.startswith("has")))

    def _read(self, amount: int) -> bool:
        limit, choice = LIMITS[amount & 3], amount >> 2 & 7
        topics = (self.spec.reads[choice],) if choice < len(self.spec.reads) else None
        self._records = self.runner.read(limit, topics, self.until)
        if self._records:
            self.phase = "read"
            if self.tell:
                self.say(f"reads {_stretch(self._records)}")
            return True
        if hasattr(self.runner.stage, "process"):
            return False
        return self._look_whether_ready() and self._decide()

    def _look_whether_ready(self) -> bool:
        if self.runner.retry(Context(self.now())) is not None:
            return False
        self.phase = "ready"
        return True

    def _decide(self) -> bool:
        events = self.runner.decide(self._records, Context(self.now()))
        if isinstance(events, Retry):
            return False
        had, self._records = bool(self._records), []
        for event in events:
            self.wires.setdefault(TOPIC_OF[type(event)], deque()).append(event)
        if self.tell and events:
            self.say(f"makes {names_of(events)}")
        self.decided(bool(events))
        if had or events or self.moved():
            return True
        self.phase = "idle"
        return False

    def decided(self, anything: bool) -> None:
        """What was decided is on its way; what must not be done before it is there?"""
        self.phase = "sending" if anything else "sent"

    def deliver(self, amount: int) -> None:
        """One record arrives, of the topic that `amount` says; each topic keeps its order."""
        topics = sorted(self.wires)
        topic = topics[amount % len(topics)]
        wire = self.wires[topic]
        record = self.bus.append(wire.popleft())
        if not wire:
            del self.wires[topic]
        if self.tell:
            self.say(f"has {name_of(record.event)} in the log, at {topic}[{record.partition}] {record.offset}")
        if not self.wires:
            self.delivered()

    def delivered(self) -> None:
        """The broker has everything."""
        self.phase = "sent"

    def undelivered(self) -> None:
        """The broker has not taken, or not confirmed, something that was produced. Raises Died."""
        raise Died("what it produced was not confirmed")

    def moved(self) -> dict[Place, int]:
        """What may be committed, and is not."""
        return {place: offset for place, offset in self.runner.safe().items() if self.committed.get(place) != offset}

    def commit(self) -> None:
        """Commits what has moved. Raises Ousted, Died."""
        if self.fenced:
            raise Ousted
        moved = self.moved()
        if not moved:
            return
        refused, self.refused = self.refused, ""
        if refused == "lost":
            raise Died("its commit was not taken")
        for place, offset in moved.items():
            self.bus.commit(self.spec.group, place, offset)
        self.committed.update(moved)
        if self.tell and any(moved.values()):
            self.say(f"commits {', '.join(f'{t}[{n}] {o}' for (t, n), o in sorted(moved.items()) if o)}")
        if refused == "unsure":
            raise Died("its commit was taken, but not confirmed")

    def has_work(self) -> bool:
        """Whether a step would do something, time aside."""
        return self.phase != "idle" or self.unread() > 0

    def unread(self) -> int:
        """Records that were not read yet."""
        return sum(self.bus.end(place) - self.runner.position(place) for place in self._places)

    def lag(self) -> int:
        """Records that are not committed."""
        return sum(self.bus.end(place) - self.bus.committed(self.spec.group, place) for place in self._places)




def _stretch(records: list[Record | Unreadable]) -> str:
    places: dict[Place, list[int]] = {}
    for record in records:
        places.setdefault((record.topic, record.partition), []).append(record.offset)
    parts = (f"{t}[{n}] {o[0]}" + (f" to {o[-1]}" if len(o) > 1 else "") for (t, n), o in places.items())
    return ", ".join(parts)
