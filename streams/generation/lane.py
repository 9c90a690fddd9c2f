"""Deficit round robin by tokens across the tenants of one lane, by class and session within a tenant.

A tenant is served while it has credit, and is then given its quantum and sent to the end of the ring; the turn that
uses up the credit may overdraw it, so a quantum need not be as large as the largest turn. A tenant that comes back
with credit left goes before the ring: who sends little does not wait for a round of those who send much.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from streams.generation.admission import Full
from streams.generation.admission import Lane as LaneName

RANKS: Final = 4
"""Classes of customers, 0 the highest; more than these count as the lowest."""
_AHEAD: Final = 8
"""Quanta that tenants with credit may use before the ring is served once."""


class Turn(NamedTuple):
    """A turn that wants to be generated.

    cost: tokens it is expected to use, prompt and reply; what fairness is counted in. most: tokens it may use at
    most; what the caps are counted in. start_by: when it must begin at the latest, in seconds of the caller's clock.
    """

    turn_id: str
    tenant: str
    session: str
    cost: int
    most: int
    start_by: float
    rank: int = 0
    lane: LaneName = "live"


class _Session:
    __slots__ = ("busy", "rank", "turns")

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.busy = False
        self.turns: OrderedDict[str, Turn] = OrderedDict()


class _Rank:
    """The turns of one class of a tenant: `ready` are the sessions whose first turn may be taken, in turn."""

    __slots__ = ("ready", "tokens", "turns")

    def __init__(self) -> None:
        self.ready: OrderedDict[str, None] = OrderedDict()
        self.turns: OrderedDict[str, Turn] = OrderedDict()
        self.tokens = 0


class _Tenant:
    __slots__ = ("credit", "in_flight", "name", "place", "ranks", "sessions", "tokens", "weight")

    def __init__(self, name: str, weight: float, credit: float) -> None:
        self.name = name
        self.weight = weight
        self.credit = credit
        self.tokens = 0
        self.in_flight = 0
        self.place: Literal["out", "before", "ring", "held"] = "out"
        self.ranks = tuple(_Rank() for _ in range(RANKS))
        self.sessions: dict[str, _Session] = {}

    def head(self) -> Turn | None:
        """The turn that is next: of the highest class, of the session whose turn it is."""
        return next((first for i in range(RANKS) if (first := self.first(i)) is not None), None)

    def first(self, rank: int) -> Turn | None:
        """The turn that is next in a class."""
        session = next(iter(self.ranks[rank].ready), None)
        return next(iter(self.sessions[session].turns.values())) if session is not None else None


class Lane:
    """The waiting turns of one lane.

    Each operation is O(1), `take` amortised: a tenant is passed by once for each quantum that its turns cost. What
    is kept is bounded by what waits and is in flight: a tenant with neither is forgotten.
    """

    def __init__(self, quantum: int, weights: Mapping[str, float]) -> None:
        self.tokens = 0
        self._quantum = quantum
        self._weights = weights
        self._tenants: dict[str, _Tenant] = {}
        self._before: OrderedDict[str, _Tenant] = OrderedDict()
        self._ring: OrderedDict[str, _Tenant] = OrderedDict()
        self._ahead = 0
        self._weight = 0.0

    def add(self, turn: Turn) -> None:
        """Takes in a turn, behind those of its session. A session stays in one class while it has turns here."""
        tenant = self._tenants.get(turn.tenant)
        if tenant is None:
            tenant = _Tenant(turn.tenant, self._weights.get(turn.tenant, 1.0), 0.0)
            tenant.credit = self._most(tenant)
            self._tenants[turn.tenant] = tenant
        session = tenant.sessions.get(turn.session)
        if session is None:
            session = tenant.sessions[turn.session] = _Session(min(turn.rank, RANKS - 1))
        session.turns[turn.turn_id] = turn
        rank = tenant.ranks[session.rank]
        rank.turns[turn.turn_id] = turn
        self._count(tenant, rank, turn.cost)
        if not session.busy:
            rank.ready[turn.session] = None
            self._enter(tenant)

    def take(self, full: Callable[[Turn], Full | None]) -> Turn | Literal["pool"] | None:
        """The turn that is next, taken out; its session waits for `done`.

        full: what stands in its way, if anything. A tenant at its own cap waits aside for `room`; when the pool is
        full the answer is `pool`, and the same turn is next again: a large one is not overtaken for ever.
        None if no turn can be taken.
        """
        while (line := self._line()) is not None:
            tenant = next(iter(line.values()))
            turn = tenant.head()
            if turn is None:
                self._step_out(tenant, "out")
                continue
            if tenant.credit <= 0:
                self._step_out(tenant, "out")
                self._to_ring(tenant)
                continue
            blocked = full(turn)
            if blocked == "pool":
                return "pool"
            if blocked == "tenant":
                self._step_out(tenant, "held")
                continue
            return self._taken(tenant, turn)
        return None

    def done(self, turn: Turn, used: int | None) -> None:
        """A taken turn is over: its session goes on, and its tenant is charged what was really used."""
        tenant = self._tenants[turn.tenant]
        tenant.in_flight -= 1
        if used is not None:
            tenant.credit = min(self._most(tenant), tenant.credit + turn.cost - used)
        session = tenant.sessions[turn.session]
        session.busy = False
        if session.turns:
            tenant.ranks[session.rank].ready[turn.session] = None
            self._enter(tenant)
        else:
            del tenant.sessions[turn.session]
        self._forget(tenant)

    def room(self, name: str) -> None:
        """A tenant that was at its cap has room again, and goes before the ring with the credit it has."""
        tenant = self._tenants.get(name)
        if tenant is not None and tenant.place == "held":
            self._enter(tenant)

    def remove(self, turn: Turn) -> None:
        """Takes out a waiting turn that is not served here."""
        tenant = self._tenants[turn.tenant]
        session = tenant.sessions[turn.session]
        rank = tenant.ranks[session.rank]
        del session.turns[turn.turn_id]
        self._left(tenant, rank, session, turn)

    def newest(self, name: str, above: int) -> Turn | None:
        """The turn that came last in the tenant's lowest class, if that is below class `above`."""
        for rank in reversed(self._ranks(name)[above + 1 :]):
            if rank.turns:
                return next(reversed(rank.turns.values()))
        return None

    def lower(self, name: str, above: int) -> int:
        """Tokens that wait in the tenant's classes below `above`."""
        return sum(rank.tokens for rank in self._ranks(name)[above + 1 :])

    def ahead(self, name: str, rank: int) -> int:
        """Tokens of the tenant that a new turn of class `rank` waits for: those waiting, and what it has overdrawn."""
        tenant = self._tenants.get(name)
        if tenant is None:
            return 0
        return sum(r.tokens for r in tenant.ranks[: rank + 1]) + max(0, -int(tenant.credit))

    def first(self, name: str, rank: int) -> Turn | None:
        """The turn of the tenant's class that is next in it; None if none could be taken."""
        tenant = self._tenants.get(name)
        return tenant.first(rank) if tenant is not None else None

    def of(self, name: str) -> int:
        """Tokens of the tenant that wait."""
        tenant = self._tenants.get(name)
        return tenant.tokens if tenant is not None else 0

    def share(self, name: str) -> float:
        """The tenant's part of the weights of all who wait, itself among them."""
        tenant = self._tenants.get(name)
        weight = self._weights.get(name, 1.0)
        return weight / (self._weight + (0.0 if tenant is not None and tenant.tokens else weight))

    def rank_of(self, turn: Turn) -> int:
        """The class that the turn has here: its session's, if that has turns already."""
        tenant = self._tenants.get(turn.tenant)
        session = tenant.sessions.get(turn.session) if tenant is not None else None
        return session.rank if session is not None else min(turn.rank, RANKS - 1)

    def credits(self) -> Iterator[tuple[str, float]]:
        """Each known tenant's credit in tokens, for whoever watches the bounds."""
        return ((name, tenant.credit) for name, tenant in self._tenants.items())

    def _line(self) -> OrderedDict[str, _Tenant] | None:
        """Who is next: tenants with credit left, but the ring at least once in `_AHEAD` quanta."""
        if self._before and (not self._ring or self._ahead < _AHEAD * self._quantum):
            return self._before
        return self._ring or None

    def _taken(self, tenant: _Tenant, turn: Turn) -> Turn:
        session = tenant.sessions[turn.session]
        del session.turns[turn.turn_id]
        session.busy = True
        tenant.in_flight += 1
        tenant.credit -= turn.cost
        self._ahead = self._ahead + turn.cost if tenant.place == "before" else 0
        self._left(tenant, tenant.ranks[session.rank], session, turn)
        return turn

    def _left(self, tenant: _Tenant, rank: _Rank, session: _Session, turn: Turn) -> None:
        del rank.turns[turn.turn_id]
        self._count(tenant, rank, -turn.cost)
        if session.busy or not session.turns:
            rank.ready.pop(turn.session, None)
        if not session.busy and not session.turns:
            del tenant.sessions[turn.session]
        if tenant.place == "held":
            self._enter(tenant)
        self._forget(tenant)

    def _count(self, tenant: _Tenant, rank: _Rank, tokens: int) -> None:
        before = tenant.tokens
        tenant.tokens += tokens
        rank.tokens += tokens
        self.tokens += tokens
        if not before or not tenant.tokens:
            self._weight = max(0.0, self._weight + (tenant.weight if tenant.tokens else -tenant.weight))

    def _enter(self, tenant: _Tenant) -> None:
        """Puts a tenant in line unless it stands there; one that was held is tried again."""
        if tenant.place in ("before", "ring"):
            return
        if tenant.credit > 0:
            tenant.place = "before"
            self._before[tenant.name] = tenant
        else:
            self._to_ring(tenant)

    def _to_ring(self, tenant: _Tenant) -> None:
        tenant.credit += self._most(tenant)
        tenant.place = "ring"
        self._ring[tenant.name] = tenant

    def _step_out(self, tenant: _Tenant, place: Literal["out", "held"]) -> None:
        if tenant.place == "before":
            del self._before[tenant.name]
        elif tenant.place == "ring":
            del self._ring[tenant.name]
        tenant.place = place

    def _forget(self, tenant: _Tenant) -> None:
        if not tenant.tokens and not tenant.in_flight:
            self._step_out(tenant, "out")
            del self._tenants[tenant.name]

    def _most(self, tenant: _Tenant) -> float:
        """The credit that a round gives, and the most that is kept."""
        return self._quantum * tenant.weight

    def _ranks(self, name: str) -> tuple[_Rank, ...]:
        tenant = self._tenants.get(name)
        return tenant.ranks if tenant is not None else ()
