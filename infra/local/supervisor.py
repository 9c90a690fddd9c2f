"""The supervisor: starts parts, restarts those that end, stops them in order, and writes down who runs where.

One thread owns every child process, because the kernel ties a child's life to the thread that started it. Others ask
that thread by `submit` and wait.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import psutil

from infra.local.errors import PartFailed
from infra.local.process import HALTED, Identity, PartSpec, identity_of, signal_group, spawn

T = TypeVar("T")

FIRST_BACK_OFF_S = 0.2
LONGEST_BACK_OFF_S = 10.0
STEADY_AFTER_S = 30.0
"""A part that ran this long starts again with the first back-off."""
STARTS_IN_VAIN = 5
LOOK_EVERY_S = 0.05


class PartState(StrEnum):
    """How a part stands. `halted`: it stopped itself and waits for an operator."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting to restart"
    HALTED = "halted"
    STOPPED = "stopped"


@dataclass
class Part:
    """A part under supervision. Written only by the supervisor's thread; read by anyone."""

    spec: PartSpec
    state: PartState = PartState.STOPPED
    pid: int | None = None
    identity: Identity | None = None
    restarts: int = 0
    exit_code: int | None = None
    _child: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _back_off: float = FIRST_BACK_OFF_S
    _restart_at: float = 0.0

    @property
    def name(self) -> str:
        return self.spec.name


class Supervisor:
    """Keeps parts running until told to stop. `on_change` is called, in its thread, whenever a part's state changes.

    `requests` is a folder in which another process asks for a restart by making a file named after the part.
    """

    def __init__(self, on_change: Callable[[list[Part]], None], *, requests: Path | None = None) -> None:
        self._on_change = on_change
        self._requests = requests
        self._parts: dict[str, Part] = {}
        self._asked: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    def part(self, name: str) -> Part:
        """The part of that name.

        Raises:
            KeyError: there is none.
        """
        return self._parts[name]

    @property
    def parts(self) -> list[Part]:
        return list(self._parts.values())

    def start(self, spec: PartSpec) -> Part:
        """Start a part and keep it running; returns at once. It may have been started before with another spec."""
        return self._submit(lambda: self._begin(spec))

    def respec(self, spec: PartSpec) -> None:
        """The part that runs goes on; from its next start it is as `spec` says."""

        def change() -> None:
            self._parts[spec.name].spec = spec

        self._submit(change)

    def wait_ready(self, name: str, *, waiting: Callable[[float], None] | None = None) -> float:
        """Wait until the part's protocol answers; returns the seconds it took.

        Raises:
            PartFailed: it ended `STARTS_IN_VAIN` times, halted, or did not answer within its `start_timeout`.
        """
        part = self._parts[name]
        began, restarts = time.monotonic(), part.restarts
        while True:
            taken = time.monotonic() - began
            if part.state is PartState.RUNNING and part.spec.ready():
                return taken
            ended = part.state is PartState.HALTED or part.restarts >= restarts + STARTS_IN_VAIN
            if ended or taken > part.spec.start_timeout:
                why = f"ended with exit code {part.exit_code}" if ended else f"does not answer after {taken:.0f} s"
                raise PartFailed(f"{name} {why}; the end of its log {part.spec.log}:\n{tail(part.spec.log)}")
            if waiting is not None:
                waiting(taken)
            time.sleep(LOOK_EVERY_S)

    def stop(self, name: str) -> None:
        """Stop one part with its whole process group, and wait until it is gone."""
        part = self._parts[name]
        self._submit(lambda: self._ask_to_stop(part))
        self._await_end(part)

    def restart(self, name: str) -> None:
        """Stop the part and start it anew; returns once the new process runs (not: answers)."""
        spec = self._parts[name].spec
        self.stop(name)
        self.start(spec)

    def kill(self, name: str, number: int) -> None:
        """Send a signal to the part's process group, as a fault. A part that dies of it is restarted."""
        part = self._parts[name]
        if part.pid is not None:
            signal_group(part.pid, number)

    def close(self) -> None:
        """Stop every part, the last started first, and end the supervisor's thread. May be called again."""
        for part in reversed(self.parts):
            if self._thread.is_alive():
                self.stop(part.name)
        self._ending = True
        self._asked.put(lambda: None)
        self._thread.join()

    def _submit(self, action: Callable[[], T]) -> T:
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(action())
            except (OSError, psutil.Error, PartFailed) as failure:
                answer.set_exception(failure)

        self._asked.put(run)
        return answer.result()

    def _run(self) -> None:
        while not self._ending:
            with contextlib.suppress(queue.Empty):
                self._asked.get(timeout=LOOK_EVERY_S)()
            for part in self.parts:
                self._look_at(part)
            self._hear_requests()

    def _begin(self, spec: PartSpec) -> Part:
        part = self._parts.setdefault(spec.name, Part(spec))
        part.spec = spec
        part._back_off = FIRST_BACK_OFF_S
        self._spawn(part)
        return part

    def _spawn(self, part: Part) -> None:
        child = spawn(part.spec)
        part._child, part.pid, part._started = child, child.pid, time.monotonic()
        part.identity = identity_of(child.pid)
        self._change(part, PartState.RUNNING)

    def _change(self, part: Part, state: PartState) -> None:
        part.state = state
        self._on_change(self.parts)

    def _look_at(self, part: Part) -> None:
        """Reap a part that has ended and decide what follows; start one whose back-off is over."""
        now = time.monotonic()
        if part._child is not None:
            code = part._child.poll()
            if code is None:
                return
            signal_group(part._child.pid, signal.SIGKILL)
            part._child, part.pid, part.identity, part.exit_code = None, None, None, code
            if part.state is PartState.STOPPED:
                self._change(part, PartState.STOPPED)
            elif code == HALTED:
                self._change(part, PartState.HALTED)
            else:
                steady = now - part._started > STEADY_AFTER_S
                wait = FIRST_BACK_OFF_S if steady else part._back_off
                part._restart_at, part._back_off = now + wait, min(wait * 2, LONGEST_BACK_OFF_S)
                part.restarts += 1
                self._change(part, PartState.WAITING)
        elif part.state is PartState.WAITING and now >= part._restart_at:
            self._spawn(part)

    def _ask_to_stop(self, part: Part) -> None:
        part.state = PartState.STOPPED
        if part._child is not None:
            signal_group(part._child.pid, part.spec.stop_signal)
            signal_group(part._child.pid, signal.SIGCONT)
        self._on_change(self.parts)

    def _await_end(self, part: Part) -> None:
        deadline, killed = time.monotonic() + part.spec.stop_grace, False
        while part.pid is not None:
            if not killed and time.monotonic() > deadline:
                signal_group(part.pid, signal.SIGKILL)
                killed = True
            time.sleep(0.02)

    def _hear_requests(self) -> None:
        if self._requests is None or not self._requests.exists():
            return
        for request in list(self._requests.iterdir()):
            request.unlink()
            part = self._parts.get(request.name)
            if part is None:
                continue
            if part.state in (PartState.HALTED, PartState.WAITING, PartState.STOPPED) and part._child is None:
                self._begin(part.spec)
            elif part._child is not None:
                # It is told to end, and the ordinary restart follows.
                signal_group(part._child.pid, part.spec.stop_signal)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented for an error message."""
    if not log.exists():
        return "    (no log)"
    text = log.read_bytes()[-20_000:].decode(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in text)
