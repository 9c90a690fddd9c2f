"""The open-loop load: messages at their times whatever comes back, from a process of its own.

Latency counts from when a message was to arrive, not from when it was sent: a load that falls behind does not flatter.

    with Load(settings, conversations(1000), steady(200, 30)) as load:
        load.go()
        ...
        loaded = load.finish()
"""

from __future__ import annotations

import json
import math
import pickle
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from infra.benches.frame import BenchError
from infra.benches.stack import TENANT
from infra.recordings import Recorded
from infra.settings import Settings
from schemas.events import RUNGS

DEADLINE: Final = 10.0
THINK: Final = 5.0
GRACE: Final = 15.0
NO_RUNG: Final = len(RUNGS)
READY_WITHIN: Final = 600.0
Times = NDArray[np.float64]


@dataclass(frozen=True)
class Loaded:
    """What a load did. Of message n, seconds from the start (`began`, seconds UTC): `at[n]` when it was to arrive,
    `sent_at[n]`, `replied_at[n]` when its reply was read (nan: never); `rung[n]` is its rung's number in RUNGS, and
    `ids[n]` its turn's id. `session[n]`: the number of its session.

    unconfirmed: messages that the log did not confirm. doubled: turns with replies of several ids. cpu_seconds: of the
    load's process from the start until the last message was sent.
    """

    name: str
    tenant: str
    deadline: float
    began: float
    at: Times
    sent_at: Times
    replied_at: Times
    rung: NDArray[np.uint8]
    session: NDArray[np.int32]
    ids: NDArray[np.bytes_]
    unconfirmed: tuple[str, ...]
    doubled: int
    cpu_seconds: float

    @property
    def sent(self) -> int:
        return len(self.at)

    @property
    def missing(self) -> int:
        """Messages that the log took and nobody answered."""
        return int(np.isnan(self.replied_at).sum()) - len(self.unconfirmed)

    @property
    def turn_ids(self) -> list[str]:
        """Of the messages that the log took."""
        refused = set(self.unconfirmed)
        return [id_ for each in self.ids if (id_ := each.decode()) not in refused]

    @property
    def latencies(self) -> Times:
        """Seconds from when each was to arrive until its reply was read; nan without one."""
        return self.replied_at - self.at

    @property
    def in_time(self) -> NDArray[np.bool_]:
        """Which were answered by their deadline."""
        return self.latencies <= self.deadline

    @property
    def late_ms(self) -> float:
        """How late the load itself sent, p99, milliseconds: part of every latency."""
        return 1000 * _quantile(self.sent_at - self.at, 0.99)

    def p_ms(self, share: float, since: float = 0.0, until: float = math.inf) -> float:
        """The milliseconds that this share of the turns that were to arrive in an interval were answered within.

        A turn without a reply took for ever; nan where none was to arrive.
        """
        chosen = (self.at >= since) & (self.at < until)
        return 1000 * _quantile(self.latencies[chosen], share)

    def p50_ms(self, since: float = 0.0, until: float = math.inf) -> float:
        return self.p_ms(0.50, since, until)

    def p95_ms(self, since: float = 0.0, until: float = math.inf) -> float:
        return self.p_ms(0.95, since, until)

    def p99_ms(self, since: float = 0.0, until: float = math.inf) -> float:
        return self.p_ms(0.99, since, until)

    def count(self, since: float = 0.0, until: float = math.inf) -> int:
        """How many were to arrive in an interval."""
        return int(((self.at >= since) & (self.at < until)).sum())

    def by_rung(self, since: float = 0.0, until: float = math.inf) -> dict[str, int]:
        """Replies by rung, the most frequent first, of turns that were to arrive in an interval."""
        chosen = self.rung[(self.at >= since) & (self.at < until)]
        found = Counter({RUNGS[n]: int((chosen == n).sum()) for n in range(len(RUNGS))})
        return {rung: n for rung, n in found.most_common() if n}

    def over_time(self, share: float, step: float = 1.0) -> list[tuple[float, float]]:
        """The latency (ms) of that share, of each `step` seconds of arrivals, at the middle of it."""
        end = float(self.at[-1]) if self.sent else 0.0
        steps = range(math.ceil(end / step))
        return [((n + 0.5) * step, self.p_ms(share, n * step, (n + 1) * step)) for n in steps]


