"""A drill under way: load that flows, faults at random moments, how long each is felt, and the audit at the end."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg
from confluent_kafka import KafkaException

from infra.drills.ground import TENANT, Ground
from infra.drills.load import Load, Manner
from infra.drills.result import BACK_WITHIN, Result, p99_ms, sent_between
from infra.drills.verdict import Verdict, verdict
from infra.local.errors import PartFailed
from infra.summary import NotAtRest
from infra.wiring import build_codec
from projections.analytics.store import AWAY

PATIENCE: Final = 120.0
STEADY: Final = 1.5
"""Seconds for which the traffic must keep up before it counts as recovered, since it began to."""
BEHIND: Final = 1.0
"""Seconds of traffic that may be outstanding when all is well."""
QUICK_BEHIND: Final = 10.0
"""The same in the shortest form, which says nothing about speed and runs on machines that do much else."""
RECORDS_A_TURN: Final = 8
LOOK_EVERY: Final = 0.1
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How drills are done. rate: turns a second. times: faults of each drill, at least. Seconds: `warm` before the
    first fault, `gap` between two at most, `hold` of an outage, `pause` of a process that is stopped, longer than its
    membership lasts, `after` the last. quick: the shortest form."""

    rate: float
    times: int = 10
    seed: int = 1
    warm: float = 3.0
    gap: float = 5.0
    hold: float = 20.0
    pause: float = 15.0
    after: float = 3.0
    patience: float = PATIENCE
    """Seconds after which what has not recovered has not."""
    quick: bool = False
    other: Path | None = None
    """A checkout of another version; None: one is made of the commit before."""

    @property
    def behind(self) -> float:
        """Seconds that the traffic may be behind when all is well."""
        return QUICK_BEHIND if self.quick else BEHIND


@dataclass
class Fault:
    """One fault. Seconds since the epoch; `over`: when what was done ended, from which recovery counts."""

    what: str
    began: float
    over: float
    recovered: float | None = None

    def ends(self) -> None:
        """It holds no longer: recovery counts from now."""
        self.over = time.time()


@dataclass
class Drilling:
    """What a drill has at hand: the ground, the load on it, chance, and where it writes what it found."""

    ground: Ground
    plan: Plan
    load: Load
    result: Result
    chance: random.Random
    say: Say
    faults: list[Fault] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        """Lets traffic flow: the moment of a fault is part of the fault."""
        threading.Event().wait(seconds)

    def moment(self) -> None:
        """A random moment of the traffic."""
        self.wait(self.chance.uniform(0.2, self.plan.gap))

    def note(self, text: str) -> None:
        self.result.notes.append(text)

    def problem(self, text: str) -> None:
        self.result.problems.append(text)

    def slow(self, text: str) -> None:
        """A promise of speed is broken."""
        self.result.slow.append(text)

    @contextmanager
    def fault(
        self,
        what: str,
        *parts: str,
        within: float | None = BACK_WITHIN,
        stores: bool = False,
        when: Callable[[], bool] = lambda: True,
    ) -> Iterator[Fault]:
        """What is done inside is the fault; on leaving, recovery is waited for and measured.

        Recovered is when `parts` answer, `when` holds, and the traffic is less than a second behind; with `stores` the
        projections too. within: seconds it may take from the fault's end; None: the drill does not ask.
        """
        self.result.times += 1
        fault = Fault(what, time.time(), 0.0)
        fault.over = fault.began
        self.faults.append(fault)
        yield fault
        self._recover(fault, lambda: when() and all(map(self.ground.ready, parts)) and self._keeps_up(stores))
        if fault.recovered is None:
            self.problem(f"{what}: not recovered {self.plan.patience:.0f} s after its end")
            return
        taken = fault.recovered - fault.over
        self.result.recovery_s.append(round(taken, 2))
        self.say(f"  {what}: recovered {taken:.1f} s after it")
        if within is not None and taken > within:
            self.slow(f"{what}: recovered {taken:.1f} s after it, and {within:.0f} s are meant")

    def _recover(self, fault: Fault, well: Callable[[], bool]) -> None:
        since: float | None = None
        while time.time() - fault.over < self.plan.patience:
            now = time.time()
            if not well():
                since = None
            elif since is None:
                since = now
            elif now - since >= STEADY:
                fault.recovered = since
                return
            self.wait(LOOK_EVERY)

    def _keeps_up(self, stores: bool) -> bool:
        if self.load.age >= self.plan.behind:
            return False
        return not stores or self.stores_keep_up()

    def stores_keep_up(self) -> bool:
        """Whether both stores lack less than about a second of traffic (two, since they fold in batches)."""
        try:
            lacking = max(self.ground.behind().values())
        except (KafkaException, psycopg.Error, *AWAY):
            return False
        return lacking < 2 * self.plan.behind * self.plan.rate * RECORDS_A_TURN + 200

    def until(self, condition: Callable[[], bool], what: str, patience: float | None = None) -> bool:
        """Waits for a condition, as long as the plan does unless told; a problem where it does not come true."""
        patience = patience or self.plan.patience
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                self.problem(f"not within {patience:.0f} s: {what}")
                return False
            self.wait(0.05)
        return True

    def killed(self, name: str) -> None:
        """kill -9; returns once the supervisor has seen it."""
        part, restarts = self.ground.part(name), self.ground.part(name).restarts
        self.ground.kill(name, signal.SIGKILL)
        self.until(lambda: part.restarts > restarts, f"{name} is noticed to be gone")

    def another_load(self, seed: int, manner: Manner) -> Load:
        """Other customers, beside those of the drill."""
        return Load(self.ground.settings, TENANT, manner, seed, self.load.codec)


