"""Caps in tokens: how much of a pool may be in flight, in all, of one tenant, and of replays.

A reservation is a handle: it is returned when its `with` block ends, however it ends, and if somebody loses the
handle itself. Nothing is stored, so a process that dies leaves nothing reserved.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

Lane = Literal["live", "replay"]
Full = Literal["tenant", "pool"]
"""What has no room: the tenant's own cap, or the pool (also the part of it that replays may have)."""


@dataclass(frozen=True, slots=True)
class Caps:
    """everything, tenant, replay: tokens in flight in all, of one tenant in a lane, of all replays.

    of: instead of `tenant`, for those named. A tenant's replays do not count against what it may have live.
    turns: how many turns at once, whatever their tokens. Raises ValueError, naming the field, where one is below 1.
    """

    everything: int
    tenant: int
    turns: int
    replay: int
    of: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = {"everything": self.everything, "tenant": self.tenant, "turns": self.turns, "replay": self.replay}
        for name, value in {**named, **{f"of.{tenant}": cap for tenant, cap in self.of.items()}}.items():
            if value < 1:
                raise ValueError(f"caps: {name} is {value}; give at least 1")

    def most_of(self, tenant: str, lane: Lane) -> int:
        """Tokens that a single turn of the tenant may have in order to ever be let in."""
        most = min(self.everything, self.of.get(tenant, self.tenant))
        return most if lane == "live" else min(most, self.replay)


@dataclass(slots=True)
class _Held:
    tenant: str
    lane: Lane
    tokens: int
    then: Callable[[int | None], None] | None
    open: bool = True


class Admission:
    """Counts what is in flight. Each operation is O(1); memory is bounded by what is in flight. For one thread."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.tokens = 0
        self.turns = 0
        self.replay = 0
        self.lost = 0
        """Reservations whose handle was dropped without being closed: 0, or there is a bug in the caller."""
        self._of: dict[tuple[str, Lane], int] = {}
        self._dropped: deque[_Held] = deque()

    def full(self, tenant: str, lane: Lane, tokens: int) -> Full | None:
        """What stands in the way of `tokens` more; None if nothing does."""
        caps = self.caps
        if self._of.get((tenant, lane), 0) + tokens > caps.of.get(tenant, caps.tenant):
            return "tenant"
        if self.turns >= caps.turns or self.tokens + tokens > caps.everything:
            return "pool"
        return "pool" if lane == "replay" and self.replay + tokens > caps.replay else None

    def reserve(
        self, tenant: str, lane: Lane, tokens: int, then: Callable[[int | None], None] | None = None
    ) -> Reservation | Full:
        """Takes `tokens` out of the caps until the reservation is closed, or says what is full.

        then: called once when they are back, with the tokens really used, None if that is not known.
        """
        self.collect()
        full = self.full(tenant, lane, tokens)
        if full is not None:
            return full
        held = _Held(tenant, lane, tokens, then)
        self._change(held, 1)
        return Reservation(self, held)

    def of(self, tenant: str, lane: Lane = "live") -> int:
        """Tokens of the tenant in flight in a lane."""
        return self._of.get((tenant, lane), 0)

    def used(self) -> float:
        """The share of the caps that is taken, of tokens or of turns, whichever is more; 0 to 1."""
        return max(self.tokens / self.caps.everything, self.turns / self.caps.turns)

    def collect(self) -> None:
        """Returns the reservations whose handles were lost.

        The garbage collector may find them in the middle of any operation, so it only notes them, for this call.
        """
        while self._dropped:
            held = self._dropped.popleft()
            self.lost += 1
            self._give_back(held, None)

    def _change(self, held: _Held, sign: int) -> None:
        self.tokens += sign * held.tokens
        self.turns += sign
        self.replay += sign * held.tokens if held.lane == "replay" else 0
        key = (held.tenant, held.lane)
        left = self._of.get(key, 0) + sign * held.tokens
        if left:
            self._of[key] = left
        else:
            self._of.pop(key, None)

    def _give_back(self, held: _Held, used: int | None) -> None:
        if not held.open:
            return
        held.open = False
        self._change(held, -1)
        if held.then is not None:
            held.then(used)


class Reservation:
    """Tokens of the caps in the hands of one turn. Close it once; again does nothing. Use it in a `with` block."""

    def __init__(self, admission: Admission, held: _Held) -> None:
        self._admission = admission
        self._held = held
        self._if_lost = weakref.finalize(self, admission._dropped.append, held)
        self._if_lost.atexit = False

    @property
    def tokens(self) -> int:
        """What is reserved."""
        return self._held.tokens

    def settle(self, used: int) -> None:
        """Returns the reservation; `used`: the tokens of prompt and reply that there really were."""
        self._close(used)

    def close(self) -> None:
        """Returns the reservation without knowing what was used."""
        self._close(None)

    def _close(self, used: int | None) -> None:
        self._if_lost.detach()
        self._admission._give_back(self._held, used)

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
