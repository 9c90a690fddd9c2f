"""The processes of customers of a benchmark, as whoever starts them sees them."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from typing import IO, Any, Final

from infra.benches.frame import BenchError
from infra.benches.sockets import Heard, Plan

CONNECT_WITHIN: Final = 900.0
"""Seconds for all sockets of a process."""
FIRST_ADDRESS: Final = 2
"""Of 127.0.0.x: the first is where servers are."""


def dealt(sessions: Sequence[str], processes: int) -> list[list[str]]:
    """The sessions of each process: as many each, or one more."""
    return [list(sessions[n::processes]) for n in range(processes)]


def address_of(number: int) -> str:
    """The loopback address from which a process of customers connects; each has as many ports as there are."""
    return f"127.0.0.{FIRST_ADDRESS + number % (255 - FIRST_ADDRESS)}"


class Customers:
    """One process. Its lines come in by a thread of their own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.held = 0
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "infra.benches.sockets"]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._errors: list[str] = []
        for stream, take in ((self._process.stdout, self._follow), (self._process.stderr, self._complain)):
            threading.Thread(target=take, args=(stream,), name="customers", daemon=True).start()
        self._tell(json.dumps(asdict(plan)))

    @property
    def pid(self) -> int:
        return self._process.pid

    def connected(self) -> None:
        """Returns once it holds all of its sockets. Raises BenchError."""
        while "ready" not in (said := self._next(CONNECT_WITHIN)):
            if "failed" in said:
                raise BenchError(
                    f"after {said['held']} sockets of {len(self.plan.sessions)} none more could be had: "
                    f"{said['failed']}; ask for fewer: --sockets"
                )

    def go(self) -> None:
        """It begins to send."""
        self._tell("go")

    def heard(self) -> Heard:
        """What it heard, once everything is sent and answered, or can no longer be. Raises BenchError."""
        said = self._next(self.plan.seconds + self.plan.grace + 120)
        return Heard(**said)

    def end(self) -> None:
        """Its sockets are closed, and it is gone."""
        assert self._process.stdin is not None
        with self._process:
            self._process.stdin.close()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as ended:
            raise BenchError(f"a process of customers has ended: {self._why()}") from ended

    def _next(self, seconds: float) -> dict[str, Any]:
        try:
            said = self._said.get(timeout=seconds)
        except queue.Empty:
            raise BenchError(f"a process of customers says nothing for {seconds:.0f} s") from None
        if said is None:
            raise BenchError(f"a process of customers has ended: {self._why()}")
        return said

    def _follow(self, said: IO[str]) -> None:
        for line in said:
            found = json.loads(line)
            self.held = found.get("held", found.get("ready", self.held))
            if found.keys() != {"held"}:
                self._said.put(found)
        self._said.put(None)

    def _complain(self, said: IO[str]) -> None:
        self._errors.extend(said)

    def _why(self) -> str:
        return "".join(self._errors[-12:]).strip() or "it said nothing"


@contextmanager
def customers(plans: Sequence[Plan], watch: Callable[[int], None], every: float = 2.0) -> Iterator[list[Customers]]:
    """These processes, each with all of its sockets. watch: told every so many seconds how many sockets there are."""
    with ExitStack() as running:
        started = []
        for plan in plans:
            started.append(Customers(plan))
            running.callback(started[-1].end)
        done = threading.Event()
        watcher = threading.Thread(target=_watch, args=(started, done, watch, every), daemon=True)
        watcher.start()
        try:
            for each in started:
                each.connected()
        finally:
            done.set()
            watcher.join()
        yield started


def _watch(
    started: Sequence[Customers], done: threading.Event, watch: Callable[[int], None], every: float
) -> None:
    while not done.wait(every):
        watch(sum(each.held for each in started))


def together(heard: Sequence[Heard]) -> Heard:
    """All of them as one: counts and latencies added, of `late_ms` the worst."""
    found = Heard()
    for each in fields(Heard):
        values = [getattr(one, each.name) for one in heard]
        if each.name == "latencies_ms":
            found.latencies_ms = sorted(ms for of_one in values for ms in of_one)
        else:
            setattr(found, each.name, max(values, default=0.0) if each.name == "late_ms" else sum(values))
    return found
