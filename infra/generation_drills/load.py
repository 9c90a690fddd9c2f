"""Customers of the drills: turns of several tenants at a rate, as channel adapters send them, and what came back."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from infra.generation_drills.tenants import QUESTIONS
from infra.play_links import Answer, Link
from schemas.events import Customer
from streams.channels import compose
from streams.channels.client import wall_clock
from streams.channels.compose import Sender

TURNS_OF_A_SESSION: Final = 3
LONGEST_PAUSE: Final = 0.02
GRACE: Final = 15.0
"""Seconds past the deadline for which an answer is waited."""
_NEVER: Final = float("inf")


@dataclass(slots=True)
class Asked:
    """A customer's turn as it was sent. Times in microseconds UTC; `answered_at`: when its customer read the reply.

    `rung` is that of the reply. `acked`: whether the log confirmed the message.
    """

    turn_id: str
    tenant: str
    session: str
    sent_at: int
    deadline_at: int
    acked: bool = False
    answered_at: int | None = None
    rung: str = ""


class Load:
    """Turns from entering the context until `finish` or leaving it, in a thread of its own.

    Open: each tenant's come at random moments, at its rate a second, whatever becomes of those before. With `at_once`
    the loop is closed: as many are under way at any time, of the tenants in turn, and rates mean nothing. A session
    has up to `turns` turns, each after the answer to the one before. `seed` fixes what is sent when.
    """

    def __init__(
        self,
        link: Link,
        name: str,
        rates: Mapping[str, float],
        deadline: float,
        seed: int = 1,
        at_once: int | None = None,
        turns: int = TURNS_OF_A_SESSION,
    ) -> None:
        self.name = name
        self.asked: list[Asked] = []
        self.failed: BaseException | None = None
        self._link, self._deadline, self._at_once, self._turns = link, deadline, at_once, turns
        self._random = random.Random(seed)
        self._rates = dict(rates)
        self._changes: deque[tuple[str, float]] = deque()
        self._next: dict[str, float] = {}
        self._idle: defaultdict[str, deque[tuple[str, int]]] = defaultdict(deque)
        self._open: dict[str, tuple[Asked, int]] = {}
        self._sessions = self._unreported = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"load {name}")

    def __enter__(self) -> Self:
        self._link.begin(False)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def set_rate(self, tenant: str, rate: float) -> None:
        """From now on the tenant's turns come at this rate."""
        self._changes.append((tenant, rate))

    def finish(self) -> list[Asked]:
        """Sends no more; returns what was asked, once all is answered or can no longer be. May be called again.

        Raises what went wrong in the load's thread.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
            self._link.close()
        if self.failed is not None:
            raise self.failed
        return self.asked

    def _run(self) -> None:
        try:
            self._send_until_stopped()
            self._await_answers()
        except BaseException as error:  # noqa: BLE001 - whoever finishes the load fails with it
            self.failed = error

    def _send_until_stopped(self) -> None:
        now = time.monotonic()
        self._next = {tenant: now + self._gap(tenant) for tenant in self._rates}
        while not self._stop.is_set():
            now = time.monotonic()
            while self._changes:
                tenant, self._rates[tenant] = self._changes.popleft()
                self._next[tenant] = now + self._gap(tenant)
            self._note(self._link.take(self._pause(self._send_due(now))))

    def _send_due(self, now: float) -> float:
        """Sends what is due; returns the moment at which more will be."""
        if self._at_once is not None:
            tenants = list(self._rates)
            while len(self._open) < self._at_once and not self._stop.is_set():
                self._send(tenants[len(self.asked) % len(tenants)])
            return _NEVER
        for tenant, at in self._next.items():
            while at <= now:
                self._send(tenant)
                at += self._gap(tenant)
            self._next[tenant] = at
        return min(self._next.values())

    def _pause(self, due: float) -> float:
        return min(LONGEST_PAUSE, max(0.0, due - time.monotonic()))

    def _gap(self, tenant: str) -> float:
        rate = self._rates[tenant]
        return self._random.expovariate(rate) if rate > 0 else _NEVER

    def _send(self, tenant: str) -> None:
        idle = self._idle[tenant]
        if idle:
            session, turns = idle.popleft()
        else:
            self._sessions += 1
            session, turns = f"{self.name}.{tenant}-{self._sessions}", 0
        text, id_ = self._random.choice(QUESTIONS), f"{session}/{turns}"
        event = compose.message(
            Sender(tenant, session, "web", self._deadline), text, id_, wall_clock(), Customer(f"c-{session}")
        )
        meta = event.meta
        asked = Asked(meta.event_id, tenant, session, meta.occurred_at, meta.deadline_at or 0)
        self.asked.append(asked)
        self._open[asked.turn_id] = (asked, turns + 1)
        self._unreported += 1
        self._link.send(event, False, lambda why: self._reported(asked, why))

    def _reported(self, asked: Asked, why: str | None) -> None:
        self._unreported -= 1
        asked.acked = why is None

    def _note(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            known = self._open.pop(answer.turn_id, None)
            if known is None:
                continue
            asked, turns = known
            asked.answered_at, asked.rung = answer.at, answer.rung
            if turns < self._turns:
                self._idle[asked.tenant].append((asked.session, turns))

    def _await_answers(self) -> None:
        end = time.monotonic() + self._deadline + GRACE
        while (self._open or self._unreported) and time.monotonic() < end:
            self._note(self._link.take(LONGEST_PAUSE))
