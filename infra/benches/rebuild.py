"""How long it takes to fold a long log into a fresh session state and into fresh turns, and whether they come out.

The stack is the benchmark's own: a broker and the two stores. Each projection is folded as a rebuild does it, into
tables beside the live ones, from the first record to the last; what is stored then is held against a fold of the log in
memory.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.benches import long_log
from infra.benches.cpu import CpuMeter, between
from infra.benches.frame import BenchError, Say, Spread
from infra.benches.machine import Machine, machine
from infra.benches.plot import chart, report, rows, section
from infra.local.stack import LocalStack
from infra.settings import Settings
from infra.wiring import prepare
from projections.analytics.rebuild import AnalyticsSide
from projections.divergence import Divergence, session_divergence, turn_divergence
from projections.progress import spans_of
from projections.rebuild import SessionSide, Side, fold_into
from schemas.codec import Codec

STORES: Final = frozenset({"kafka", "postgres", "clickhouse"})
GOAL_S: Final = 60.0
POINTS: Final = 60
"""Of a line in the plot, about."""


@dataclass(frozen=True)
class Folded:
    """One projection. records: how many each round folded. cpu_us: on a core, by part, for a record. line: seconds and
    records folded by then, of the last round.
    """

    name: str
    records: int
    seconds: Spread
    cpu_us: Mapping[str, float]
    sessions: int
    divergent: int
    line: tuple[tuple[float, float], ...] = ()

    @property
    def per_s(self) -> float:
        return self.records / self.seconds.median

    @property
    def equal(self) -> bool:
        """Whether every session is stored as a fold in memory has it."""
        return self.divergent == 0 and self.sessions > 0


@dataclass(frozen=True)
class Rebuild:
    """What `spillway bench rebuild --json` writes. Seconds of the rounds: median, lowest and highest."""

    events: int
    session_state_s: Spread
    session_state_events_per_s: float
    session_state_equal: bool
    session_state_cpu_us_per_event: Mapping[str, float]
    analytics_s: Spread
    analytics_events_per_s: float
    analytics_equal: bool
    analytics_cpu_us_per_event: Mapping[str, float]
    sessions: int
    written_in_s: float
    limit: str
    machine: Machine
    lines: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    def page(self) -> str:
        """The result as one HTML file."""
        by_part = [
            (name, *(f"{cpu.get(part, 0):.1f}" for part in _PARTS))
            for name, cpu in (
                ("session state", self.session_state_cpu_us_per_event),
                ("analytics", self.analytics_cpu_us_per_event),
            )
        ]
        return report(
            "Rebuild",
            f"{self.events:,} events: session state in {self.session_state_s.shown(1, ' s')}, "
            f"turns in {self.analytics_s.shown(1, ' s')}",
            {
                "session state": (f"{self.session_state_events_per_s:,.0f}/s", _checked(self.session_state_equal)),
                "analytics": (f"{self.analytics_events_per_s:,.0f}/s", _checked(self.analytics_equal)),
            },
            self.machine,
            self.limit,
            section("Time on a core for an event, µs", rows(("projection", *_PARTS), by_part)),
            section("Folded over time", chart(self.lines, "seconds", "events folded")),
        )


_PARTS: Final = ("projection", "postgres", "clickhouse", "kafka")


def _checked(equal: bool) -> str:
    return "checksums equal" if equal else "checksums DIFFER"


def measure(events: int, rounds: int, say: Say) -> Rebuild:
    """Writes the log and folds it, `rounds` times each. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="spillway-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        with LocalStack(folder / "data", only=set(STORES), usual_ports=False) as stack:
            settings = stack.settings()
            prepare(settings, tenants=None)
            pids = {name: pid for name in STORES if (pid := stack.part(name).pid) is not None}
            return measured(settings, pids, events, rounds, machine(say=say), say)


def measured(settings: Settings, pids: Mapping[str, int], events: int, rounds: int, on: Machine, say: Say) -> Rebuild:
    """The same on a stack that has nothing but its topics and tables. pids: of the stores."""
    say(f"writing {events:,} events")
    began = time.monotonic()
    long_log.write(settings.kafka, long_log.pieces(), events)
    written = time.monotonic() - began
    meter = CpuMeter({**pids, "projection": os.getpid()})
    session, analytics = (_folded(name, settings, rounds, meter, say) for name in ("session_state", "analytics"))
    return result(events, written, session, analytics, on)


def result(events: int, written_in_s: float, session: Folded, analytics: Folded, on: Machine) -> Rebuild:
    """The figures of both projections."""
    return Rebuild(
        events=events,
        session_state_s=session.seconds,
        session_state_events_per_s=round(session.per_s, 1),
        session_state_equal=session.equal and session.records == events,
        session_state_cpu_us_per_event=session.cpu_us,
        analytics_s=analytics.seconds,
        analytics_events_per_s=round(analytics.per_s, 1),
        analytics_equal=analytics.equal and analytics.records == events,
        analytics_cpu_us_per_event=analytics.cpu_us,
        sessions=session.sessions,
        written_in_s=round(written_in_s, 2),
        limit=" ".join(_limit(each, on) for each in (session, analytics)),
        machine=on,
        lines={each.name: each.line for each in (session, analytics)},
    )


def _limit(folded: Folded, on: Machine) -> str:
    """Who works while the others wait: the fold is one loop, that reads, folds and hands a batch to the store."""
    part, us = max(folded.cpu_us.items(), key=lambda item: item[1])
    whole = sum(folded.cpu_us.values())
    elapsed = folded.seconds.median / folded.records * 1e6
    return (
        f"{folded.name}: {part} takes {us:.0f} of the {whole:.0f} µs that a record costs on a core; the loop waits for "
        f"its store between batches, so {whole / elapsed:.1f} of {on.cores} processors are busy."
    )


def _folded(name: str, settings: Settings, rounds: int, meter: CpuMeter, say: Say) -> Folded:
    side = _side(name, settings)
    codec, spent, seconds = Codec(), dict[str, float](), list[float]()
    line: list[tuple[float, float]] = []
    records = 0
    for number in range(rounds):
        say(f"{name}: round {number + 1} of {rounds}")
        side.prepare()
        line = [(0.0, 0.0)]
        before, began = meter.read(), time.monotonic()

        def note(done: int, of: int, line: list[tuple[float, float]] = line, began: float = began) -> None:
            if done == of or done - line[-1][1] >= of / POINTS:
                line.append((round(time.monotonic() - began, 3), float(done)))

        records = fold_into(side.green, settings.kafka, spans_of(settings.kafka, name), codec, note)
        seconds.append(time.monotonic() - began)
        for part, took in between(before, meter.read()).items():
            spent[part] = spent.get(part, 0.0) + took
        side.green.close()
    if not records:
        raise BenchError(f"{name}: there was nothing to fold")
    say(f"{name}: folding the log in memory, to compare")
    checked = _divergence(name, settings)
    cpu = {part: round(took * 1e6 / (records * rounds), 2) for part, took in spent.items()}
    return Folded(name, records, Spread.of(seconds), cpu, checked.sessions, len(checked.divergent), tuple(line))


def _side(name: str, settings: Settings) -> Side:
    return SessionSide(settings.postgres) if name == "session_state" else AnalyticsSide(settings.clickhouse)


def _divergence(name: str, settings: Settings) -> Divergence:
    if name == "session_state":
        return session_divergence(settings.kafka, settings.postgres, SessionSide.GREEN)
    return turn_divergence(settings.kafka, settings.clickhouse, AnalyticsSide(settings.clickhouse).beside)
