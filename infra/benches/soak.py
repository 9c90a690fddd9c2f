"""The soak: an installation of its own under a steady load for an hour, processes killed and stopped at random; does
anything grow, and is anything lost?"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, NamedTuple

from infra.benches.accounts import Accounts, accounts
from infra.benches.arrivals import steady
from infra.benches.frame import Say
from infra.benches.hold import drained
from infra.benches.load import Load, Loaded
from infra.benches.machine import Machine, machine
from infra.benches.plot import chart, report, rows, section
from infra.benches.stack import BenchStack
from infra.benches.upkeep import KINDS, Kept, Life, Upkeep, judged
from infra.recordings import Recorded

HURT: Final = ("worker", "generation", "session-state", "analytics", "gateway")
"""Parts that are killed and stopped; the stores and the broker are the drills' business."""
CALM: Final = 180.0
STRETCH: Final = 30.0
"""Seconds of samples that are put together before growth is reckoned."""


@dataclass(frozen=True)
class Plan:
    """rate: turns a second. seed: of the moments and the choices. between: seconds from a fault to the next, on
    average; 0: none. piece: seconds of load made at once, since a message is made before it is sent. warm: seconds of
    each process's life that do not count. private_mb, handles, threads: growth an hour that counts as none."""

    minutes: float = 60.0
    rate: float = 300.0
    seed: int = 618
    between: float = 180.0
    piece: float = 300.0
    warm: float = 180.0
    every: float = 5.0
    private_mb: float = 30.0
    handles: float = 6.0
    threads: float = 3.0

    @property
    def most(self) -> dict[str, float]:
        return {kind: getattr(self, kind) for kind in KINDS}


@dataclass(frozen=True)
class Fault:
    """What was done to a part. at: seconds from the start; seconds: for which it was stopped, 0 where it was killed."""

    at: float
    part: str
    what: str
    seconds: float = 0.0


@dataclass(frozen=True)
class SoakResult:
    """What a soak showed. flat: nothing grew by more than was allowed, and none was too short to say. limit: one
    sentence. parts: by part and kind the growth an hour, with its interval."""

    minutes: float
    turns_per_s: float
    turns: int
    p99_ms: float
    faults: int
    missing: int
    doubled: int
    not_in_clickhouse: int
    not_in_postgres: int
    unaccounted: int
    problems: tuple[str, ...]
    flat: bool
    growing: tuple[str, ...]
    unclear: tuple[str, ...]
    allowed_an_hour: Mapping[str, float]
    kept: Sequence[Kept]
    fault_list: Sequence[Fault]
    seed: int
    limit: str
    machine: Machine
    curves: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]]

    @property
    def sound(self) -> bool:
        """Whether nothing was lost or doubled."""
        wrong = (self.missing, self.doubled, self.not_in_clickhouse, self.not_in_postgres, self.unaccounted)
        return not any(wrong) and not self.problems

    def page(self) -> str:
        """The whole HTML file."""
        lost = f"{self.missing} / {self.doubled} / {self.unaccounted}"
        table = rows(
            ("part", "of", "lives", "first", "last", "growth an hour", "95 % interval", ""),
            [
                (k.part, k.kind, str(k.lives), f"{k.first:,.1f}", f"{k.last:,.1f}", *_growth(k), k.word)
                for k in self.kept
            ],
        )
        curves = [section(kind, chart(found, "minutes", kind)) for kind, found in self.curves.items()]
        return report(
            "Soak",
            "flat" if self.flat else "not flat" if self.growing else "not enough evidence",
            {
                "turns": (f"{self.turns:,}", f"{self.turns_per_s:,.0f} a second for {self.minutes:,.0f} minutes"),
                "lost, doubled, unaccounted": (lost, f"{self.faults} faults"),
                "p99": (f"{self.p99_ms:,.0f} ms", "faults included"),
            },
            self.machine,
            self.limit,
            section("What each part keeps", table),
            *curves,
        )


def _growth(kept: Kept) -> tuple[str, str]:
    found = kept.slope
    if found is None:
        return "", ""
    return f"{found.per_hour:+,.2f}", f"{found.low:+,.2f} to {found.high:+,.2f}"


def measure_soak(stack: BenchStack, talks: Sequence[Recorded], plan: Plan, say: Say) -> SoakResult:
    """The whole soak, and its accounts. Raises BenchError."""
    on = machine(stack.settings.kafka, say)
    done, loads = [], list[Loaded]()
    with ExitStack() as running:
        upkeep = running.enter_context(Upkeep(stack.pids, plan.every))
        faults = running.enter_context(Faults(stack.pids, plan, say)) if plan.between else None
        left, number = plan.minutes * 60, 0
        while left > 0:
            seconds = min(plan.piece, left)
            loads.append(_piece(stack, talks, plan, seconds, number))
            left, number = left - seconds, number + 1
            say(f"{left / 60:,.1f} minutes left; p99 {loads[-1].p99_ms():,.0f} ms, {loads[-1].missing} missing")
        done = faults.done if faults is not None else []
    drained(stack, CALM)
    say("waiting until everything rests, for the accounts")
    books = accounts(stack.settings, loads)
    say(books.shown())
    return soak_result(plan, upkeep.lives, books, loads, done, on)


