"""A pool, its queue and its ladder in simulated time: what fairness is worth, in figures.

`python -m streams.generation.simulation_figures` prints them. The queue, the caps and the ladder are the real ones; the
models are drawn: a prompt of a few hundred tokens, a reply of about a hundred, a pool that is slower the fuller it is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random
from typing import Final, NamedTuple

from processors.ladder import Ask, Offer, Run, Speed, choose
from streams.generation.admission import Admission, Caps
from streams.generation.fairness import Bounds, FairQueue, Taken
from streams.generation.lane import Turn
from streams.generation.speed import SpeedOf, Turnover

SLOTS: Final = 64
MOST: Final = 400
"""Tokens that a reply may have."""
_CONTEXT: Final = 4096
_RESERVE: Final = 0.3
_FAST: Final = 0.03
"""Seconds a fast rung takes."""
_EXPIRES_EVERY: Final = 0.1


@dataclass(frozen=True, slots=True)
class Flow:
    """A tenant: turns a second, and how much more of them between `begins` and `ends`. long: of its replies."""

    tenant: str
    rate: float
    times: float = 1.0
    long: float = 1.0
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Setting:
    """A minute that is measured, `begins` to `ends`, within `seconds`. slow: how much slower the pool is in it.

    shared: False puts everybody into one line, first come first served, to compare with.
    """

    flows: tuple[Flow, ...]
    seconds: float = 150.0
    begins: float = 60.0
    ends: float = 120.0
    slow: float = 1.0
    shared: bool = True


class Served(NamedTuple):
    """What became of a turn. rung: `large_model`, or `knowledge` with the reason why; seconds: until its reply.

    tokens: of prompt and reply, 0 if it was not generated. room: the seconds it had.
    """

    tenant: str
    came: float
    seconds: float
    room: float
    rung: str
    reason: str
    tokens: int


class _Drawn(NamedTuple):
    tenant: str
    came: float
    room: float
    prompt: int
    length: int
    luck: float
    rank: int


def simulate(setting: Setting, seed: int) -> list[Served]:
    """Every turn of one run. Turns of a tenant are the same ones whatever the others do."""
    return _Simulation(setting, seed).run()


def drawn(setting: Setting, flow: Flow, seed: int) -> Iterator[_Drawn]:
    """A tenant's turns: in the measured minute its usual ones, and more of them if it bursts."""
    usual, more = Random(f"{seed} {flow.tenant}"), Random(f"{seed} {flow.tenant} more")
    yield from _arrivals(flow, usual, 0.0, setting.seconds, flow.rate)
    if flow.times > 1:
        yield from _arrivals(flow, more, setting.begins, setting.ends, flow.rate * (flow.times - 1))


def _arrivals(flow: Flow, random: Random, begins: float, ends: float, rate: float) -> Iterator[_Drawn]:
    at = begins + random.expovariate(rate)
    while at < ends:
        length = int(random.lognormvariate(4.7, 0.5) * flow.long)
        room = random.choice((5.0, 8.0, 10.0))
        luck = random.lognormvariate(0.0, 0.2)
        rank = random.choice((0, 1, 1, 2))
        yield _Drawn(flow.tenant, at, room, random.randint(300, 900), max(8, min(MOST, length)), luck, rank)
        at += random.expovariate(rate)


