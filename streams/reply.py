"""The reply stage: answers the turns it owns at once, and watches over the others until their deadline.

An open turn is one that somebody else owes an answer. If none has come by its deadline, the customer gets what a fast
rung has, else the fallback, under the id that the owner's answer would have had: of two there is one. What was answered
before a restart is seen in chat.replies, which is read to its end before anything is answered.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Final

from processors.outcomes import Drop, Emit, Outcome, Retry
from processors.replying import ReplyCache, answer, fallback, stand_in
from processors.stage import Context
from schemas.catalogue import REPLIES, ROUTES
from schemas.events import Record, ReplyProduced, ScenarioRouted
from streams.answers import SECOND, Answers, deadline_of, given_up, route_of, version_of
from streams.policies import Policies, Version

AHEAD: Final = 100_000
"""Microseconds before the deadline at which the fallback is given: time to write it, and less than owners keep free."""

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
            heappush(self._deadlines, (deadline_of(record), offset, record))
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
            route = route_of(record)
            if self._answers.is_answered(route.meta.turn_id or ""):
                yield self._closed(record, ANSWERED)
                continue
            start = self._seconds()
            now = context.now + int((start - began) * SECOND)
            version = version_of(self._policies, record, now)
            if version is None:
                if (rejected := given_up(record, now)) is not None:
                    yield self._closed(record, rejected)
                else:
                    waiting.append(record)
                continue
            remaining = (deadline_of(record) - now) / SECOND
            reply = answer(route, version.rules, version.knowledge(), self._cache, remaining, now)
            yield self._closed(record, Emit((reply._replace(seconds=self._seconds() - start),)))
        self._mine = waiting
        yield from self._missed(context.now)
        for _ in self._answers.expire():
            pass

    def _missed(self, now: int) -> Iterator[Outcome]:
        """Replies to turns whose owner has not answered in time: just before, so that they are in the log by then."""
        later = []
        while self._deadlines and self._deadlines[0][0] <= now + AHEAD:
            entry = heappop(self._deadlines)
            record = entry[2]
            route = route_of(record)
            if self._open.get(route.meta.turn_id or "") is not record:
                continue
            version = version_of(self._policies, record, now)
            if version is None:
                if (rejected := given_up(record, now)) is not None:
                    del self._open[route.meta.turn_id or ""]
                    yield self._closed(record, rejected)
                else:
                    later.append(entry)
                continue
            del self._open[route.meta.turn_id or ""]
            yield self._closed(record, Emit((self._in_its_stead(record, version, now),)))
        for entry in later:
            heappush(self._deadlines, entry)

    def _in_its_stead(self, record: Record, version: Version, now: int) -> ReplyProduced:
        """What the customer gets instead: what a fast rung has, as long as it is not much too late for an answer."""
        route, start = route_of(record), self._seconds()
        if now >= deadline_of(record) + SECOND:
            return fallback(route, version.rules, now)
        reply = stand_in(route, version.rules, version.knowledge(), self._cache, now)
        return reply._replace(seconds=self._seconds() - start)

    def _closed(self, record: Record, outcome: Outcome) -> Outcome:
        self._answers.close(record.event.meta.turn_id or "", record.offset, record.appended_at)
        return outcome

    def overdue(self, context: Context) -> Iterator[str]:
        return self._answers.overdue(context.now)

    def end_seen(self, topic: str, end: int, asked_at: int) -> None:
        self._answers.end_seen(topic, end, asked_at)

    def safe(self) -> Mapping[str, int]:
        return self._answers.safe()
