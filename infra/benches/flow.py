"""The whole pipeline on one machine: the highest rate that it holds, and what each part takes of it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.benches.accounts import Accounts, accounts, records_of
from infra.benches.frame import BenchError, Say, Spread
from infra.benches.hold import P99_MS, Held, drained, hold, limit_of
from infra.benches.load import Loaded
from infra.benches.machine import Machine, machine
from infra.benches.plot import chart, report, rows, section
from infra.benches.searching import highest, tidy
from infra.benches.stack import BenchStack
from infra.recordings import Recorded

GOAL: Final = 2_000.0
"""Turns a second, everything on two cores, load generator included."""
STEP_DOWN: Final = 0.95
SHORT_WARM: Final = 5.0
LONG_WARM: Final = 10.0
CALM: Final = 180.0
"""Seconds that readers have to come to the end of the log after a hold."""


@dataclass(frozen=True)
class Plan:
    """begin, most: between which rates (turns a second) the highest is looked for. rate: one rate only; nothing is
    looked for. short: seconds of each hold of the search; long: of those that count, of which there are `rounds`.
    """

    begin: float = 200.0
    most: float = 4_000.0
    rate: float | None = None
    short: float = 30.0
    long: float = 30.0
    rounds: int = 3


@dataclass(frozen=True)
class FlowResult:
    """What `bench flow --json` writes. Of the rounds at the highest rate held (`turns_per_s`); latencies in
    milliseconds from when a message was to arrive until its reply was read, by the medians of the rounds.

    cpu_us_by_part: microseconds on a core a turn; load is the generator, bench what measures. lag_growth: seconds of
    traffic a second by which the furthest reader fell behind. records: that the log took in all. missing, unaccounted,
    doubled: of all turns of the whole run, search included. held: whether every round was; where none is, the
    figures are of the lowest rate tried.
    """

    turns_per_s: float
    held: bool
    p50_ms: Spread
    p95_ms: Spread
    p99_ms: Spread
    cpu_us_per_turn: Spread
    cpu_us_by_part: Mapping[str, float]
    busy: Spread
    held_seconds: float
    lag_growth: float
    lag_s: float
    load_late_ms: float
    by_rung: Mapping[str, int]
    goal_turns_per_s: float
    of_goal: float
    limit: str
    machine: Machine
    rates_tried: Sequence[Mapping[str, Any]]
    turns: int
    records: int
    missing: int
    doubled: int
    not_in_clickhouse: int
    not_in_postgres: int
    unaccounted: int
    problems: Sequence[str]
    lags: Sequence[tuple[float, float]]
    p99_over_time: Sequence[tuple[float, float]]

    @property
    def sound(self) -> bool:
        """Whether nothing is missing, and the stores and the ledger agree."""
        counted = (self.missing, self.doubled, self.not_in_clickhouse, self.not_in_postgres, self.unaccounted)
        return not any(counted) and not self.problems

    @property
    def headline(self) -> str:
        verdict = "held" if self.held else "not held"
        return (
            f"{self.turns_per_s:,.0f} turns/s {verdict} for {self.held_seconds:,.0f} s: p50 {self.p50_ms.median:,.0f}, "
            f"p95 {self.p95_ms.median:,.0f}, p99 {self.p99_ms.median:,.0f} ms; {self.missing} missing, "
            f"{self.unaccounted} unaccounted for"
        )

    def page(self) -> str:
        """The whole HTML file."""
        tried = sorted(self.rates_tried, key=lambda t: t["rate"])
        by_rate = {name: [(t["rate"], t[f"{name}_ms"]) for t in tried] for name in ("p50", "p95", "p99")}
        figures = {
            "turns a second": (f"{self.turns_per_s:,.0f}", f"{self.of_goal:.0%} of the goal"),
            "p99": (f"{self.p99_ms.shown()} ms", f"p50 {self.p50_ms.shown()} ms"),
            "processors a turn": (f"{self.cpu_us_per_turn.median:,.0f} µs", f"{self.busy.median:.0%} busy"),
            "missing": (str(self.missing), f"of {self.turns:,} turns"),
        }
        total = self.cpu_us_per_turn.median or 1.0
        parts = [(name, f"{us:,.1f}", f"{us / total:.0%}") for name, us in self.cpu_us_by_part.items()]
        columns = ("turns/s", "p50 ms", "p95 ms", "p99 ms", "behind, s", "grows, s/s", "µs a turn", "")
        holds = [
            (
                f"{t['rate']:,.0f}", *(f"{t[f'{p}_ms']:,.0f}" for p in ("p50", "p95", "p99")), f"{t['lag_s']:.1f}",
                f"{t['lag_growth']:.3f}", f"{t['cpu_us_per_turn']:,.0f}", t["why_not"] or "held",
            )
            for t in tried
        ]  # fmt: skip
        return report(
            "Flow: the whole pipeline on one machine",
            self.headline,
            figures,
            self.machine,
            self.limit,
            section("What a turn takes of the processors", rows(("part", "µs a turn", "share"), parts)),
            section("Every rate that was tried", rows(columns, holds)),
            section("Latency by rate", chart(by_rate, "turns a second", "milliseconds")),
            section("While it was held", chart({"p99": self.p99_over_time}, "seconds", "milliseconds")),
            chart({"behind": self.lags}, "seconds", "seconds of traffic behind"),
        )


def measure_flow(stack: BenchStack, talks: Sequence[Recorded], plan: Plan, say: Say) -> FlowResult:
    """Looks for the highest rate, holds it, and holds everything that was sent to account. Raises BenchError."""
    on = machine(stack.settings.kafka, say)
    before = records_of(stack.settings)
    run = _Run(stack, talks, say)
    say("warm-up")
    run.hold(min(plan.begin, plan.rate or plan.begin), min(10.0, plan.short), SHORT_WARM)
    run.tried.clear()
    rounds = run.rounds(plan.rate, plan) if plan.rate is not None else run.found(plan)
    say("waiting until everything rests, for the accounts")
    books = accounts(stack.settings, run.loads)
    say(books.shown())
    return flow_result(rounds, run.tried, books, on, records_of(stack.settings) - before)


def flow_result(
    rounds: Sequence[Held], tried: Sequence[Held], books: Accounts, on: Machine, records: int
) -> FlowResult:
    """The result of these rounds at one rate, after these holds."""
    rate, held = rounds[0].rate, all(r.held for r in rounds)
    slowest = max(rounds, key=lambda r: r.p99_ms)
    missed = f"{rate:,.0f} of {GOAL:,.0f} turns/s: " if rate < GOAL or not held else ""
    cpu = {name: [r.cpu_us_by_part.get(name, 0.0) for r in rounds] for name in rounds[0].cpu_us_by_part}
    return FlowResult(
        turns_per_s=rate,
        held=held,
        p50_ms=Spread.of(r.p50_ms for r in rounds),
        p95_ms=Spread.of(r.p95_ms for r in rounds),
        p99_ms=Spread.of(r.p99_ms for r in rounds),
        cpu_us_per_turn=Spread.of(r.cpu_us_per_turn for r in rounds),
        cpu_us_by_part={name: round(statistics.median(values), 1) for name, values in cpu.items()},
        busy=Spread.of(r.busy for r in rounds),
        held_seconds=round(min(r.seconds for r in rounds), 1),
        lag_growth=max(r.lag_growth for r in rounds),
        lag_s=max(r.lag_s for r in rounds),
        load_late_ms=max(r.late_ms for r in rounds),
        by_rung=slowest.by_rung,
        goal_turns_per_s=GOAL,
        of_goal=round(rate / GOAL, 3) if held else 0.0,
        limit=limit_of(_next_above(rate, tried) or slowest, missed),
        machine=on,
        rates_tried=[tried_as_json(t) for t in tried],
        turns=books.turns,
        records=records,
        missing=books.missing,
        doubled=books.doubled,
        not_in_clickhouse=books.not_in_clickhouse,
        not_in_postgres=books.not_in_postgres,
        unaccounted=books.unaccounted,
        problems=books.problems,
        lags=slowest.lags,
        p99_over_time=slowest.p99_over_time,
    )


def _next_above(rate: float, tried: Sequence[Held]) -> Held | None:
    """The lowest rate that was not held, where there is one: what it ran into is what limits."""
    return min((t for t in tried if not t.held and t.rate >= rate), key=lambda t: t.rate, default=None)


def tried_as_json(held: Held) -> dict[str, Any]:
    """A hold as an entry of `rates_tried`."""
    names = ("rate", "seconds", "per_s", "p50_ms", "p95_ms", "p99_ms", "lag_end", "lag_s", "lag_growth", "missing")
    more = {"busy": held.busy, "cpu_us_per_turn": held.cpu_us_per_turn, "cpu_us_by_part": held.cpu_us_by_part}
    return {name: getattr(held, name) for name in names} | more | {"held": held.held, "why_not": held.why_not}


class _Run:
    """The holds of one measurement, and what they left behind."""

    def __init__(self, stack: BenchStack, talks: Sequence[Recorded], say: Say) -> None:
        self._stack, self._talks, self._say = stack, talks, say
        self.tried: list[Held] = []
        self.loads: list[Loaded] = []

    def hold(self, rate: float, seconds: float, warm: float) -> Held:
        """One hold, after which everything has come to the end of the log."""
        self._say(f"holding {rate:,.0f}/s for {seconds:,.0f} s")
        held, loaded = hold(self._stack, self._talks, rate, seconds, warm, self._say, seed=len(self.loads))
        self.tried.append(held)
        self.loads.append(loaded)
        if not drained(self._stack, CALM):
            raise BenchError(
                f"after {rate:,.0f} turns/s readers are not at the end of the log within {CALM:.0f} s; "
                "look at: spillway status, spillway logs"
            )
        return held

    def found(self, plan: Plan) -> list[Held]:
        """The rounds at the highest rate held: what the short holds find, less 5 % as often as the long ones need."""
        rate = highest(plan.begin, plan.most, lambda r: self.hold(r, plan.short, SHORT_WARM).held)
        if rate is None:
            raise BenchError(
                f"not even {self.tried[-1].rate:,.0f} turns/s are held within {P99_MS:.0f} ms at the 99th percentile: "
                f"{self.tried[-1].why_not}"
            )
        while True:
            rounds = self.rounds(rate, plan)
            if all(r.held for r in rounds) or rate <= 1:
                return rounds
            rate = max(1.0, min(tidy(rate * STEP_DOWN), rate - 1))
            self._say(f"not held so long: {rate:,.0f}/s is tried")

    def rounds(self, rate: float, plan: Plan) -> list[Held]:
        """So many holds at this rate; a search ends with the first that is not held."""
        found: list[Held] = []
        for number in range(plan.rounds):
            self._say(f"round {number + 1} of {plan.rounds}")
            found.append(self.hold(rate, plan.long, min(LONG_WARM, plan.long / 2)))
            if plan.rate is None and not found[-1].held:
                break
        return found
