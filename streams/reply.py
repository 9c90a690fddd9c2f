"""The reply stage: answers the turns it owns at once, and watches over the others until their deadline.

An open turn is one that somebody else owes an answer. If none has come by its deadline, the customer gets the fallback,
under the id that the owner's answer would have had: of two there is one. What was answered before a restart is seen in
chat.replies, which is read to its end before anything is answered.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Final

from processors.outcomes import Drop, Emit, Outcome, Retry
from processors.replying import ReplyCache, answer, fallback
from processors.stage import Context
from schemas.catalogue import REPLIES, ROUTES
from schemas.events import Record, ScenarioRouted
from streams.held import Held, Recent
from streams.policies import Policies, Version

SECOND: Final = 1_000_000
MARGIN: Final = 250_000
"""Microseconds that an end offset may run behind the append times."""
NO_DEADLINE: Final = 30 * SECOND
"""After the append time, for a route that says none."""
PATIENCE: Final = 2 * SECOND
"""How long past its deadline a turn waits for a policy that this process has not seen yet."""

REPEAT: Final = Drop("repeat")
NOT_A_TURN: Final = Drop("not_a_turn")
HUMAN: Final = Drop("human")
ANSWERED: Final = Drop("answered")
AN_ANSWER: Final = Drop("an_answer")


class Reply:
    """The keeper. `seconds` is the clock that measures how long an answer took.

    expiry: how far chat.routes is read past an answer without a route (seconds of log time) before it is let go.
    remember: how long a redelivered route is recognised as answered (seconds of log time).
    """

    name = "reply"

    def __init__(
        self,
        policies: Policies,
        cache: ReplyCache,
        expiry: float = 10.0,
        remember: float = 300.0,
        seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._policies = policies
        self._cache = cache
        self._expiry = int(expiry * SECOND)
        self._remember = int(remember * SECOND)
        self._seconds = seconds

    def open(self, partition: int, start: Mapping[str, int]) -> ReplyState:
        answers = Answers(start[ROUTES], start[REPLIES], self._expiry, self._remember)
        return ReplyState(self._policies, self._cache, answers, self._seconds)

    def ready(self, context: Context) -> Retry | None:
        self._policies.prepare()
        return None if self._policies.fresh() else Retry(0.5, "control_log_unseen")


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


class ReplyState:
    """What the reply stage remembers of one partition."""

    def __init__(
        self, policies: Policies, cache: ReplyCache, answers: Answers, seconds: Callable[[], float]
    ) -> None:
        self._policies = policies
        self._cache = cache
        self._answers = answers
        self._seconds = seconds
        self._mine: deque[Record] = deque()
        self._open: dict[str, Record] = {}
        self._deadlines: list[tuple[int, int, Record]] = []

    def recover(self, record: Record) -> None:
        """Nothing: the stage has no changelog."""

    def read(self, record: Record, context: Context) -> Outcome | None:
        topic, _, offset, appended_at, event = record
        turn = event.meta.turn_id or ""
        if topic == REPLIES:
            if self._answers.reply(turn, offset, appended_at):
                route = self._open.pop(turn, None)
                if route is not None:
                    self._answers.close(turn, route.offset, route.appended_at)
            return AN_ANSWER
        if type(event) is not ScenarioRouted or event.owner == "human":
            self._answers.pass_over(topic, offset, appended_at)
            return HUMAN if type(event) is ScenarioRouted else NOT_A_TURN
        useless = self._answers.route(turn, offset, appended_at)
        if useless is not None:
            return ANSWERED if useless == "answered" else REPEAT
        if event.owner == "reply":
            self._mine.append(record)
        else:
            self._open[turn] = record
            heappush(self._deadlines, (_deadline(record), offset, record))
        return None

    def skip(self, topic: str, offset: int, appended_at: int) -> None:
        self._answers.pass_over(topic, offset, appended_at)

    def due(self, context: Context) -> Iterator[Outcome]:
        if not self._answers.caught_up:
            return
        began = self._seconds()
        waiting: deque[Record] = deque()
        while self._mine:
            record = self._mine.popleft()
            route = _route(record)
            if self._answers.is_answered(route.meta.turn_id or ""):
                yield self._closed(record, ANSWERED)
                continue
            start = self._seconds()
            now = context.now + int((start - began) * SECOND)
            version = self._version(record, now)
            if version is None:
                waiting.append(record)
                continue
            remaining = (_deadline(record) - now) / SECOND
            reply = answer(route, version.rules, version.knowledge(), self._cache, remaining, now)
            yield self._closed(record, Emit((reply._replace(seconds=self._seconds() - start),)))
        self._mine = waiting
        yield from self._missed(context.now)
        for _ in self._answers.expire():
            pass

    def _missed(self, now: int) -> Iterator[Outcome]:
        """The fallback for turns whose owner has not answered in time."""
        later = []
        while self._deadlines and self._deadlines[0][0] <= now:
            entry = heappop(self._deadlines)
            record = entry[2]
            route = _route(record)
            if self._open.get(route.meta.turn_id or "") is not record:
                continue
            version = self._version(record, now)
            if version is None:
                later.append(entry)
                continue
            del self._open[route.meta.turn_id or ""]
            yield self._closed(record, Emit((fallback(route, version.rules, now),)))
        for entry in later:
            heappush(self._deadlines, entry)

    def _closed(self, record: Record, outcome: Outcome) -> Outcome:
        self._answers.close(record.event.meta.turn_id or "", record.offset, record.appended_at)
        return outcome

    def _version(self, record: Record, now: int) -> Version | None:
        """The version that the route names. Routing may know it a moment before this process does; so wait a little,
        but rather answer by another version than never."""
        route = _route(record)
        version = self._policies.version(route.meta.tenant_id, route.policy, route.knowledge)
        if version is None and now > _deadline(record) + PATIENCE:
            return self._policies.in_force(route.meta.tenant_id, record.appended_at, route.meta.session_id)
        return version

    def overdue(self, context: Context) -> Iterator[str]:
        return self._answers.overdue(context.now)

    def end_seen(self, topic: str, end: int, asked_at: int) -> None:
        self._answers.end_seen(topic, end, asked_at)

    def safe(self) -> Mapping[str, int]:
        return self._answers.safe()


def _route(record: Record) -> ScenarioRouted:
    route = record.event
    assert isinstance(route, ScenarioRouted)
    return route


def _deadline(record: Record) -> int:
    deadline = record.event.meta.deadline_at
    return record.appended_at + NO_DEADLINE if deadline is None else deadline
