"""What a drill found: its figures, and whether the bar was met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any, Final

from infra.benches.machine import Machine
from infra.manifest import Sent, percentile

BACK_WITHIN: Final = 15.0
"""Seconds in which a process that died has its work done again."""


@dataclass
class Result:
    """One drill, its faults done `times` times. Counts are of turns or sessions; the bar is none of any.

    redelivered: raw repeats in the log, of what stages made. recovery_s: of each fault, until the traffic was less than
    a second behind. p99: milliseconds from a message's moment to its reply, of those sent while a fault held or was
    being recovered from, and of those sent otherwise. events: messages acknowledged. problems: the promises that were
    broken, in words; notes: what else is to be known.
    """

    name: str
    number: int
    times: int = 0
    lost: int = 0
    doubled: int = 0
    disorder: int = 0
    divergence: int = 0
    redelivered: int = 0
    recovery_s: list[float] = field(default_factory=list)
    p99_during_ms: list[float] = field(default_factory=list)
    p99_after_ms: float | None = None
    events: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    """Promises of speed that were broken: what a busy machine may break, too."""
    skipped: str | None = None
    """Why it could not be run here; None: it was."""

    @property
    def passed(self) -> bool:
        return not (self.problems or self.slow) and self.skipped is None

    @property
    def said(self) -> list[str]:
        """What was broken and noted, in words."""
        not_run = [] if self.skipped is None else [f"not run: {self.skipped}"]
        return [*not_run, *(f"broken: {p}" for p in (*self.problems, *self.slow)), *self.notes]

    def as_json(self) -> dict[str, Any]:
        """As `--json` writes it; `notes` begins with the problems."""
        plain = {name: value for name, value in asdict(self).items() if name not in ("problems", "slow")}
        return {**plain, "passed": self.passed, "notes": self.said}

    @property
    def bound(self) -> float | None:
        """None of N events: at 95 % the rate is below 3/N."""
        return 3 / self.events if self.events else None


def p99_ms(sent: Iterable[Sent]) -> float | None:
    """Of the replies to these messages, milliseconds; None without any."""
    found = sorted(m.reply.seconds for m in sent if m.reply is not None and m.reply.seconds is not None)
    p99 = percentile(found, 0.99)
    return None if p99 is None else round(p99 * 1000, 1)


def sent_between(messages: Sequence[Sent], begin: float, end: float) -> list[Sent]:
    """Those that were meant to go between two moments, seconds since the epoch."""
    return [m for m in messages if begin <= m.sent_at / 1e6 < end]


def middle(values: Sequence[float]) -> float | None:
    """The median; None of none."""
    return round(median(values), 2) if values else None


def as_json(results: Sequence[Result], seed: int, machine: Machine | None = None) -> dict[str, Any]:
    """All drills of a run, with the time of writing (`measured_at`, UTC). machine: where they were done."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    where = {} if machine is None else {"machine": asdict(machine)}
    return {"drills": [r.as_json() for r in results], "seed": seed, **where, "measured_at": now}