def _piece(stack: BenchStack, talks: Sequence[Recorded], plan: Plan, seconds: float, number: int) -> Loaded:
    arrivals = steady(plan.rate, seconds, seed=plan.seed + number)
    with Load(stack.settings, talks, arrivals) as load:
        load.go()
        return load.finish()


class Moment(NamedTuple):
    """A fault to come. after: seconds since the last one; seconds: for which the part is stopped."""

    after: float
    part: str
    what: str
    seconds: float


def moments(plan: Plan) -> Iterator[Moment]:
    """Faults without end; the same seed, the same faults."""
    chance = random.Random(f"{plan.seed} soak")
    while True:
        after, part = chance.uniform(0.5, 1.5) * plan.between, chance.choice(HURT)
        what, seconds = chance.choice(("killed", "ended", "stopped")), chance.uniform(3.0, 14.0)
        yield Moment(after, part, what, round(seconds, 1) if what == "stopped" else 0.0)


class Faults:
    """Does what `moments` says, from a thread of its own."""

    def __init__(self, pids: Callable[[], Mapping[str, int]], plan: Plan, say: Say) -> None:
        self._pids, self._say, self._moments = pids, say, moments(plan)
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._work, name="faults", daemon=True)
        self._began = time.monotonic()
        self.done: list[Fault] = []

    def __enter__(self) -> Faults:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        for after, part, what, seconds in self._moments:
            if self._stop.wait(after):
                return
            self._one(part, what, seconds)

    def _one(self, part: str, what: str, seconds: float) -> None:
        pid = self._pids().get(part)
        if pid is None:
            return
        self._say(f"  {part} is {what}{f' for {seconds:.0f} s' if seconds else ''}")
        self.done.append(Fault(round(time.monotonic() - self._began, 1), part, what, seconds))
        try:
            if what == "stopped":
                os.kill(pid, signal.SIGSTOP)
                self._stop.wait(seconds)
                os.kill(pid, signal.SIGCONT)
            else:
                os.kill(pid, signal.SIGKILL if what == "killed" else signal.SIGTERM)
        except ProcessLookupError:
            pass  # it ended by itself, just then


def soak_result(
    plan: Plan,
    lives: Mapping[str, Sequence[Life]],
    books: Accounts,
    loads: Sequence[Loaded],
    faults: Sequence[Fault],
    on: Machine,
) -> SoakResult:
    """The result of what was read and counted."""
    kept = judged(lives, plan.most, plan.warm, STRETCH)
    growing = tuple(f"{k.part} {k.kind}" for k in kept if k.word == "growing")
    unclear = tuple(f"{k.part} {k.kind}" for k in kept if k.word == "unclear")
    return SoakResult(
        minutes=plan.minutes,
        turns_per_s=plan.rate,
        turns=books.turns,
        p99_ms=max((load.p99_ms() for load in loads), default=0.0),
        faults=len(faults),
        missing=books.missing,
        doubled=books.doubled,
        not_in_clickhouse=books.not_in_clickhouse,
        not_in_postgres=books.not_in_postgres,
        unaccounted=books.unaccounted,
        problems=books.problems,
        flat=not growing and not unclear,
        growing=growing,
        unclear=unclear,
        allowed_an_hour=plan.most,
        kept=kept,
        fault_list=list(faults),
        seed=plan.seed,
        limit=_limit(kept, plan),
        machine=on,
        curves=_curves(lives),
    )


def _limit(kept: Sequence[Kept], plan: Plan) -> str:
    """What comes nearest to what is allowed."""
    known = [(k, k.slope.high / plan.most[k.kind]) for k in kept if k.slope is not None]
    if not known:
        return f"nothing lived long enough to say: each process needs more than {plan.warm:.0f} s without a fault"
    nearest, _ = max(known, key=lambda pair: pair[1])
    growth, interval = _growth(nearest)
    return (
        f"nearest to what is allowed is {nearest.kind} of {nearest.part}: {growth} an hour ({interval}), "
        f"and {plan.most[nearest.kind]:g} counts as none"
    )


def _curves(lives: Mapping[str, Sequence[Life]]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """By kind and part, over minutes; a point a minute at most is enough to see."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for kind in (*KINDS, "rss_mb"):
        for part, of_part in lives.items():
            samples = [s for life in of_part for s in life.samples]
            step = max(1, len(samples) // 90)
            found.setdefault(kind, {})[part] = [(s.at / 60, float(getattr(s, kind))) for s in samples[::step]]
    return found

