"""A model's server is hurt in every way at random moments under load: what customers notice, and how it recovers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.drills.audit import audit
from infra.generation_drills.faults import NAMES, Fault, faults
from infra.generation_drills.load import TURNS_OF_A_SESSION, Asked, Load
from infra.generation_drills.measures import WINDOW, Group, back_after, by, group, reasons, sent_between
from infra.generation_drills.server import Server
from infra.generation_drills.turns import GENERATING, Turn, read_turns
from infra.local.stack import LocalStack
from infra.play_links import KafkaLink
from infra.settings import Settings
from infra.summary import come_to_rest
from infra.wiring import build_codec
from projections.ledger import ledger
from streams.channels.client import wall_clock

PATIENCE: Final = 60.0
IN_A_ROW: Final = 10
"""So many turns that a model made, one after another, and the drill goes on."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """rates: turns a second by tenant. Seconds: `deadline` of each turn, `warm` before the first fault, `hold` of each,
    `settle` the longest wait for models to reply again, `afterwards` of load then. token_ms: of the healthy model.
    wanted: names of faults, in any order."""

    rates: Mapping[str, float]
    deadline: float
    token_ms: float
    warm: float = 20.0
    hold: float = 10.0
    settle: float = 40.0
    afterwards: float = WINDOW + 1.0
    wanted: Sequence[str] = NAMES
    seed: int = 1


@dataclass(frozen=True)
class Suffered:
    """A fault as its customers had it. `seconds`: from its beginning until the server was as before. `again`:
    whether models made ten replies in a row before the next fault; `back`: seconds from the end of the fault until the
    generated share was back at its healthy level, None where no whole window had it. `meanwhile`:
    the turns sent until it was back; `why`: reasons for which no model made them."""

    name: str
    seconds: float
    again: bool
    back: float | None
    meanwhile: Group
    why: dict[str, int]
    orphans: list[int]


@dataclass(frozen=True)
class FaultReport:
    """What a drill found. `late`, `lost`, `doubled`: ids of turns. `healthy`: the turns before the first fault."""

    all: Group
    healthy: Group
    faults: list[Suffered]
    by_rung: dict[str, Group]
    by_tenant: dict[str, Group]
    late: list[str]
    unanswered: list[str]
    lost: list[str]
    doubled: list[str]
    disorder: list[str]
    orphans: list[int]
    balanced: bool
    ledger: dict[str, int | bool]
    model_requests: dict[str, float] = field(default_factory=dict)

    def broken(self) -> list[str]:
        """Every promise that does not depend on how fast anything was and that was broken, in words."""
        found = [
            f"{name}: {listed[:3]}"
            for name in ("unanswered", "lost", "doubled", "disorder", "orphans")
            if (listed := getattr(self, name))
        ]
        if not self.balanced:
            found.append(f"the ledger does not balance: {self.ledger}")
        found += [f"after {f.name}: processes left over: {f.orphans}" for f in self.faults if f.orphans]
        return found + [f"after {f.name}: models made no replies any more" for f in self.faults if not f.again]


@dataclass
class _Felt:
    fault: Fault
    began: float
    ended: float = 0.0
    settled: float = 0.0
    again: bool = False
    orphans: list[int] = field(default_factory=list)


def a_load(
    settings: Settings,
    rates: Mapping[str, float],
    deadline: float,
    seed: int = 1,
    at_once: int | None = None,
    turns: int = TURNS_OF_A_SESSION,
) -> Load:
    """Customers straight to Kafka, as channel adapters are. Their sessions are named after the moment."""
    name = f"d{time.time_ns() // 1_000_000:x}"
    link = KafkaLink(settings.kafka, name, PATIENCE, wall_clock, build_codec(settings))
    return Load(link, name, rates, deadline, seed, at_once, turns)


def drill(stack: LocalStack, server: Server, plan: Plan, say: Say) -> FaultReport:
    """Runs it on a stack with the tenants of the drills. Raises StackError, NotAtRest, KafkaException."""
    moments = random.Random(plan.seed)
    known = {fault.name: fault for fault in faults(plan.token_ms)}
    felt: list[_Felt] = []
    server.set_knobs()
    with a_load(stack.settings(), plan.rates, plan.deadline, plan.seed) as load:
        _wait(plan.warm)
        for name in moments.sample(list(plan.wanted), len(plan.wanted)):
            _wait(moments.uniform(0.0, 2.0))
            felt.append(_suffer(server, known[name], load, plan, say))
        asked = load.finish()
    return _report(stack, server, asked, felt)


def _suffer(server: Server, fault: Fault, load: Load, plan: Plan, say: Say) -> _Felt:
    found = _Felt(fault, time.time())
    fault.begin(server)
    if fault.holds:
        _wait(plan.hold)
    fault.end(server)
    found.ended = time.time()
    end = time.monotonic() + plan.settle
    while not _made_again(load.asked, found.ended) and time.monotonic() < end:
        _wait(0.2)
    found.again = _made_again(load.asked, found.ended)
    said = "models make replies again" if found.again else "models make no replies yet"
    say(f"{fault.name}: ended after {found.ended - found.began:.1f} s; {time.time() - found.ended:.1f} s later {said}")
    _wait(plan.afterwards)
    found.orphans, found.settled = server.orphans(), time.time()
    return found


def _made_again(asked: Sequence[Asked], since: float) -> bool:
    """Whether the last answered turns of those sent since then were made by a model, all of them."""
    after = [a for a in list(asked) if a.sent_at / 1e6 >= since and a.answered_at is not None]
    return len(after) >= IN_A_ROW and all(a.rung in GENERATING for a in after[-IN_A_ROW:])


def _report(stack: LocalStack, server: Server, asked: Sequence[Asked], felt: Sequence[_Felt]) -> FaultReport:
    settings = stack.settings()
    codec = build_codec(settings)
    come_to_rest(settings, patience=120)
    turns = read_turns(settings.kafka, asked, codec)
    sheet = ledger(settings.kafka, settings.clickhouse)
    found = audit(settings.kafka, [t.asked.turn_id for t in turns], codec)
    healthy = sent_between(turns, 0.0, felt[0].began if felt else time.time())
    level = group(healthy).generated
    return FaultReport(
        all=group(turns),
        healthy=group(healthy),
        faults=[_suffered(f, turns, level) for f in felt],
        by_rung=by(turns, lambda t: t.rung),
        by_tenant=by(turns, lambda t: t.asked.tenant),
        late=[t.asked.turn_id for t in turns if not t.in_time],
        unanswered=[t.asked.turn_id for t in turns if t.asked.answered_at is None],
        lost=[*found.lost, *found.unknown_to_log],
        doubled=found.doubled,
        disorder=["/".join(session) for session in found.disorder],
        orphans=server.orphans(),
        balanced=sheet.balanced,
        ledger=sheet.totals,
        model_requests=server.counts(),
    )


def _suffered(felt: _Felt, turns: Sequence[Turn], level: float) -> Suffered:
    back = back_after(turns, felt.ended, level, felt.settled)
    meanwhile = sent_between(turns, felt.began, felt.ended + (back or felt.settled - felt.ended))
    return Suffered(
        felt.fault.name, felt.ended - felt.began, felt.again, back, group(meanwhile), reasons(meanwhile), felt.orphans
    )


def _wait(seconds: float) -> None:
    """Lets load flow: the moments of a drill are a part of it."""
    threading.Event().wait(seconds)
