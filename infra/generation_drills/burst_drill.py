"""One tenant sends ten times as much for a while: what the others notice, and what everyone is served."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from infra.generation_drills.fault_drill import a_load
from infra.generation_drills.measures import Group, by, fairness, group, reasons, sent_between
from infra.generation_drills.turns import Turn, read_turns
from infra.local.stack import LocalStack
from infra.manifest import percentile
from infra.summary import come_to_rest
from infra.wiring import build_codec

TIMES: Final = 10.0
CALM: Final = 5.0
"""Seconds after a burst until the next round begins: what was queued is gone."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class BurstPlan:
    """rates: turns a second by tenant, usually; `big` is the one that bursts. rounds: usual load, then the burst, each
    for `seconds`, so often. deadline: seconds, of each turn."""

    rates: Mapping[str, float]
    big: str
    deadline: float
    seconds: float = 60.0
    warm: float = 10.0
    rounds: int = 1
    seed: int = 2


@dataclass(frozen=True)
class BurstReport:
    """`others_p99`: seconds, of all tenants but the big one, usually and in the burst; `p99_by_round` of each round.
    `ratio`: burst by usual. `others_waited`, `others_outside`: p99 of the seconds that their generated turns waited for
    the pool, and spent outside queue and model, where this machine and not the pool is what they wait for. `jain`: of
    what tenants were generated in the burst, by what they were entitled to."""

    all: Group
    usual: Group
    burst: Group
    others_p99: tuple[float, float]
    ratio: float
    p99_by_round: list[tuple[float, float]]
    others_waited: tuple[float, float]
    others_outside: tuple[float, float]
    jain: float
    by_rung: dict[str, Group]
    by_tenant: dict[str, Group]
    why: dict[str, int]
    big: str


def burst_drill(stack: LocalStack, plan: BurstPlan, say: Say) -> BurstReport:
    """Runs it on a stack with the tenants of the drills. Raises StackError, NotAtRest, KafkaException."""
    settings = stack.settings()
    usual, burst = list[tuple[float, float]](), list[tuple[float, float]]()
    with a_load(settings, plan.rates, plan.deadline, plan.seed) as load:
        _wait(plan.warm)
        for number in range(plan.rounds):
            usual.append(_phase(plan.seconds))
            load.set_rate(plan.big, plan.rates[plan.big] * TIMES)
            burst.append(_phase(plan.seconds))
            load.set_rate(plan.big, plan.rates[plan.big])
            say(f"round {number + 1}: {len(load.asked):,} turns sent so far")
            _wait(CALM if number + 1 < plan.rounds else 0.0)
        asked = load.finish()
    come_to_rest(settings, patience=120)
    return reported(read_turns(settings.kafka, asked, build_codec(settings)), usual, burst, plan.big)


def reported(
    turns: list[Turn], usual: list[tuple[float, float]], burst: list[tuple[float, float]], big: str
) -> BurstReport:
    """The figures of these turns. usual, burst: from when to when, seconds UTC, of each round."""
    calm = [sent_between(turns, *times) for times in usual]
    loud = [sent_between(turns, *times) for times in burst]
    every_calm, every_loud = [t for r in calm for t in r], [t for r in loud for t in r]
    by_round = [(_p99(c, big), _p99(b, big)) for c, b in zip(calm, loud, strict=True)]
    others = (_p99(every_calm, big), _p99(every_loud, big))
    return BurstReport(
        all=group(turns),
        usual=group(every_calm),
        burst=group(every_loud),
        others_p99=others,
        ratio=round(others[1] / others[0], 3) if others[0] else 0.0,
        p99_by_round=by_round,
        others_waited=(_waited(every_calm, big), _waited(every_loud, big)),
        others_outside=(_outside(every_calm, big), _outside(every_loud, big)),
        jain=round(fairness(every_loud), 4),
        by_rung=by(every_loud, lambda t: t.rung),
        by_tenant=by(every_loud, lambda t: t.asked.tenant),
        why=reasons(every_loud),
        big=big,
    )


def _p99(turns: list[Turn], big: str) -> float:
    return group([t for t in turns if t.asked.tenant != big]).p99 or 0.0


def _waited(turns: list[Turn], big: str) -> float:
    return _p99_of(t.generated.waited for t in turns if t.asked.tenant != big and t.made and t.generated is not None)


def _outside(turns: list[Turn], big: str) -> float:
    return _p99_of(s for t in turns if t.asked.tenant != big and (s := t.outside) is not None)


def _p99_of(values: Iterable[float]) -> float:
    return round(percentile(sorted(values), 0.99) or 0.0, 3)


def _phase(seconds: float) -> tuple[float, float]:
    began = time.time()
    _wait(seconds)
    return began, time.time()


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)
