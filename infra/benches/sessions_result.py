"""What the benchmark of open sessions found: how many, how quickly they are answered, and what each one takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from infra.benches import plot
from infra.benches.machine import Machine

SESSIONS_GOAL: Final = 50_000
SOCKETS_GOAL: Final = 15_000
P99_GOAL_MS: Final = 500.0
SHARES: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class SessionsResult:
    """sessions: open ones, with state; `sockets` of them held a WebSocket at one of `gateways` processes.

    While `rate_per_s` messages flowed for `seconds`: p50_ms, p95_ms, p99_ms of all turns, from when a message was to go
    until its reply was there: socket_* of those that came and went over a socket, log_* of those by the log. missing:
    turns without a reply; doubled, misplaced: replies that came twice, or at another's socket; lost_sockets: that were
    closed. opened_per_s, connected_per_s: sessions and sockets, while they were.

    worker_bytes_per_session: growth of the worker (routing's states, the reply cache) while sessions were opened;
    postgres_bytes_per_session: of all tables of the session state, turns and indexes included.
    gateway_bytes_per_socket: growth of the gateways while the sockets connected and nothing else was done;
    gateway_bytes_by_sockets: all gateways together, as (sockets, bytes). gateway_bytes: at the end, with the replies
    that they keep for retried requests.
    cpu_us_by_part: a turn, while messages flowed. file_limit: files that a process may have open here.
    """

    sessions: int
    sockets: int
    gateways: int
    customer_processes: int
    rate_per_s: float
    seconds: float
    opened_per_s: float
    connected_per_s: float
    turns: int
    socket_turns: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    socket_p50_ms: float
    socket_p99_ms: float
    log_p50_ms: float
    log_p99_ms: float
    missing: int
    doubled: int
    misplaced: int
    refused: int
    lost_sockets: int
    worker_bytes_per_session: float
    postgres_bytes_per_session: float
    gateway_bytes_per_socket: float
    gateway_bytes: int
    gateway_bytes_by_sockets: Sequence[tuple[int, int]]
    cpu_us_by_part: Mapping[str, float]
    latencies_ms: Mapping[str, Mapping[str, float]]
    file_limit: int
    machine: Machine
    limit: str

    @property
    def exactly_once(self) -> bool:
        """Whether every turn was answered once, at its own socket."""
        return not (self.missing or self.doubled or self.misplaced or self.refused or self.lost_sockets)

    @property
    def reached(self) -> Mapping[str, bool]:
        """Each goal, and whether it is reached."""
        return {
            f"{SESSIONS_GOAL:,} sessions": self.sessions >= SESSIONS_GOAL,
            f"{SOCKETS_GOAL:,} sockets": self.sockets >= SOCKETS_GOAL,
            f"p99 < {P99_GOAL_MS:.0f} ms": self.p99_ms < P99_GOAL_MS,
            "each reply once, at its own socket": self.exactly_once,
        }

    def page(self) -> str:
        """The whole HTML file."""
        kilo = 1024
        figures = {
            "sessions": (f"{self.sessions:,}", f"goal {SESSIONS_GOAL:,}"),
            "sockets": (f"{self.sockets:,}", f"goal {SOCKETS_GOAL:,}; {self.gateways} gateways"),
            "p99": (f"{self.p99_ms:,.0f} ms", f"at {self.rate_per_s:,.0f} messages/s; goal {P99_GOAL_MS:.0f} ms"),
            "a socket": (f"{self.gateway_bytes_per_socket / kilo:,.1f} KiB", "of its gateway"),
            "a session": (
                f"{self.worker_bytes_per_session / kilo:,.1f} KiB",
                f"of the worker; {self.postgres_bytes_per_session / kilo:,.1f} KiB of PostgreSQL",
            ),
        }
        by_share = {
            kind: [(float(share) * 100, ms) for share, ms in of_kind.items()]
            for kind, of_kind in self.latencies_ms.items()
        }
        grown = [(float(sockets), size / kilo / kilo) for sockets, size in self.gateway_bytes_by_sockets]
        counts = [(name.replace("_", " "), f"{getattr(self, name):,}") for name in COUNTED]
        parts = [(name, f"{us:,.0f}") for name, us in self.cpu_us_by_part.items()]
        headline = f"{self.sessions:,} open sessions, {self.sockets:,} with a WebSocket: p99 {self.p99_ms:,.0f} ms"
        return plot.report(
            "Open sessions",
            headline,
            figures,
            self.machine,
            self.limit,
            plot.section("Latency", plot.chart(by_share, "percentile", "ms")),
            plot.section("Memory of the gateways", plot.chart({"all gateways": grown}, "sockets", "MiB")),
            plot.section("What became of the turns", plot.rows(("", "count"), counts)),
            plot.section("Where the processor goes", plot.rows(("part", "µs a turn"), parts)),
        )


COUNTED: Final = ("turns", "socket_turns", "missing", "doubled", "misplaced", "refused", "lost_sockets")


def quantile(values: Sequence[float], share: float) -> float:
    """The least of these, in order, that this share does not exceed; nan of none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else math.nan


def by_share(values: Sequence[float]) -> dict[str, float]:
    """Milliseconds by share of the turns, for the plot; `values` in order."""
    return {f"{share:g}": quantile(values, share) for share in SHARES}


def limit_of(result: SessionsResult) -> str:
    """What limits, in a sentence."""
    cores, kilo = result.machine.cores * result.machine.pair_ratio, 1024
    busy = sum(result.cpu_us_by_part.values()) * result.rate_per_s / 1e6
    first = next(iter(result.cpu_us_by_part.items()), ("nothing", 0.0))
    used = (
        f"at {result.rate_per_s:,.0f} messages/s all parts take {busy:.2f} of the {cores:.2f} cores' worth that the "
        f"machine has, most of it {first[0]} ({first[1]:,.0f} µs a turn)"
    )
    sockets = (
        f"a process may have {result.file_limit:,} files, and a socket takes "
        f"{result.gateway_bytes_per_socket / kilo:,.1f} KiB of its gateway"
    )
    return f"{used}; {sockets}" if busy > cores / 2 else f"{sockets}; {used}"
