"""The queue before a pool: fair by tokens across tenants, live before replay, bounded in tokens and in time.

Nothing here waits or reads a clock: the stage passes the time in, and does what it is told. A turn that is shed
comes back with a reason of the ladder's (docs/ladder.md), and the stage answers it with a lower rung.

    shed = queue.offer(turn, now)        # each is answered by a lower rung
    taken, shed = queue.take(now)        # after an offer, and after a turn is over, until there is none
    with taken.reservation as held:      # in the task that generates
        ... generate ...
        held.settle(prompt_tokens + reply_tokens)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from processors.ladder import Reason, Wait
from streams.generation.admission import Admission, Full, Reservation
from streams.generation.admission import Lane as LaneName
from streams.generation.expiry import Expiry
from streams.generation.lane import Lane, Turn
from streams.generation.speed import Turnover

_LIGHTEST, _HEAVIEST = 0.1, 10.0
_CAUTION = 1.6
"""A turn is refused if it could not wait so many times as long as predicted: else half of them would wait in vain."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """everything, tenant: tokens that may wait, of each lane, in all and of one tenant. wait: seconds a turn may wait.

    quantum: tokens a tenant of weight 1 is served in a round; about what a turn costs. weights: 0.1 to 10; a tenant
    that is not named has 1. replay_share: what replays may have of the tokens served even while live turns wait.
    Raises ValueError, naming the field, where a value is out of range.
    """

    everything: int
    tenant: int
    wait: float
    quantum: int = 512
    weights: Mapping[str, float] = field(default_factory=dict)
    replay_share: float = 0.0

    def __post_init__(self) -> None:
        for name in ("everything", "tenant", "wait", "quantum"):
            if getattr(self, name) <= 0:
                raise ValueError(f"bounds: {name} is {getattr(self, name)}; give more than 0")
        for tenant, weight in self.weights.items():
            if not _LIGHTEST <= weight <= _HEAVIEST:
                raise ValueError(f"bounds: weights.{tenant} is {weight}; give {_LIGHTEST} to {_HEAVIEST}")
        if not 0 <= self.replay_share < 1:
            raise ValueError(f"bounds: replay_share is {self.replay_share}; give 0 up to, not including, 1")


class Shed(NamedTuple):
    """A turn that the queue does not serve. `reason` belongs on its reply."""

    turn: Turn
    reason: Reason


class Taken(NamedTuple):
    """`turn` may begin now. Close `reservation` when it is over, best in a `with` block; the session waits for it."""

    turn: Turn
    reservation: Reservation


class FairQueue:
    """Turns that wait for one pool. Each operation is O(1) amortised, memory is bounded by `bounds`. For one thread."""

    def __init__(self, bounds: Bounds, admission: Admission, turnover: Turnover) -> None:
        self._bounds = bounds
        self._admission = admission
        self._turnover = turnover
        self._lanes: dict[LaneName, Lane] = {
            "live": Lane(bounds.quantum, bounds.weights),
            "replay": Lane(bounds.quantum, bounds.weights),
        }
        self._waiting: dict[str, tuple[Turn, float]] = {}
        self._begun: dict[str, float] = {}
        self._ended: list[Turn] = []
        self._expiry = Expiry()
        self._owed_to_replay = 0.0

    @property
    def waiting(self) -> int:
        """How many turns wait."""
        return len(self._waiting)

    def waiting_tokens(self, lane: LaneName = "live") -> int:
        """Tokens that wait in a lane."""
        return self._lanes[lane].tokens

    def pressure(self, turn: Turn) -> float:
        """How much of the pool the tenant has taken and waits for, by what is its share of it now; 1 is all of that.

        Never more than the same of everybody together: a tenant in an idle pool presses nobody. Only who is above
        its share is asked to have its lower classes yield.
        """
        lane, held = self._lanes[turn.lane], self._admission
        own = held.of(turn.tenant, turn.lane) + lane.of(turn.tenant)
        everyone = held.used() + lane.tokens / held.caps.everything
        return min(everyone, own / (held.caps.everything * lane.share(turn.tenant)))

    def wait(self, turn: Turn, now: float) -> Wait:
        """What the turn would probably wait: what is before it, at the rate at which the pool takes turns through.

        The tenant's own turns come at its share of that rate, though never later than if all that waits came first,
        and never faster than its cap lets them. What the first turn of its class has waited, the new one waits
        too: by this a lower class sees how many of the higher ones come in between.
        """
        self._learn(now)
        lane = self._lanes[turn.lane]
        rank = lane.rank_of(turn)
        own = lane.ahead(turn.tenant, rank)
        everyone = lane.tokens + (self._lanes["live"].tokens if turn.lane == "replay" else 0)
        blocked = self._admission.full(turn.tenant, turn.lane, turn.most)
        if not own and blocked is None:
            return Wait()
        caps = self._admission.caps
        rate = self._turnover.rate(caps.everything, caps.turns)
        capped = self._turnover.rate(caps.most_of(turn.tenant, turn.lane), caps.turns)
        seconds = min((own + turn.cost) / (rate * lane.share(turn.tenant)), (everyone + turn.cost) / rate)
        first = lane.first(turn.tenant, rank)
        waited = now - self._waiting[first.turn_id][1] if first is not None else 0.0
        seconds = max(seconds, own / capped, waited)
        mine = blocked == "tenant" or 2 * own > everyone
        return Wait(seconds, "tenant_share" if mine else "queue")

    def offer(self, turn: Turn, now: float) -> list[Shed]:
        """Takes a turn in, or not: returns what is shed for it or instead of it, itself among it if it is refused.

        A turn is refused if it can never be let in, if it is predicted to begin too late, or if there is no room.
        For a turn of a higher class its tenant's newest turns of the lowest class make room. Raises ValueError if
        the turn waits or runs here already.
        """
        self._admission.collect()
        shed = self.expire(now)
        if turn.turn_id in self._waiting or turn.turn_id in self._begun:
            raise ValueError(f"turn {turn.turn_id} waits or runs already: offer each turn once")
        turn = turn._replace(start_by=min(turn.start_by, now + self._bounds.wait))
        reason = self._refused(turn, now)
        if reason is not None:
            return [*shed, Shed(turn, reason)]
        shed += self._make_room(turn)
        self._waiting[turn.turn_id] = (turn, now)
        self._expiry.add(turn)
        self._lanes[turn.lane].add(turn)
        return shed

    def expire(self, now: float) -> list[Shed]:
        """Sheds the turns that can no longer begin in time. Call it now and then while nothing else happens."""
        self._learn(now)
        late = list(self._expiry.late(now))
        for turn in late:
            del self._waiting[turn.turn_id]
            self._lanes[turn.lane].remove(turn)
        return [Shed(turn, "waited_too_long") for turn in late]

    def take(self, now: float) -> tuple[Taken | None, list[Shed]]:
        """The next turn that may begin, and what was shed on the way. None until there is room, or another turn.

        Ask again whenever a turn was offered or a reservation was closed, until the answer is None.
        """
        self._admission.collect()
        shed = self.expire(now)
        turn = self._next()
        if turn is None:
            return None, shed
        del self._waiting[turn.turn_id]
        self._expiry.remove(turn)
        self._begun[turn.turn_id] = now
        over = partial(self._over, turn)
        reservation = self._admission.reserve(turn.tenant, turn.lane, turn.most, over)
        assert isinstance(reservation, Reservation), "there was room a moment ago"
        return Taken(turn, reservation), shed

    def withdraw(self, turn_id: str) -> Turn | None:
        """Takes out a turn whose customer has left; None if it does not wait here."""
        if turn_id not in self._waiting:
            return None
        turn, _ = self._waiting.pop(turn_id)
        self._expiry.remove(turn)
        self._lanes[turn.lane].remove(turn)
        return turn

    def _next(self) -> Turn | None:
        live = self._lanes["live"].tokens
        order: tuple[LaneName, ...] = ("live", "replay")
        if live and self._owed_to_replay >= self._bounds.quantum:
            order = ("replay", "live")
        for name in order:
            turn = self._lanes[name].take(self._full)
            if turn == "pool" and name == "live":
                return None
            if isinstance(turn, Turn):
                self._credit_replay(turn, live > 0)
                return turn
        return None

    def _credit_replay(self, turn: Turn, live_waits: bool) -> None:
        share = self._bounds.replay_share
        if turn.lane == "live" and self._lanes["replay"].tokens:
            self._owed_to_replay += turn.cost * share / (1 - share)
        elif turn.lane == "replay" and live_waits:
            self._owed_to_replay = max(0.0, self._owed_to_replay - turn.cost)

    def _full(self, turn: Turn) -> Full | None:
        return self._admission.full(turn.tenant, turn.lane, turn.most)

    def _refused(self, turn: Turn, now: float) -> Reason | None:
        if turn.most > self._admission.caps.most_of(turn.tenant, turn.lane) or turn.cost > self._bounds.tenant:
            return "too_long"
        if self._expiry.is_late(turn, now):
            return "too_late"
        wait = self.wait(turn, now)
        if now + wait.seconds * _CAUTION > turn.start_by:
            return wait.because
        missing, why = self._missing(turn)
        lane = self._lanes[turn.lane]
        return why if missing > lane.lower(turn.tenant, lane.rank_of(turn)) else None

    def _missing(self, turn: Turn) -> tuple[int, Reason]:
        """Tokens that must make room before the turn can wait, and what is full.

        A tenant may have no more waiting than there is free room left for others, so however much one sends, it
        fills half at most, two fill two thirds, and a tenant that sends little always finds room.
        """
        lane, bounds = self._lanes[turn.lane], self._bounds
        own = lane.of(turn.tenant) + turn.cost
        free = bounds.everything - lane.tokens - turn.cost
        fair = own - (free + turn.cost) if own > turn.cost else 0
        own_room, all_room = own - bounds.tenant, max(fair, -free)
        return (own_room, "tenant_queue_full") if own_room >= all_room else (all_room, "queue_full")

    def _make_room(self, turn: Turn) -> list[Shed]:
        lane = self._lanes[turn.lane]
        rank, shed = lane.rank_of(turn), list[Shed]()
        while self._missing(turn)[0] > 0:
            victim = lane.newest(turn.tenant, rank)
            assert victim is not None, "there were enough of lower classes"
            self.withdraw(victim.turn_id)
            shed.append(Shed(victim, "made_room"))
        return shed

    def _over(self, turn: Turn, used: int | None) -> None:
        """A reservation is closed: the session may go on, and its tenant's turns that were held are tried again."""
        self._ended.append(turn)
        self._lanes[turn.lane].done(turn, used)
        self._lanes[turn.lane].room(turn.tenant)

    def _learn(self, now: float) -> None:
        """A reservation that is closed does not know the time: what ended since the last call ended about now."""
        for turn in self._ended:
            self._turnover.ended(turn.cost, turn.most, now - self._begun.pop(turn.turn_id), now)
        self._ended.clear()
