"""When a model is not asked for a while: a breaker, pure, with the time passed in. It closes by itself.

    breaker = Breaker(Limits())
    permit = breaker.ask(now)            # None: not now, take another rung
    ... finish ...
    breaker.tell(permit, verdict(finish, limits), now)

Closed, it counts what became of the latest requests. It opens when too many of them failed, or too many were
slow, or several in a row failed. Open, it refuses, for a pause. After the pause it lets a few through at a time; when
enough of those did well in a row it is closed, and after one that did not the next pause is twice as long.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal, NamedTuple

from streams.generation.ports import Finish

State = Literal["closed", "open", "probing"]
Verdict = Literal["good", "slow", "bad", "none"]
"""What a request says of the model. `slow`: it answered, but the first text came late, or the turn's time was up while
text still came. `none`: nothing, as when the customer left or the request itself was wrong."""


class Limits(NamedTuple):
    """When a breaker opens and closes; times in seconds.

    Opens when, of at least `least` requests within `window`, a share of `bad_share` was bad or of `slow_share` slow or
    bad; or when `in_a_row` were bad. `slow_first`: a first text later than that is slow, and so is text that the turn's
    deadline cut. `fair`: a deadline that left the model less time than that says nothing about it. Pauses go from
    `pause` to `longest`. Probing: `probes` at a time, of which `closing` in a row must be good; one that has not ended
    after `patience` is bad.
    """

    window: float = 10.0
    least: int = 20
    bad_share: float = 0.5
    slow_share: float = 0.5
    in_a_row: int = 5
    slow_first: float = 2.0
    fair: float = 0.25
    pause: float = 1.0
    longest: float = 8.0
    probes: int = 2
    closing: int = 4
    patience: float = 10.0


USUAL: Final = Limits()


class Permit(NamedTuple):
    """A request that may go; handed back with its verdict."""

    era: int
    number: int
    probe: bool


class Breaker:
    """One model's. `now` is seconds of one clock, which never goes back; where it does, it is taken as standing still.

    Every permit is told once. A permit of an earlier era (before it opened, or was closed again) says nothing any more.
    """

    def __init__(self, limits: Limits = USUAL) -> None:
        self.limits = limits
        self.opened = 0
        """How many times it has opened."""
        self._state: State = "closed"
        self._era = 0
        self._numbers = 0
        self._now = float("-inf")
        self._latest: deque[tuple[float, Verdict]] = deque()
        self._count: dict[Verdict, int] = dict.fromkeys(("good", "slow", "bad"), 0)
        self._row = 0
        self._until = 0.0
        self._pause = limits.pause
        self._probes: dict[int, float] = {}
        """Those under way, with the time they began."""
        self._good = 0

    def state(self, now: float) -> State:
        """What it is at `now`."""
        self._advance(now)
        return self._state

    def retry_after(self, now: float) -> float:
        """Seconds until it may let a request through; 0 where it may now."""
        return max(0.0, self._until - self._now) if self.state(now) == "open" else 0.0

    def ask(self, now: float) -> Permit | None:
        """Whether a request may go at `now`; the permit must be told how it went."""
        state = self.state(now)
        if state == "open" or (state == "probing" and len(self._probes) >= self.limits.probes):
            return None
        self._numbers += 1
        if state == "probing":
            self._probes[self._numbers] = self._now
        return Permit(self._era, self._numbers, state == "probing")

    def tell(self, permit: Permit, verdict: Verdict, now: float) -> None:
        """How the request of `permit` went."""
        self._advance(now)
        if permit.era != self._era:
            return
        if not permit.probe:
            self._count_in(verdict)
        elif self._probes.pop(permit.number, None) is not None:
            self._probed(verdict)

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)
        if self._state == "open" and self._now >= self._until:
            self._state, self._good = "probing", 0
        elif self._state == "probing" and any(
            self._now - began >= self.limits.patience for began in self._probes.values()
        ):
            self._open()

    def _count_in(self, verdict: Verdict) -> None:
        if verdict == "none":
            return
        limits, count = self.limits, self._count
        self._latest.append((self._now, verdict))
        count[verdict] += 1
        while self._latest[0][0] < self._now - limits.window:
            count[self._latest.popleft()[1]] -= 1
        self._row = self._row + 1 if verdict == "bad" else 0
        all_, bad = len(self._latest), count["bad"]
        shares = bad >= limits.bad_share * all_ or bad + count["slow"] >= limits.slow_share * all_
        if self._row >= limits.in_a_row or (all_ >= limits.least and shares):
            self._pause = limits.pause
            self._open()

    def _probed(self, verdict: Verdict) -> None:
        if verdict == "good":
            self._good += 1
            if self._good >= self.limits.closing:
                self._enter("closed")
        elif verdict != "none":
            self._open()

    def _open(self) -> None:
        """The pause is the current one; the next is twice as long, unless it is closed in between."""
        self._until = self._now + self._pause
        self._pause = min(2 * self._pause, self.limits.longest)
        self.opened += 1
        self._enter("open")

    def _enter(self, state: State) -> None:
        self._state = state
        self._era += 1
        self._row = 0
        self._latest.clear()
        self._count = dict.fromkeys(("good", "slow", "bad"), 0)
        self._probes.clear()


class Breakers:
    """A breaker for each model, made when it is first asked for."""

    def __init__(self, limits: Limits = USUAL) -> None:
        self._limits = limits
        self._of: dict[str, Breaker] = {}

    def of(self, model: str) -> Breaker:
        """The breaker of the model with this name."""
        return self._of.setdefault(model, Breaker(self._limits))


def verdict(finish: Finish, limits: Limits) -> Verdict:
    """What a finished request says of the model.

    A deadline is the model's fault if it had a fair time; without that, turns that were late before they were asked
    would close the model to all others.
    """
    if finish.reason == "cancelled" or finish.fault in _NOT_THE_MODEL:
        return "none"
    if finish.reason == "error":
        return "bad"
    if finish.reason == "deadline":
        if finish.seconds < limits.fair:
            return "none"
        # Text was flowing and the turn's time was up: under overload that is every turn's fate, with a healthy model.
        return "slow" if finish.fault == "total" and finish.first_seconds is not None else "bad"
    waited = finish.first_seconds if finish.first_seconds is not None else finish.seconds
    return "slow" if waited > limits.slow_first else "good"


_NOT_THE_MODEL: Final = frozenset({"refused"})