class _Simulation:
    def __init__(self, setting: Setting, seed: int) -> None:
        self._setting = setting
        self._seed = seed
        self._now = 0.0
        self._late = Random(f"{seed} writing")
        weights = {flow.tenant: flow.weight for flow in setting.flows} if setting.shared else {}
        self._caps = Caps(
            everything=SLOTS * 1000, tenant=SLOTS * (400 if setting.shared else 1000), turns=SLOTS, replay=1
        )
        self._admission = Admission(self._caps)
        bounds = Bounds(everything=SLOTS * 4000, tenant=SLOTS * 2000, wait=4.0, weights=weights)
        self._queue = FairQueue(bounds, self._admission, Turnover(cost=700, most=1000, seconds=2.0))
        self._speed = SpeedOf(Speed(0.4, 0.02))
        self._open: dict[str, _Drawn] = {}
        self._served: list[Served] = []
        self._events: list[tuple[float, int, partial[None]]] = []
        self._ids = count()

    def run(self) -> list[Served]:
        for flow in self._setting.flows:
            for turn in drawn(self._setting, flow, self._seed):
                self._at(turn.came, partial(self._came, turn))
        for i in range(int(self._setting.seconds / _EXPIRES_EVERY)):
            self._at(i * _EXPIRES_EVERY, partial(self._expires))
        while self._events:
            self._now, _, happens = heapq.heappop(self._events)
            happens()
        return self._served

    def _at(self, when: float, happens: partial[None]) -> None:
        heapq.heappush(self._events, (when, next(self._ids), happens))

    def _came(self, it: _Drawn) -> None:
        wish = self._speed.length(self._now, 200)
        name = str(next(self._ids))
        tenant = it.tenant if self._setting.shared else "everybody"
        turn = Turn(name, tenant, name, it.prompt + wish, it.prompt + MOST, 0.0, it.rank)
        found = self._chosen(it, wish, queued=turn)
        if isinstance(found, str):
            return self._step_down(it, found)
        self._open[name] = it
        turn = turn._replace(start_by=self._now + found.start_by)
        for shed in self._queue.offer(turn, self._now):
            self._step_down(self._open.pop(shed.turn.turn_id), shed.reason)
        self._begin_all()

    def _chosen(self, it: _Drawn, wish: int, queued: Turn | None) -> Run | str:
        offer = Offer("large_model", "drawn", self._speed.speed(self._now), _CONTEXT)
        if queued is not None:
            offer = offer._replace(wait=self._queue.wait(queued, self._now), pressure=self._queue.pressure(queued))
        ask = Ask(it.tenant, ("large_model",), it.prompt, wish, MOST, it.came + it.room - self._now, it.rank)
        chosen = choose(ask, [offer])
        return chosen.run if chosen.run is not None else chosen.passed[0].reason

    def _expires(self) -> None:
        for shed in self._queue.expire(self._now):
            self._step_down(self._open.pop(shed.turn.turn_id), shed.reason)

    def _begin_all(self) -> None:
        while True:
            taken, sheds = self._queue.take(self._now)
            for shed in sheds:
                self._step_down(self._open.pop(shed.turn.turn_id), shed.reason)
            if taken is None:
                return
            self._begin(taken)

    def _begin(self, taken: Taken) -> None:
        it = self._open.pop(taken.turn.turn_id)
        run = self._chosen(it, taken.turn.cost - it.prompt, queued=None)
        if isinstance(run, str):
            taken.reservation.settle(0)
            return self._step_down(it, run)
        begins, ends = self._setting.begins, self._setting.ends
        slow = it.luck * (self._setting.slow if begins <= self._now < ends else 1.0)
        first = (0.1 + it.prompt * 0.0002) * slow
        token = 0.012 * (1 + 0.3 * self._admission.turns / SLOTS) * slow
        length = min(it.length, run.tokens)
        until = min(self._now + first + length * token, it.came + it.room - _RESERVE)
        told = max(0, min(length, int((until - self._now - first) / token + 1e-6)))
        cut = told < it.length
        self._at(until, partial(self._ended, it, taken, self._now, min(first, until - self._now), told, cut))

    def _ended(self, it: _Drawn, taken: Taken, began: float, first: float, told: int, cut: bool) -> None:
        self._speed.began(first, self._now)
        self._speed.ended(told, self._now - began - first, self._now, whole=not cut)
        taken.reservation.settle(it.prompt + told)
        if told:
            self._reply(it, "large_model", "cut" if cut else "", it.prompt + told, 0.0)
        else:
            self._step_down(it, "no_token")
        self._begin_all()

    def _step_down(self, it: _Drawn, reason: str) -> None:
        self._reply(it, "knowledge", reason, 0, _FAST)

    def _reply(self, it: _Drawn, rung: str, reason: str, tokens: int, more: float) -> None:
        seconds = self._now - it.came + more + self._late.expovariate(1 / 0.02)
        self._served.append(Served(it.tenant, it.came, seconds, it.room, rung, reason, tokens))
