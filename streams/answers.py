"""What a stage that answers turns knows of one partition: which turns are answered, and which records it still needs.

chat.routes and chat.replies are read side by side, in any order; a stage's own replies come back to it on the second,
so the first write wins, and work that is done again after a crash finds what it wrote.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Final

from processors.outcomes import Reject
from schemas.catalogue import REPLIES, ROUTES
from schemas.events import Record, ScenarioRouted
from schemas.validation import MAX_DEADLINE, MAX_FUTURE, MAX_NAME
from streams.held import Held, Recent
from streams.policies import Policies, Version

SECOND: Final = 1_000_000
MARGIN: Final = 250_000
"""Microseconds that an end offset may run behind the append times."""
NO_DEADLINE: Final = 30 * SECOND
"""After the append time, for a route that says none."""
LATEST: Final = MAX_DEADLINE + MAX_FUTURE
"""After the append time, for a route that says a later one than a valid message can have."""
PATIENCE: Final = 2 * SECOND
"""How long past its deadline a turn waits for a policy that this process has not seen yet."""


class Answers:
    """Which turns of one partition are answered, and which offsets of the two topics are still needed to know it.

    An answer is needed for as long as its route would be read again after a restart.
    """

    def __init__(self, routes: int, replies: int, expiry: int, remember: int) -> None:
        self._expiry = expiry
        self._routes = Held(routes)
        self._replies = Held(replies)
        self._routes_clock = 0
        self._goal: int | None = None
        self.caught_up = False
        """Whether chat.replies was read to where it ended when first asked."""
        self._routed: Recent[int] = Recent(remember)
        self._answered: Recent[bool] = Recent(remember)
        self._early: dict[str, int] = {}
        self._orphans: deque[tuple[int, str]] = deque()
        self._covering: list[tuple[int, int]] = []

    def pass_over(self, topic: str, offset: int, appended_at: int) -> None:
        """Nothing is needed of this record."""
        if topic == ROUTES:
            self._routes.skip(offset)
            self._routes_clock = max(self._routes_clock, appended_at)
        else:
            self._replies.skip(offset)
            self._look_for_goal()

    def route(self, turn: str, offset: int, appended_at: int) -> str | None:
        """A turn's route was read. None: it wants an answer, and is held until `close`. Else why it does not."""
        self._routes_clock = max(self._routes_clock, appended_at)
        early = self._early.pop(turn, None)
        if early is not None:
            heappush(self._covering, (offset, early))
        if turn in self._routed:
            self._routes.skip(offset)
            return "repeat"
        self._routed.put(turn, offset, appended_at)
        if turn in self._answered:
            self._routes.skip(offset)
            return "answered"
        self._routes.add(offset)
        return None

    def reply(self, turn: str, offset: int, appended_at: int) -> bool:
        """An answer was read. Whether it is the first that is known of this turn."""
        new = turn not in self._answered
        if new:
            self._answered.put(turn, True, appended_at)
        route = self._routed.get(turn)
        if route is None and new:
            self._replies.add(offset)
            self._early[turn] = offset
            self._orphans.append((appended_at, turn))
        elif route is not None and route >= self._routes.safe():
            self._replies.add(offset)
            heappush(self._covering, (route, offset))
        else:
            self._replies.skip(offset)
        self._look_for_goal()
        return new

    def recover(self, turn: str, appended_at: int) -> None:
        """The log has an answer to this turn: should its route come again, nothing is owed."""
        self._answered.put(turn, True, appended_at)

    def is_answered(self, turn: str) -> bool:
        return turn in self._answered

    def close(self, turn: str, offset: int, appended_at: int) -> None:
        """The turn of the route at `offset` is answered, by us or by its owner."""
        self._answered.put(turn, True, appended_at)
        self._routes.drop(offset)

    def expire(self) -> Iterator[str]:
        """Answers that are let go: chat.routes was read far past them, and their routes lie before its beginning."""
        orphans = self._orphans
        while orphans and (orphans[0][1] not in self._early or self._routes_clock > orphans[0][0] + self._expiry):
            _, turn = orphans.popleft()
            offset = self._early.pop(turn, None)
            if offset is not None:
                self._replies.drop(offset)
                yield turn

    def overdue(self, now: int) -> Iterator[str]:
        """The topics whose end must be asked for."""
        if not self.caught_up and self._goal is None:
            yield REPLIES
        orphans = self._orphans
        if orphans and self._routes_clock <= orphans[0][0] + self._expiry < now - MARGIN:
            yield ROUTES

    def end_seen(self, topic: str, end: int, asked_at: int) -> None:
        """Where a topic's partition ended at `asked_at`."""
        if topic == REPLIES:
            if self._goal is None:
                self._goal = end
            self._look_for_goal()
        elif self._routes.next >= end:
            self._routes_clock = max(self._routes_clock, asked_at)

    def _look_for_goal(self) -> None:
        self.caught_up = self.caught_up or (self._goal is not None and self._replies.next >= self._goal)

    def safe(self) -> dict[str, int]:
        """Topic to the offset that may be committed."""
        routes = self._routes.safe()
        covering = self._covering
        while covering and covering[0][0] < routes:
            self._replies.drop(heappop(covering)[1])
        return {ROUTES: routes, REPLIES: self._replies.safe()}


def route_of(record: Record) -> ScenarioRouted:
    """The decision that the record holds."""
    route = record.event
    assert isinstance(route, ScenarioRouted)
    return route


def deadline_of(record: Record) -> int:
    """Until when the turn wants an answer (microseconds UTC): never later than a message may ask for."""
    deadline = record.event.meta.deadline_at
    return record.appended_at + NO_DEADLINE if deadline is None else min(deadline, record.appended_at + LATEST)


def given_up(record: Record, now: int) -> Reject | None:
    """What becomes of a turn for which there is no version, when it was waited for long enough; None until then. It
    would be held for ever otherwise, and the offsets of everybody after it with it."""
    if now <= deadline_of(record) + PATIENCE:
        return None
    tenant = record.event.meta.tenant_id[:MAX_NAME]
    detail = f"no policy of tenant {tenant} is active; activate one with: spillway policy activate"
    return Reject(record, "unknown_tenant", detail)


def version_of(policies: Policies, record: Record, now: int) -> Version | None:
    """The version that the route names. Routing may know it a moment before this process does; so wait a little (None),
    but rather answer by another version than never."""
    route = route_of(record)
    version = policies.version(route.meta.tenant_id, route.policy, route.knowledge)
    if version is None and now > deadline_of(record) + PATIENCE:
        return policies.in_force(route.meta.tenant_id, record.appended_at, route.meta.session_id)
    return version