def _quantile(values: Times, share: float) -> float:
    """The least value that is not exceeded by this share; nan counts as endless."""
    if not len(values):
        return math.nan
    ordered = np.sort(np.where(np.isnan(values), np.inf, values))
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


class Load:
    """One load: its process begins with `start` (messages are made, the broker is met), and sends from `go` on.

    talks: recorded conversations, which go round and round. arrivals: seconds from the start, rising. deadline: seconds
    in which a turn's answer is of use. think: seconds from a session's message to its next, at least. grace: seconds
    past the last deadline for which replies are waited. name: begins the sessions' names; None: a new one. The same
    name, conversations and arrivals give the same messages.
    """

    def __init__(
        self,
        settings: Settings,
        talks: Sequence[Recorded],
        arrivals: Iterable[float],
        *,
        tenant: str = TENANT,
        deadline: float = DEADLINE,
        think: float = THINK,
        grace: float = GRACE,
        name: str | None = None,
    ) -> None:
        self.name = name or f"b{secrets.token_hex(4)}"
        self.sent = self.replied = 0
        self.began = math.nan
        self._folder = tempfile.TemporaryDirectory(prefix="spillway-load-")
        self._plan = {"tenant": tenant, "deadline": deadline, "think": think, "grace": grace, "name": self.name}
        folder = Path(self._folder.name)
        np.save(folder / "arrivals.npy", np.fromiter(arrivals, dtype=np.float64))
        (folder / "plan.pickle").write_bytes(pickle.dumps((self._plan, settings, list(talks))))
        self._process: subprocess.Popen[str] | None = None
        self._ready, self._done = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._errors: list[str] = []

    def run(self) -> Loaded:
        """The whole load, from start to finish. Raises BenchError."""
        with self:
            self.go()
            return self.finish()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            for thread in self._threads:
                thread.join()
            with self._process:
                pass  # its pipes are closed, and it is waited for
        self._folder.cleanup()

    def start(self) -> Self:
        """Returns when everything is ready to be sent. Raises BenchError."""
        command = [sys.executable, "-m", "infra.benches.sending", self._folder.name]
        pipe = subprocess.PIPE
        process = self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for stream, take in ((process.stdout, self._follow), (process.stderr, self._complain)):
            self._threads.append(threading.Thread(target=take, args=(stream,), name="load", daemon=True))
            self._threads[-1].start()
        if not self._ready.wait(READY_WITHIN) or self._done.is_set():
            raise BenchError(f"the load is not ready: {self._why()}")
        return self

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None, "start() comes first"
        return self._process.pid

    def go(self) -> float:
        """Sends from now on; returns when that is, in seconds UTC."""
        self.began = time.time() + 0.05
        self._tell(f"go {self.began!r}")
        return self.began

    def stop(self) -> None:
        """Sends no more than it has."""
        self._tell("stop")

    @property
    def over(self) -> bool:
        """Whether its process has ended."""
        return self._done.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits until its process has ended, so long at most; whether it has."""
        return self._done.wait(max(0.0, seconds))

    def finish(self) -> Loaded:
        """Waits until all is sent and answered, or can no longer be. Raises BenchError where the load failed."""
        self._done.wait()
        assert self._process is not None, "start() comes first"
        if self._process.wait() != 0:
            raise BenchError(f"the load ended with {self._process.returncode}: {self._why()}")
        return read_loaded(Path(self._folder.name))

    def _tell(self, what: str) -> None:
        assert self._process is not None, "start() comes first"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(what + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as ended:
            raise BenchError(f"the load has ended: {self._why()}") from ended

    def _follow(self, said: IO[str]) -> None:
        for line in said:
            self._ready.set()
            found: dict[str, Any] = json.loads(line)
            self.sent, self.replied = found.get("sent", self.sent), found.get("replied", self.replied)
        self._done.set()
        self._ready.set()

    def _complain(self, said: IO[str]) -> None:
        for line in said:
            self._errors.append(line)

    def _why(self) -> str:
        return "".join(self._errors[-12:]).strip() or "it said nothing"


def read_loaded(folder: Path) -> Loaded:
    """What a load's process has left in its folder."""
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    with np.load(folder / "loaded.npz") as kept:
        arrays = {name: kept[name] for name in kept.files}
    unconfirmed = tuple(told.pop("unconfirmed"))
    return Loaded(**told, **arrays, unconfirmed=unconfirmed)
