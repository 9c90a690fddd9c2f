"""A replay of the running stack measured: conversations a second, where the time goes, and what every part computes."""

from __future__ import annotations

import json
import os
import resource
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from infra.benches.cpu import seconds_of
from infra.comparing.request import Request, compared
from infra.local.errors import StackNotRunning
from infra.local.state import Folder
from infra.replaying.definition import Asked
from infra.replaying.running import How, create, delete, go_on, outcome
from infra.settings import Settings
from projections.runs import RunStore
from schemas.events import LIVE

OWN: Final = "replay and comparison"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Measured:
    """seconds: on the wall, of replaying and of comparing with live. per_second: conversations, over both.
    spent: processes' seconds of the replay, by what they went into. cpu: seconds on a core by part, as long as both
    took, whatever else a part did meanwhile. identical: the share of turns decided as recorded.
    """

    conversations: int
    turns: int
    processes: int
    replay_seconds: float
    compare_seconds: float
    per_second: float
    identical: float | None
    verdict: str
    spent: Mapping[str, float]
    cpu: Mapping[str, float]
    cores: int
    load_before: float

    def as_json(self) -> str:
        """What `--json` writes."""
        return json.dumps(asdict(self), indent=1)


def measure(settings: Settings, data: Path, asked: Asked, how: How, say: Say) -> Measured:
    """Replays a stretch in a run of its own, compares it with live (without the texts of replies), removes the run.

    Raises what replaying and comparing raise; the run is removed then too.
    """
    run_id, load = f"bench-{secrets.token_hex(4)}", os.getloadavg()[0]
    with RunStore(settings.clickhouse) as store:
        run = create(settings, store, run_id, asked, time.time_ns() // 1000)
        try:
            say(f"replaying {len(run.partitions)} partitions with {how.workers} processes…")
            before, began = cpu_seconds(data), time.monotonic()
            run = go_on(settings, store, run, how, lambda said: None)
            replayed = time.monotonic()
            say(f"replayed in {replayed - began:.1f} s; comparing with live…")
            found = compared(settings, Request(LIVE, run_id, replies=False))
            ended, after = time.monotonic(), cpu_seconds(data)
            came = outcome(settings, store, run)
        finally:
            say("removing the run…")
            delete(settings, store, run_id)
    return Measured(
        came.conversations,
        came.turns,
        came.processes,
        round(replayed - began, 3),
        round(ended - replayed, 3),
        round(came.conversations / (ended - began), 2),
        came.identical,
        found.verdict,
        came.seconds,
        {name: round(after[name] - before.get(name, 0.0), 2) for name in after},
        os.cpu_count() or 1,
        round(load, 2),
    )


def cpu_seconds(data: Path) -> dict[str, float]:
    """Seconds on a core so far: of this process and those it has seen end, and of each part of the stack that runs on
    the folder; only the former where none does.
    """
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found = {OWN: sum(u.ru_utime + u.ru_stime for u in used)}
    try:
        parts = Folder(data).running().parts
    except StackNotRunning:
        return found
    for part in parts:
        process = part.identity.process() if part.identity is not None else None
        if process is not None:
            found[part.name] = seconds_of(process)
    return found


def shown(m: Measured) -> str:
    """A measurement for people."""
    turns, total = max(1, m.turns), sum(m.spent.values()) or 1.0
    identical = "-" if m.identical is None else f"{100 * m.identical:.3f} %"
    cpu = sorted(m.cpu.items(), key=lambda part: -part[1])
    return "\n".join(
        (
            f"{m.conversations} conversations ({m.turns} turns) replayed and compared in "
            f"{m.replay_seconds + m.compare_seconds:.1f} s: {m.per_second:.1f} conversations/s",
            f"replayed   {m.replay_seconds:.1f} s, by {m.processes} processes; compared {m.compare_seconds:.1f} s",
            "time       " + ", ".join(f"{name} {100 * n / total:.0f} %" for name, n in m.spent.items()),
            f"cores      {m.cores}; load before {m.load_before}",
            "computed   " + ", ".join(f"{name} {n:.1f} s ({1e6 * n / turns:.0f} µs a turn)" for name, n in cpu),
            f"identical  {identical} of turns; verdict: {m.verdict}",
        )
    )
