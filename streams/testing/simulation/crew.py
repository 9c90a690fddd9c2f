"""The workers of all stages: who has which partition, who is gone, who sleeps with work in hand, what is on its way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from schemas.events import Event
from streams.bus import Clock
from streams.testing.simulation.hand import Died, Hand, Ousted
from streams.testing.simulation.product import Product
from streams.testing.simulation.schedule import Schedule
from streams.testing.simulation.telling import Tell, name_of
from streams.testing.simulation.watched import WatchedBus
from streams.testing.simulation.worker import Worker
from streams.topology import STAGES

NAMES = tuple(s.name for s in STAGES)
LOST, LATE, NOW = 0, 1, 2
"""What becomes of what a worker had on its way when it ended."""
FATES = ("is lost on its way", "is still on its way", "arrives all the same")
Key = tuple[str, int]
"""A stage, and a partition number."""


class Crew:
    """Slots for workers, each with the stages that it runs; in each lives one worker, or none.

    late: what was sent by those who are gone, and has not arrived yet. asleep: hands of workers that stopped, in the
    belief that their partitions are still theirs.
    """

    def __init__(self, schedule: Schedule, product: Product, bus: WatchedBus, clock: Clock, tell: Tell) -> None:
        self._product, self._bus, self._clock, self._tell, self._skews = product, bus, clock, tell, schedule.skews
        kinds = [(name,) for name in NAMES] if schedule.apart else [NAMES]
        self._slots = [names for names in kinds for _ in range(schedule.workers)]
        self.keys: list[Key] = [(name, n) for name in NAMES for n in range(schedule.partitions)]
        self._homes = {(name, n): self._able(name)[n % schedule.workers] for name, n in self.keys}
        self._workers: list[Worker | None] = [None] * len(self._slots)
        self._lives = 0
        self.late: deque[Event] = deque()
        self.asleep: list[Hand] = []
        self._sleepers: list[Worker] = []
        self.start_all()

    def _able(self, stage: str) -> list[int]:
        return [slot for slot, names in enumerate(self._slots) if stage in names]

    def worker(self, who: int) -> Worker | None:
        """The worker in a slot."""
        return self._workers[who % len(self._workers)]

    def alive(self) -> Iterator[Worker]:
        """Those who work."""
        return (w for w in self._workers if w is not None)

    def hand(self, key: Key) -> Hand | None:
        """Whoever has the partition; None: nobody works on it."""
        worker = self._workers[self._homes[key]]
        return None if worker is None else worker.hands.get(key)

    def hands(self) -> Iterator[Hand]:
        """Every partition in somebody's hands, in the order of the flow."""
        for key in self.keys:
            if (hand := self.hand(key)) is not None:
                yield hand

    def next_with_work(self, who: int) -> Hand | None:
        """From the one that `who` says on, the first that has something to do."""
        count = len(self.keys)
        for i in range(count):
            hand = self.hand(self.keys[(who + i) % count])
            if hand is not None and hand.has_work():
                return hand
        return None

    def step(self, hand: Hand, amount: int) -> bool:
        """One step, and what comes of it where it goes wrong. False: the hand does nothing more at this time."""
        try:
            return hand.step(amount)
        except Died as why:
            hand.tell_batch()
            self._died(hand, str(why))
        except Ousted:
            hand.tell_batch()
            if self._tell:
                self._tell(f"{hand.name} is told that {hand.spec.name}[{hand.partition}] is another's by now")
            hand.runner.close()
            self.asleep = [h for h in self.asleep if h is not hand]
        return False

    def cycle(self, hand: Hand) -> bool:
        """A whole batch, unless something goes wrong. Whether anything was done."""
        did = False
        if self._tell:
            hand.batch = []
        while self.step(hand, -1):
            did = True
            if hand.phase == "idle":
                break
        if self._tell:
            hand.tell_batch()
        return did

    def _died(self, hand: Hand, why: str) -> None:
        for slot, worker in enumerate(self._workers):
            if worker is not None and any(h is hand for h in worker.hands.values()):
                self.crash(slot, LOST, why)
                return
        self.asleep = [h for h in self.asleep if h is not hand]

    def crash(self, who: int, fate: int, why: str = "it is killed") -> None:
        """The worker is gone at once, with all that it had in memory."""
        slot = who % len(self._slots)
        worker = self._workers[slot]
        if worker is None:
            return
        if self._tell:
            self._tell(f"{worker.name} is gone: {why}")
        self._workers[slot] = None
        for hand in worker.hands.values():
            for wire in hand.wires.values():
                self._let_go(wire, fate)

    def _let_go(self, wire: deque[Event], fate: int) -> None:
        for event in wire:
            if self._tell:
                self._tell(f"{name_of(event)} {FATES[fate]}")
            if fate == NOW:
                self._bus.append(event)
            elif fate == LATE:
                self.late.append(event)

    def arrive_late(self) -> None:
        """Something that was on its way arrives."""
        if self.late:
            record = self._bus.append(self.late.popleft())
            if self._tell:
                where = f"{record.topic}[{record.partition}] {record.offset}"
                self._tell(f"{name_of(record.event)} arrives late, at {where}")

    def start(self, who: int) -> None:
        """A worker begins where there is none, with the partitions that are at home there."""
        slot = who % len(self._slots)
        if self._workers[slot] is not None:
            return
        self._lives += 1
        skew = self._skews[slot % len(self._skews)] * 1000
        name, stages = f"worker {self._lives}", self._slots[slot]
        worker = Worker(name, self._product, stages, self._bus, self._clock, skew, self._tell)
        self._workers[slot] = worker
        mine = [key for key, home in self._homes.items() if home == slot]
        if self._tell and self._lives > len(self._slots):
            self._tell(f"{worker.name} starts, with {_listed(mine)}")
        for key in mine:
            worker.take(*key)

    def start_all(self) -> None:
        """Wherever there is none."""
        for slot in range(len(self._slots)):
            self.start(slot)

    def begin_anew(self) -> None:
        """Every worker ends, and another takes its place."""
        for slot in range(len(self._slots)):
            self.crash(slot, NOW, "it is stopped")
        self.start_all()

    def _give(self, worker: Worker, key: Key) -> None:
        worker.take(*key)
        if self._tell:
            self._tell(f"{worker.name} gets {key[0]}[{key[1]}]")

    def rebalance(self, who: int) -> None:
        """What nobody works on goes to those who are there."""
        for name, n in self.keys:
            if self._workers[self._homes[name, n]] is None:
                able = [slot for slot in self._able(name) if self._workers[slot] is not None]
                if able:
                    self._homes[name, n] = slot = able[(who + n) % len(able)]
                    self._give(self._worker_in(slot), (name, n))

    def _worker_in(self, slot: int) -> Worker:
        worker = self._workers[slot]
        assert worker is not None
        return worker

    def move(self, who: int, amount: int) -> None:
        """A partition goes to another worker. What is in hand is finished first, or dropped where nothing was decided;
        where that takes too long it goes as it is."""
        name, n = key = self.keys[who % len(self.keys)]
        hand = self.hand(key)
        others = [s for s in self._able(name) if self._workers[s] is not None and s != self._homes[key]]
        if hand is None or not others:
            return
        if amount & 1:
            while hand.phase in ("sending", "sent") and self.hand(key) is hand:
                self.step(hand, amount >> 2)
            if self.hand(key) is not hand:
                return
        elif hand.phase in ("sending", "sent"):
            hand.fenced = True
            self.asleep.append(hand)
        del self._worker_in(self._homes[key]).hands[key]
        hand.runner.close()
        if self._tell:
            how = ", in the midst of its work" if hand.fenced else ""
            self._tell(f"{name}[{n}] is taken from {hand.worker}{how}")
        self._homes[key] = slot = others[amount >> 1 & 1 if len(others) > 1 else 0]
        self._give(self._worker_in(slot), key)

    def busy(self, who: int) -> int:
        """The slot of a worker in the midst of something, from the one that `who` says on; else that one."""
        count = len(self.keys)
        for i in range(count):
            key = self.keys[(who + i) % count]
            hand = self.hand(key)
            if hand is not None and hand.phase in ("read", "ready", "sending"):
                return self._homes[key]
        return who % len(self._slots)

    def pause(self, who: int) -> None:
        """A worker stops, with all that it has in hand; the group gives its partitions up on it."""
        slot = self.busy(who)
        worker = self._workers[slot]
        if worker is None:
            return
        if self._tell:
            self._tell(f"{worker.name} falls asleep, with what it has in hand")
        self._workers[slot] = None
        self._sleepers.append(worker)
        for hand in worker.hands.values():
            self._put_to_sleep(hand)

    def _put_to_sleep(self, hand: Hand) -> None:
        hand.fenced = True
        hand.until = {(topic, hand.partition): self._bus.end((topic, hand.partition)) for topic in hand.spec.reads}
        self.asleep.append(hand)

    def wake(self, who: int, amount: int) -> None:
        """One who slept goes on with its work, for a few steps, until it is told that it is another's."""
        if not self.asleep:
            return
        hand = self.asleep[who % len(self.asleep)]
        if self._tell:
            self._tell(f"{hand.name} wakes, and goes on with {hand.spec.name}[{hand.partition}]")
        for _ in range(1 + (amount & 7)):
            if not self.step(hand, amount >> 3) or all(h is not hand for h in self.asleep):
                break

    def wake_all(self) -> None:
        """Whoever slept finishes what was in hand."""
        for worker in self._sleepers:
            worker.generating.end_all()
        for hand in list(self.asleep):
            for _ in range(3):
                if not self.cycle(hand) or all(h is not hand for h in self.asleep):
                    break
        self.asleep, self._sleepers = [], []

    def fail(self, who: int, amount: int) -> None:
        """Something produced is not confirmed: it is lost, or it is there all the same."""
        count = len(self.keys)
        for i in range(count):
            hand = self.hand(self.keys[(who + i) % count])
            if hand is None or hand.phase != "sending":
                continue
            topic = sorted(hand.wires)[0]
            event = hand.wires[topic].popleft()
            if not hand.wires[topic]:
                del hand.wires[topic]
            if self._tell:
                self._tell(f"{name_of(event)} {'is lost' if amount & 1 else 'arrives, but unconfirmed'}")
            if not amount & 1:
                self._bus.append(event)
            try:
                hand.undelivered()
            except Died as why:
                self._died(hand, str(why))
            return

    def refuse(self, who: int, amount: int) -> None:
        """The next commit of someone goes wrong."""
        hand = self.next_with_work(who)
        if hand is not None:
            hand.refused = "lost" if amount & 1 else "unsure"


def _listed(keys: list[Key]) -> str:
    return ", ".join(f"{name}[{n}]" for name, n in keys) or "nothing yet"
