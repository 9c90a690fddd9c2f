"""Measures open sessions: how many, with how many WebSockets, are answered how quickly, and what memory each takes.

First the sessions of the sockets are opened by a message each, then the sockets connect while nothing else is done, so
that memory is told apart; then the other sessions are opened, and messages flow to all of them: to those with a socket
over it, to the others over the log.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import numpy as np

from infra.benches import session_memory as memory
from infra.benches.arrivals import steady
from infra.benches.composing import session_name
from infra.benches.cpu import CpuMeter, between, us_per_turn
from infra.benches.customers import Customers, address_of, customers, dealt, together
from infra.benches.frame import BenchError, Say
from infra.benches.gateways import Gateway, gateways
from infra.benches.load import Load, Loaded
from infra.benches.machine import Machine, machine
from infra.benches.sessions_result import SOCKETS_GOAL, SessionsResult, by_share, limit_of, quantile
from infra.benches.sockets import Heard, Plan
from infra.benches.stack import TENANT, BenchStack
from infra.open_files import raise_limit
from infra.recordings import Recorded, playable
from streams.channels.keys import ensure_keys, load_keys

GRACE: Final = 15.0
SPARE: Final = 300
"""Files that a process has open besides its sockets: libraries, logs, connections to the broker."""
ROOM: Final = 10
"""Times the rate that each gateway takes of the tenant, so that its limit is not what is measured."""


@dataclass(frozen=True)
class SessionsPlan:
    """sockets: None: as many as the limit of files allows, up to 15,000 and to `sessions`. rate: messages a second,
    while sessions are opened and after. seconds: for which they flow once all are open. clients: processes that hold
    the other ends of the sockets."""

    sessions: int = 50_000
    sockets: int | None = None
    rate: float = 500.0
    seconds: float = 60.0
    gateways: int = 3
    clients: int = 2
    seed: int = 1


@dataclass(frozen=True)
class _Flow:
    """What was seen while messages flowed. opened: loads that only opened sessions; loaded: None without others."""

    opened: Loaded | None
    loaded: Loaded | None
    opens: float
    heard: Heard
    spent: Mapping[str, float]


def sockets_allowed(limit: int, gateways: int, clients: int) -> int:
    """How many sockets so many gateways and processes of customers hold together, with `limit` files each."""
    return max(0, min(gateways, clients) * (limit - SPARE))


def sockets_of(plan: SessionsPlan, limit: int) -> int:
    """How many sockets a plan comes to where a process may have `limit` files. Raises BenchError where not as many."""
    allowed = sockets_allowed(limit, plan.gateways, plan.clients)
    if plan.sockets is None:
        return min(plan.sessions, SOCKETS_GOAL, allowed)
    if plan.sockets > plan.sessions:
        raise BenchError(f"{plan.sockets:,} sockets need as many sessions; there are {plan.sessions:,}: --sessions")
    if plan.sockets > allowed:
        raise BenchError(
            f"a process may have {limit:,} files here, which allows {allowed:,} sockets at {plan.gateways} gateways "
            f"and {plan.clients} processes of customers; ask for fewer (--sockets), or for more of these (--gateways, "
            "--clients), or raise the limit: ulimit -n"
        )
    return plan.sockets


def measure_sessions(
    stack: BenchStack,
    talks: Sequence[Recorded],
    plan: SessionsPlan,
    say: Say,
    on: Callable[[str, Say], Machine] = machine,
) -> SessionsResult:
    """Opens the sessions, connects the sockets, and sends. on: measures what the machine does. Raises BenchError."""
    limit = raise_limit()
    sockets = sockets_of(plan, limit)
    here = on(stack.settings.kafka, say)
    say(f"{limit:,} files a process: {sockets:,} sockets at {plan.gateways} gateways, {plan.sessions:,} sessions")
    keys = ensure_keys(stack.settings.data_dir, [TENANT])
    tables = memory.tables(stack.settings)
    with gateways(stack.settings, plan.gateways, keys, ROOM * plan.rate) as served:
        run = _Run(stack, talks, plan, served, load_keys(keys).clear_key(TENANT, "channel") or "", say)
        run.open_for_sockets(sockets)
        with run.sockets_held(sockets) as held:
            flow = run.flow(held, sockets)
        memory.settle(stack.settings)
        grown = memory.tables(stack.settings) - tables
        return run.result(flow, sockets, limit, grown, here)


class _Run:
    """One measurement, step by step."""

    def __init__(
        self,
        stack: BenchStack,
        talks: Sequence[Recorded],
        plan: SessionsPlan,
        served: Sequence[Gateway],
        key: str,
        say: Say,
    ) -> None:
        self._settings, self._pids = stack.settings, stack.pids()
        self._talks, self._plan, self._served, self._key, self._say = talks, plan, served, key, say
        self._name = f"s{secrets.token_hex(4)}"
        said = [each.text for talk in talks for each in talk.turns if each.speaker == "customer"]
        self._texts = [text for each in said if (text := playable(each)) is not None]
        self._opened: Loaded | None = None
        self._by_sockets: list[tuple[int, int]] = []
        self._connected_per_s = self._per_socket = self._per_session = math.nan

    def open_for_sockets(self, sockets: int) -> None:
        """A message each, over the log."""
        if sockets:
            self._say(f"opening {sockets:,} sessions at {self._plan.rate:,.0f}/s, which get sockets")
            arrivals = (n / self._plan.rate for n in range(sockets))
            self._opened = Load(self._settings, self._talks, arrivals, think=math.inf, name=self._name).run()

    @contextmanager
    def sockets_held(self, sockets: int) -> Iterator[list[Customers]]:
        """The processes of customers, connected. Memory is read on the way."""
        plan = self._plan
        sessions = dealt([session_name(self._name, n) for n in range(sockets)], plan.clients)
        urls = [gateway.url.replace("http", "ws", 1) for gateway in self._served]
        plans = [
            Plan(
                name=self._name,
                tenant=TENANT,
                key=self._key,
                gateways=urls,
                sessions=of_one,
                address=address_of(n),
                texts=self._texts,
                rate=plan.rate * len(of_one) / plan.sessions,
                seconds=plan.seconds,
                grace=GRACE,
                seed=plan.seed * 1000 + n,
            )
            for n, of_one in enumerate(sessions)
            if of_one
        ]
        before, began = self._memory(), time.monotonic()
        self._by_sockets = [(0, before)]
        with customers(plans, self._watch) as held:
            taken = time.monotonic() - began
            self._watch(sockets)
            if sockets:
                self._connected_per_s = sockets / taken
                self._per_socket = (self._by_sockets[-1][1] - before) / sockets
            yield held

    def flow(self, held: Sequence[Customers], sockets: int) -> _Flow:
        """Opens the other sessions, then sends to all of them."""
        plan = self._plan
        rest = plan.sessions - sockets
        opens, worker = rest / plan.rate, self._pids.get("worker")
        meter = CpuMeter(self._pids | {f"gateway {n}": g.pid for n, g in enumerate(self._served, 1)})
        for n, each in enumerate(held, 1):
            meter.add(f"customers {n}", each.pid)
        if not rest:
            before = meter.read()
            return _Flow(self._opened, None, 0.0, self._heard(held), between(before, meter.read()))
        self._say(f"opening {rest:,} sessions at {plan.rate:,.0f}/s")
        later = (opens + at for at in steady(plan.rate * rest / plan.sessions, plan.seconds, plan.seed))
        arrivals = chain((n / plan.rate for n in range(rest)), later)
        talks = lengthened(self._talks, 2 + math.ceil(plan.seconds * plan.rate / plan.sessions))
        size = memory.of(worker)
        with Load(self._settings, talks, arrivals, think=opens, name=f"{self._name}k") as load:
            meter.add("load", load.pid)
            began = load.go()
            threading.Event().wait(max(0.0, began + opens - time.time()))
            self._per_session = (memory.of(worker) - size) / rest
            before = meter.read()
            heard = self._heard(held)
            spent = between(before, meter.read())
            return _Flow(self._opened, load.finish(), opens, heard, spent)

    def _heard(self, held: Sequence[Customers]) -> Heard:
        plan = self._plan
        self._say(f"{plan.rate:,.0f} messages/s to {plan.sessions:,} sessions, for {plan.seconds:.0f} s")
        for each in held:
            each.go()
        if not held:
            threading.Event().wait(plan.seconds)
        return together([each.heard() for each in held])

    def _memory(self) -> int:
        return sum(gateway.rss for gateway in self._served)

    def _watch(self, held: int) -> None:
        self._by_sockets.append((held, self._memory()))
        self._say(f"{held:,} sockets; the gateways have {self._by_sockets[-1][1] / 2**20:,.0f} MiB")

    def result(self, flow: _Flow, sockets: int, file_limit: int, grown: int, here: Machine) -> SessionsResult:
        """What all of it came to."""
        plan, heard, loaded = self._plan, flow.heard, flow.loaded
        log = [] if loaded is None else sorted(1000 * loaded.latencies[loaded.at >= flow.opens])
        log = [math.inf if math.isnan(ms) else float(ms) for ms in log]
        every = sorted([*log, *heard.latencies_ms, *[math.inf] * heard.missing])
        loads = [each for each in (flow.opened, loaded) if each is not None]
        cpu = us_per_turn(flow.spent, len(every))
        result = SessionsResult(
            sessions=plan.sessions,
            sockets=sockets,
            gateways=plan.gateways,
            customer_processes=plan.clients,
            rate_per_s=plan.rate,
            seconds=plan.seconds,
            opened_per_s=opened_per_s(loaded or flow.opened, flow.opens if loaded else math.inf),
            connected_per_s=round(self._connected_per_s, 1),
            turns=len(every),
            socket_turns=heard.sent,
            p50_ms=quantile(every, 0.50),
            p95_ms=quantile(every, 0.95),
            p99_ms=quantile(every, 0.99),
            socket_p50_ms=quantile(heard.latencies_ms, 0.50),
            socket_p99_ms=quantile(heard.latencies_ms, 0.99),
            log_p50_ms=quantile(log, 0.50),
            log_p99_ms=quantile(log, 0.99),
            missing=heard.missing + sum(each.missing for each in loads),
            doubled=heard.doubled + sum(each.doubled for each in loads),
            misplaced=heard.misplaced,
            refused=heard.refused + sum(len(each.unconfirmed) for each in loads),
            lost_sockets=heard.lost,
            worker_bytes_per_session=self._per_session,
            postgres_bytes_per_session=grown / plan.sessions,
            gateway_bytes_per_socket=self._per_socket,
            gateway_bytes=self._memory(),
            gateway_bytes_by_sockets=self._by_sockets,
            cpu_us_by_part=cpu,
            latencies_ms={"over a socket": by_share(heard.latencies_ms), "over the log": by_share(log)},
            file_limit=file_limit,
            machine=here,
            limit="",
        )
        return replace(result, limit=limit_of(result))


def opened_per_s(loaded: Loaded | None, opens: float) -> float:
    """Sessions a second, from the first message until the last of the first `opens` seconds' was answered."""
    if loaded is None:
        return math.nan
    of_opening = loaded.replied_at[loaded.at < opens]
    return round(len(of_opening) / float(np.nanmax(of_opening)), 1) if np.isfinite(of_opening).any() else 0.0


def lengthened(talks: Sequence[Recorded], turns: int) -> list[Recorded]:
    """Conversations in which customers speak so many times at least: what they say, again and again."""
    found = []
    for talk in talks:
        said = tuple(each for each in talk.turns if each.speaker == "customer" and playable(each.text) is not None)
        if said:
            found.append(replace(talk, turns=said * -(-turns // len(said))))
    return found
