"""From an event in the log until it can be read: every event of a load, in PostgreSQL and in ClickHouse.

A probe asks each store by SELECT, several times a second, up to which offset it has each partition. Both write what was
asked for in one go with the rows, or after them: PostgreSQL its positions in the rows' transaction, ClickHouse its
index of the log after the facts. So an event is readable when an answer came back that has its offset; when it was
appended the log says (LogAppendTime). The time between is never too short, and too long by at most one probe.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from infra.benches.frame import BenchError, Say, Spread
from infra.benches.hold import Held, drained, hold, limit_of
from infra.benches.machine import Machine, machine
from infra.benches.plot import chart, report, rows, section
from infra.benches.probing import ASK_EVERY, Probe, appended, ends_of, listed, waits
from infra.benches.searching import tidy
from infra.benches.stack import BenchStack
from infra.recordings import Recorded
from projections.analytics.schema import client_of
from projections.session_state.reading import positions as session_positions
from projections.session_state.store import SCHEMA, connect

GOAL_MS: Final = 2_000.0
WARM: Final = 5.0
SLOWER: Final = 0.75
CALM: Final = 180.0
SHARED_CALM: Final = 30.0
STORES: Final = ("clickhouse", "postgres")


@dataclass(frozen=True)
class FreshPlan:
    """rate: turns a second. seconds: of each of the rounds."""

    rate: float = 2_000.0
    seconds: float = 30.0
    rounds: int = 3


@dataclass(frozen=True)
class FreshnessResult:
    """What `bench freshness --json` writes: milliseconds from an event in the log until it can be read, of all events
    of a round; medians of the rounds. rate_asked was held or not (`held`); the figures are those at `turns_per_s`, the
    highest rate tried that is held (the lowest tried, where none is). p95_ms: of the slower store. rates_tried: each
    with its figures. events: that were measured, of all rounds.
    """

    turns_per_s: float
    rate_asked: float
    held: bool
    held_seconds: float
    p95_ms: float
    clickhouse_p50_ms: Spread
    clickhouse_p95_ms: Spread
    clickhouse_max_ms: Spread
    postgres_p50_ms: Spread
    postgres_p95_ms: Spread
    postgres_max_ms: Spread
    goal_p95_ms: float
    reached: bool
    cpu_us_per_turn: float
    limit: str
    machine: Machine
    rates_tried: Sequence[Mapping[str, Any]]
    events: int
    over_time: Mapping[str, Sequence[tuple[float, float]]]

    def by_store(self) -> dict[str, tuple[Spread, Spread, Spread]]:
        """p50, p95 and the longest, of each store."""
        return {
            "ClickHouse": (self.clickhouse_p50_ms, self.clickhouse_p95_ms, self.clickhouse_max_ms),
            "PostgreSQL": (self.postgres_p50_ms, self.postgres_p95_ms, self.postgres_max_ms),
        }

    @property
    def headline(self) -> str:
        asked = "" if self.turns_per_s == self.rate_asked else f" ({self.rate_asked:,.0f}/s is not held)"
        return (
            f"at {self.turns_per_s:,.0f} turns/s{asked} 95 % of events can be read after "
            f"{self.clickhouse_p95_ms.median:,.0f} ms in ClickHouse, "
            f"{self.postgres_p95_ms.median:,.0f} ms in PostgreSQL"
        )

    def page(self) -> str:
        """The whole HTML file."""
        stores = [(name, *(spread.shown() for spread in figures)) for name, figures in self.by_store().items()]
        tried = [
            (f"{t['rate']:,.0f}", *(f"{t[f'{s}_{p}_ms']:,.0f}" for s in STORES for p in ("p50", "p95", "max")),
             t["why_not"] or "held")
            for t in self.rates_tried
        ]  # fmt: skip
        columns = ("turns/s", *(f"{s} {p} ms" for s in STORES for p in ("p50", "p95", "max")), "")
        return report(
            "Freshness: from the log to the stores",
            self.headline,
            {
                "ClickHouse, p95": (f"{self.clickhouse_p95_ms.median:,.0f} ms", self.clickhouse_p95_ms.shown()),
                "PostgreSQL, p95": (f"{self.postgres_p95_ms.median:,.0f} ms", self.postgres_p95_ms.shown()),
                "goal, p95": (f"{self.goal_p95_ms:,.0f} ms", "reached" if self.reached else "not reached"),
                "events": (f"{self.events:,}", "measured"),
            },
            self.machine,
            self.limit,
            section("Milliseconds until it can be read", rows(("", "p50", "p95", "longest"), stores)),
            section("Every rate that was tried", rows(columns, tried)),
            section("Over a round, p95 of each second", chart(self.over_time, "seconds", "milliseconds")),
        )


@dataclass(frozen=True)
class Round:
    """One round: seconds until readable of every event, by store; appended: when each was, seconds from the first."""

    held: Held
    appended: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]
    waited: Mapping[str, np.ndarray[Any, np.dtype[np.float64]]]

    def ms(self, store: str, share: float) -> float:
        """The milliseconds within which this share of the events could be read; 1: all."""
        return round(float(np.quantile(self.waited[store], share)) * 1000, 1)

    def as_json(self) -> dict[str, Any]:
        """An entry of `rates_tried`."""
        shares = {"p50": 0.5, "p95": 0.95, "max": 1.0}
        found: dict[str, Any] = {f"{s}_{p}_ms": self.ms(s, share) for s in STORES for p, share in shares.items()}
        return {"rate": self.held.rate, **found, "held": self.held.held, "why_not": self.held.why_not}

    def over_time(self, store: str) -> list[tuple[float, float]]:
        """p95 (ms) of each second of appending."""
        second = self.appended[store].astype(np.int64)
        return [
            (n + 0.5, round(float(np.quantile(self.waited[store][second == n], 0.95)) * 1000, 1))
            for n in np.unique(second).tolist()
        ]


def measure_freshness(stack: BenchStack, talks: Sequence[Recorded], plan: FreshPlan, say: Say) -> FreshnessResult:
    """Measures at the rate of the plan; where that is not held, at lower ones too. Raises BenchError."""
    on = machine(stack.settings.kafka, say)
    say("warm-up")
    hold(stack, talks, min(plan.rate, 200.0), min(8.0, plan.seconds), 2.0, say)
    rate, tried = plan.rate, []
    while True:
        found = _rounds(stack, talks, rate, plan, say)
        tried += found
        if all(r.held.held for r in found) or rate <= 1:
            return freshness_result(found, tried, plan.rate, on)
        rate = max(1.0, min(tidy(rate * SLOWER), rate - 1))
        say(f"not held: {rate:,.0f}/s is measured, too")


def freshness_result(found: Sequence[Round], tried: Sequence[Round], asked: float, on: Machine) -> FreshnessResult:
    """The result of these rounds at one rate, after all that were tried."""
    spread = {
        f"{store}_{name}_ms": Spread.of(r.ms(store, share) for r in found)
        for store in STORES
        for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))
    }
    slower = max(spread[f"{store}_p95_ms"].median for store in STORES)
    first = found[0]
    rate, held = first.held.rate, all(r.held.held for r in found)
    missed = "" if held and rate >= asked else f"{asked:,.0f} turns/s are not held: "
    worst = next((r.held for r in tried if not r.held.held), first.held)
    return FreshnessResult(
        turns_per_s=rate,
        rate_asked=asked,
        held=held and rate >= asked,
        held_seconds=round(min(r.held.seconds for r in found), 1),
        p95_ms=slower,
        goal_p95_ms=GOAL_MS,
        reached=held and rate >= asked and slower < GOAL_MS,
        cpu_us_per_turn=first.held.cpu_us_per_turn,
        limit=limit_of(worst, missed),
        machine=on,
        rates_tried=[r.as_json() for r in tried],
        events=sum(len(r.waited["postgres"]) for r in found),
        over_time={store: first.over_time(store) for store in STORES},
        **spread,
    )


def _rounds(stack: BenchStack, talks: Sequence[Recorded], rate: float, plan: FreshPlan, say: Say) -> list[Round]:
    found = []
    for number in range(plan.rounds):
        say(f"{rate:,.0f}/s, round {number + 1} of {plan.rounds}")
        found.append(_round(stack, talks, rate, plan.seconds, say, number))
        if not found[-1].held.held:
            break
    return found


def _round(stack: BenchStack, talks: Sequence[Recorded], rate: float, seconds: float, say: Say, seed: int) -> Round:
    settings, since = stack.settings, time.time_ns() // 1000
    first = ends_of(settings)
    with (
        client_of(settings.clickhouse) as client,
        connect(settings.postgres, SCHEMA) as connection,
        Probe("clickhouse", lambda: listed(client, since), 2 * ASK_EVERY) as clickhouse,
        Probe("postgres", lambda: session_positions(connection)) as postgres,
    ):
        held, loaded = hold(stack, talks, rate, seconds, WARM, say, seed=seed)
        # Where others use the stack too, it need not come to rest.
        if not drained(stack, CALM if stack.own else SHARED_CALM, most=0) and stack.own:
            raise BenchError(f"the stores are not at the end of the log {CALM:.0f} s after {rate:,.0f} turns/s")
        threading.Event().wait(3 * ASK_EVERY)
    for probe in (clickhouse, postgres):
        if probe.failed is not None:
            raise BenchError(f"a store does not answer ({probe.failed}); see: spillway status") from probe.failed
    begun = loaded.began + WARM
    events = appended(settings, first, begun, begun + held.seconds)
    by_store = {
        name: waits(probe.answers, events) for name, probe in (("clickhouse", clickhouse), ("postgres", postgres))
    }
    if not all(waited for _, waited in by_store.values()):
        raise BenchError(f"nothing of the load at {rate:,.0f} turns/s came to the stores; see: spillway status")
    return Round(
        held,
        {name: np.array(at) - begun for name, (at, _) in by_store.items()},
        {name: np.array(waited) for name, (_, waited) in by_store.items()},
    )