Body = Callable[[Drilling], None]


def drill(
    name: str,
    number: int,
    body: Body,
    ground: Ground,
    plan: Plan,
    say: Say,
    manner: Manner | None = None,
    asked: Body | None = None,
) -> Result:
    """One drill on this ground, with its audit. What fails in it, or cannot be judged, is a problem of the result.

    asked: what is asked once the audit is done. manner: of its customers; None: usual ones at the plan's rate.
    """
    result = Result(name, number)
    settings = ground.settings
    chance = random.Random(f"{plan.seed} {name}")
    load = Load(settings, TENANT, manner or Manner(plan.rate), chance.randrange(1 << 30), build_codec(settings))
    drilling = Drilling(ground, plan, load, result, chance, say)
    with load:
        try:
            drilling.wait(plan.warm)
            body(drilling)
            drilling.wait(plan.after)
        except (PartFailed, KafkaException, psycopg.Error, *AWAY) as why:
            drilling.problem(f"the drill could not go on: {type(why).__name__}: {why}")
        _mend(drilling)
    messages = load.finish().messages
    ground.used += load.sent
    _figures(result, drilling)
    try:
        _judge(result, verdict(settings, load.acknowledged, load.name, load.codec))
    except (NotAtRest, KafkaException, psycopg.Error, *AWAY) as why:
        result.problems.append(f"it could not be audited: {type(why).__name__}: {why}")
    if load.disorder:
        result.disorder = max(result.disorder, len(load.disorder))
        result.problems.append(f"replies read out of order in {sorted(load.disorder)[:3]}")
    if missing := [m.event_id for m in messages if m.missing]:
        result.problems.append(f"{len(missing)} customers read no reply: {missing[:3]}")
    if asked is not None:
        asked(drilling)
    return result


def _mend(drilling: Drilling) -> None:
    try:
        drilling.ground.mend()
    except PartFailed as why:
        drilling.problem(f"the stack is not as before: {why}")
        drilling.ground.broken = True


def _figures(result: Result, drilling: Drilling) -> None:
    """The latencies while a fault was felt, each, and of all the rest."""
    messages = drilling.load.manifest.messages
    felt = [(f.began, f.recovered if f.recovered is not None else time.time()) for f in drilling.faults]
    during = [p99_ms(sent_between(messages, *window)) for window in felt]
    result.p99_during_ms = [p for p in during if p is not None]
    hurt = {m.event_id for window in felt for m in sent_between(messages, *window)}
    result.p99_after_ms = p99_ms(m for m in messages if m.event_id not in hurt)


def _judge(result: Result, found: Verdict) -> None:
    result.lost, result.doubled = len(found.lost), len(found.doubled) + sum(found.rows_twice.values())
    result.disorder, result.divergence = len(found.disorder), len(found.divergent)
    result.redelivered, result.events = found.redelivered, found.events
    result.problems += found.problems()
