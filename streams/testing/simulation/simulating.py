"""Plays a schedule: acts as they come, then everything is mended, and time passes until nothing is left to do.

There are no threads and no real time: whatever happens follows from the schedule, so a seed is a story.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from schemas.catalogue import REPLIES, ROUTES
from schemas.codec import Codec
from schemas.events import AgentReplied, Event, ReplyProduced, ScenarioRouted
from schemas.identity import follow
from streams.bus import Clock
from streams.testing.events import EPOCH
from streams.testing.simulation.crew import Crew
from streams.testing.simulation.inputs import about, event_of
from streams.testing.simulation.product import Product, Shown
from streams.testing.simulation.projecting import FactsOfLog, Projecting
from streams.testing.simulation.schedule import Act, Input, Schedule
from streams.testing.simulation.stores import PROJECTED, Fault, Fenced, Store
from streams.testing.simulation.telling import Tell, name_of
from streams.testing.simulation.watched import WatchedBus

PATIENCE: Final = 40
"""Rounds of passing time in which everything must have settled."""
JUMPS: Final = (0.35, 0.3, 6.0, 12.0, 3.0)
"""Seconds that pass while things settle: past the wait for signals, past deadlines, and past what expires."""
STORE_FAULTS: Final[tuple[Fault, ...]] = ("before", "after")


@cache
def _codec() -> Codec:
    """One for all: making it takes longer than many schedules."""
    return Codec()


class Simulation:
    """One schedule over one log. `delivered`: what customers were shown, and when. `settled`: whether nothing was left
    to do in the end. `now_seconds`: since the beginning."""

    def __init__(self, schedule: Schedule, product: Product, tell: Callable[[float, str], None] | None = None) -> None:
        self.schedule, self.product = schedule, product
        self.clock = Clock(EPOCH)
        self.bus = WatchedBus(self.clock.now, schedule.partitions, _codec() if schedule.codec else None)
        self.tell: Tell = None if tell is None else lambda text: tell((self.clock.now() - EPOCH) / 1e6, text)
        self.delivered: list[tuple[int, Shown]] = []
        self.settled = False
        self.stores: Mapping[str, Store] = dict(
            zip(PROJECTED, (product.session_store(), product.analytics_store()), strict=True)
        )
        self._waiting: dict[int, deque[Input]] = {}
        for it in schedule.inputs:
            self._waiting.setdefault(-1 if it.what in ("policy", "model") else it.session, deque()).append(it)
        self._arrived: list[tuple[Input, Event]] = []
        self._last_turn: dict[int, str] = {}
        self._gateway = product.delivery()
        numbers = range(schedule.partitions)
        self._shown, self._at_desk = dict.fromkeys(numbers, 0), dict.fromkeys(numbers, 0)
        self.bus.append(product.policies[0])
        self.crew = Crew(schedule, product, self.bus, self.clock, self.tell)
        self.facts = FactsOfLog(self.bus)
        self._projecting = [self._a_projecting(name, n) for name in PROJECTED for n in numbers]
        self._sleeping: list[Projecting] = []
        self._acts: dict[str, Callable[[int, int], None]] = {
            "work": self._work,
            "everyone": self._work_on_everything,
            "arrive": self._arrive,
            "again": self._again,
            "time": self._pass,
            "project": self._project,
            "gateway": self._show,
            "desk": self._answer_at_desk,
            "control": self._follow_control,
            "model": self._end_generation,
            "late": lambda who, amount: self.crew.arrive_late(),
            "crash": lambda who, amount: self.crew.crash(self.crew.busy(who) if amount & 4 else who, amount % 3),
            "start": lambda who, amount: self.crew.start(who),
            "rebalance": lambda who, amount: self.crew.rebalance(who),
            "move": self.crew.move,
            "pause": lambda who, amount: self.crew.pause(who),
            "wake": self._wake,
            "fail": self.crew.fail,
            "refuse": self.crew.refuse,
            "store": self._harm_projection,
        }

    def play(self) -> None:
        """The whole schedule, to its end."""
        for act in self.schedule.acts:
            self._do(act)
        self._mend()

    def _do(self, act: Act) -> None:
        self._acts[act.what](act.who, act.amount)

    # The stages.

    def _work(self, who: int, amount: int) -> None:
        """A few steps of one partition of a stage."""
        hand = self.crew.next_with_work(who)
        if hand is not None:
            for _ in range(1 + (amount & 7)):
                if not self.crew.step(hand, amount >> 3) or hand.phase == "idle":
                    break

    def _work_on_everything(self, who: int, amount: int) -> None:
        self._round()

    def _round(self) -> bool:
        """A batch of everyone who is there. Whether anything was done."""
        for worker in self.crew.alive():
            worker.control.follow()
        did = False
        for hand in list(self.crew.hands()):
            if self.crew.hand((hand.spec.name, hand.partition)) is hand:
                did |= self.crew.cycle(hand)
        return did

    def _follow_control(self, who: int, amount: int) -> None:
        worker = self.crew.worker(who)
        if worker is not None:
            worker.control.follow()

    def _end_generation(self, who: int, amount: int) -> None:
        worker = self.crew.worker(who)
        if worker is not None:
            worker.generating.end(amount)

    def _wake(self, who: int, amount: int) -> None:
        if self._sleeping and amount & 0x100:
            self._fold(self._sleeping.pop(who % len(self._sleeping)), amount)
        else:
            self.crew.wake(who, amount)

    # Outside.

    def _pass(self, who: int, amount: int) -> None:
        self.clock.advance((0.01, 0.05, 0.1, 0.3, 0.3, 0.6, 2.0, 6.0)[amount & 7])

    def _arrive(self, who: int, amount: int) -> None:
        """The next of what someone outside has to say."""
        kept = int(self.schedule.anew)
        there = [session for session, waiting in self._waiting.items() if len(waiting) > kept]
        if there:
            self._take_in(self._waiting[there[who % len(there)]].popleft())

    def _take_in(self, it: Input) -> None:
        turn = self._last_turn.get(it.session)
        event = event_of(it, self.product, self.clock.now(), self.schedule.deadline, turn)
        if event is None:
            return
        if it.what == "message":
            self._last_turn[it.session] = event.meta.event_id
        if it.what not in ("policy", "model"):
            self._arrived.append((it, event))
        if self.tell:
            self.tell(about(it, event))
        self.bus.append(event)

    def _again(self, who: int, amount: int) -> None:
        """The channel sends something once more."""
        if self._arrived:
            event = self._arrived[who % len(self._arrived)][1]
            if self.tell:
                self.tell(f"the channel sends again: {name_of(event)}")
            self.bus.append(event)

    def _show(self, who: int, amount: int) -> None:
        """The gateway reads some replies of one partition, and shows those whose turn it is."""
        n = who % self.schedule.partitions
        start, now = self._shown[n], self.clock.now()
        records = self.bus.kept[REPLIES, n][start : start + 1 + (amount & 3)]
        self._shown[n] += len(records)
        out: list[Shown] = []
        for record in records:
            if isinstance(record.event, ReplyProduced | AgentReplied):
                out += self._gateway.take(Shown(record.offset, record.event), now)
        out += self._gateway.due(now)
        self.delivered += [(now, reply) for reply in out]

    def _answer_at_desk(self, who: int, amount: int) -> None:
        """A human answers the turns that are theirs, sometimes twice under one id."""
        n = who % self.schedule.partitions
        records = self.bus.kept[ROUTES, n][self._at_desk[n] :]
        self._at_desk[n] += len(records)
        for record in records:
            route = record.event
            if isinstance(route, ScenarioRouted) and route.owner == "human":
                meta = follow(route.meta, "desk", "desk@1", self.clock.now())
                for _ in range(1 + (amount & 1)):
                    self.bus.append(AgentReplied(meta, "A human's answer.", "agent-1"))

    # The projections.

    def _a_projecting(self, name: str, n: int) -> Projecting:
        return Projecting(name, n, self.stores[name], self.bus, self.facts, self.tell)

    def _project(self, who: int, amount: int) -> None:
        place = who % len(self._projecting)
        for _ in range(1 + (amount & 3)):
            if not self._fold(self._projecting[place], amount >> 2):
                break

    def _fold(self, projecting: Projecting, amount: int) -> bool:
        """A step; False: there is nothing to do. One whose position was moved by another is gone, and begins anew."""
        try:
            return projecting.step(amount)
        except Fenced:
            if self.tell:
                self.tell(f"{projecting.name}[{projecting.partition}] finds its position moved, and stops")
            for place, other in enumerate(self._projecting):
                if other is projecting:
                    self._projecting[place] = self._a_projecting(projecting.name, projecting.partition)
                    return True
            return False

    def _harm_projection(self, who: int, amount: int) -> None:
        """The store is lost for a moment, or the process is killed, or sleeps while another takes its place."""
        place = who % len(self._projecting)
        old = self._projecting[place]
        what = amount % 4
        if what < 2:
            self.stores[old.name].fault = STORE_FAULTS[what]
            return
        if what == 3:
            self._sleeping.append(old)
        if self.tell:
            self.tell(f"{old.name}[{old.partition}] {'falls asleep' if what == 3 else 'is killed'}; another begins")
        self._projecting[place] = self._a_projecting(old.name, old.partition)

    # The end.

    def _mend(self) -> None:
        """Nothing goes wrong any more, and all that is left is done; what sleeps or is late comes now or at the end."""
        if self.tell:
            self.tell("from here on nothing goes wrong any more")
        if not self.schedule.late:
            self.crew.start_all()
            self._round()
            self._catch_up()
        if self.schedule.anew:
            self.crew.begin_anew()
        for waiting in [self._waiting[session] for session in sorted(self._waiting)]:
            while waiting:
                self._take_in(waiting.popleft())
                self.clock.advance(0.05)
                self.crew.start_all()
                self._round()
        self._settle()
        if self.schedule.late:
            self._catch_up()
            self._settle()

    def _catch_up(self) -> None:
        """Whoever sleeps wakes and finishes, and what is on its way arrives."""
        self.crew.wake_all()
        while self.crew.late:
            self.crew.arrive_late()
        for projecting in self._sleeping:
            while self._fold(projecting, -1):
                pass
        self._sleeping = []

    def _settle(self) -> None:
        """Time passes until nothing is left to do."""
        for n in range(PATIENCE):
            self.crew.start_all()
            busy = True
            while busy:
                busy = self._round()
                for worker in self.crew.alive():
                    busy |= worker.generating.end_all()
            if not self._lag():
                break
            self.clock.advance(JUMPS[n % len(JUMPS)])
        for place in range(len(self._projecting)):
            while self._fold(self._projecting[place], -1):
                pass
        for _ in range(2):
            for n in self._shown:
                while self._shown[n] < len(self.bus.kept[REPLIES, n]):
                    self._show(n, 3)
            self.clock.advance(6)
            self._show(0, 0)
        self.settled = not self._lag()

    def _lag(self) -> int:
        """Records that some stage has not committed."""
        hands = list(self.crew.hands())
        return len(self.crew.keys) - len(hands) + sum(hand.lag() for hand in hands)
