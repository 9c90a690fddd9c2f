"""Mistakes to be found: each is a part of the product with one thing wrong, put in at the places that `Product` has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from processors.conversation import Fact
from processors.outcomes import Outcome
from processors.stage import Context
from schemas.catalogue import MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.events import DialogueState, Record
from streams.answers import Answers
from streams.channels.delivery import Delivery
from streams.join import Join, SessionName
from streams.log import Place
from streams.policies import Policies
from streams.reply import Reply, ReplyState
from streams.reply_cache import LruReplyCache
from streams.routing import Routing, RoutingState, Sessions
from streams.testing.simulation import AnalyticsStore, Hand, Product, SessionStore
from streams.testing.simulation.product import Shown
from streams.testing.simulation.stores import Away


class CommitsBeforeDelivery(Hand):
    """Commits as soon as it has produced, and then waits for the delivery reports."""

    def decided(self, anything: bool) -> None:
        super().decided(anything)
        self.commit()


class AcknowledgesOnException(Hand):
    """Goes on after a record was not confirmed, as if it had been."""

    def undelivered(self) -> None:
        self.phase = "sending" if self.wires else "sent"


class PositionBeforeRows(SessionStore):
    """Moves the positions in a transaction of their own, before the rows."""

    def write(
        self, facts: Sequence[tuple[Place, int, Fact | None]], old: Mapping[Place, int], new: Mapping[Place, int]
    ) -> None:
        fault, self.fault = self.fault, ""
        self.begin(old, new)
        self.move(new)
        if fault == "after":
            raise Away
        self.put_facts(facts)


class RowsWithoutPosition(SessionStore):
    """Folds the rows in, and moves the positions in a transaction of their own, after them."""

    def write(
        self, facts: Sequence[tuple[Place, int, Fact | None]], old: Mapping[Place, int], new: Mapping[Place, int]
    ) -> None:
        fault, self.fault = self.fault, ""
        self.put_facts(facts)
        if fault == "after":
            raise Away
        self.begin(old, new)
        self.move(new)


class NoFence(SessionStore):
    """Does not look whether another has moved the positions."""

    def begin(self, old: Mapping[Place, int], new: Mapping[Place, int]) -> None:
        pass


class ListsFirst(AnalyticsStore):
    """Lists what it has before it has it."""

    def write(
        self, facts: Sequence[tuple[Place, int, Fact | None]], old: Mapping[Place, int], new: Mapping[Place, int]
    ) -> None:
        self.index.update((*place, offset) for place, offset, _ in facts)
        super().write(facts, old, new)


class LatestIsCurrent(Sessions):
    """Takes for a session's state what lies last in the log, be it a zombie's late word on an earlier turn."""

    def recover(self, session: SessionName, state: DialogueState) -> None:
        self.put(session, state, state.last_turn_at)


class CommitsSignalsAsRead(RoutingState):
    """Commits what it has read of the signals, also while their turns wait."""

    def safe(self) -> Mapping[str, int]:
        return {**super().safe(), SIGNALS: self._join._signals.next}


class CommitsMessagesAsRead(RoutingState):
    """Commits what it has read of the messages, also while they wait."""

    def safe(self) -> Mapping[str, int]:
        return {**super().safe(), MESSAGES: self._join._messages.next}


class RecoversNothing(RoutingState):
    """Begins without the past."""

    def recover(self, record: Record) -> None:
        pass


class BelievesItsOwnClock(RoutingState):
    """Takes the time of its process for that of the log."""

    def overdue(self, context: Context) -> Iterator[str]:
        self._join._signals_clock = max(self._join._signals_clock, context.now)
        return super().overdue(context)


class UsesWhatIsThere(RoutingState):
    """Takes signals that came too late, if it happens to have them."""

    def read(self, record: Record, context: Context) -> Outcome | None:
        outcome = super().read(record, context)
        for heard in self._join._heard.values():
            heard[:] = [(0, signal[1]) if signal is not None else None for signal in heard]
        return outcome


class CommitsRoutesAsRead(ReplyState):
    """Commits what it has read of the routes, also while turns are open."""

    def safe(self) -> Mapping[str, int]:
        return {**super().safe(), ROUTES: self._answers._routes.next}


class WatchesNoDeadline(ReplyState):
    """Leaves turns to their owner for ever."""

    def _missed(self, now: int) -> Iterator[Outcome]:
        return iter(())


class IsImpatient(ReplyState):
    """Takes a turn for overdue when it is not."""

    def _missed(self, now: int) -> Iterator[Outcome]:
        return super()._missed(now + 1_000_000)


class ShowsRepeats(Delivery[Shown]):
    """Forgets what it has shown."""

    def take(self, reply: Shown, now: int) -> list[Shown]:
        self._seen.clear()
        return super().take(reply, now)


class ShowsAsItComes(Delivery[Shown]):
    """Does not wait for the reply to the turn before."""

    def take(self, reply: Shown, now: int) -> list[Shown]:
        return [*super().take(reply, now), *super().due(1 << 62)]


class BrokenRouting(Routing):
    """Routing with such a state."""

    def __init__(self, state: type[RoutingState], policies: Policies) -> None:
        super().__init__(policies)
        self._broken = state

    def open(self, partition: int, start: Mapping[str, int]) -> RoutingState:
        join = Join(start[MESSAGES], start[SIGNALS], *self._times)
        return self._broken(self._policies, self._decider, join, Sessions(self._policies))


class BrokenReply(Reply):
    """The reply stage with such a state."""

    def __init__(self, state: type[ReplyState], policies: Policies) -> None:
        super().__init__(policies, LruReplyCache(), seconds=lambda: 0.0)
        self._broken = state

    def open(self, partition: int, start: Mapping[str, int]) -> ReplyState:
        answers = Answers(start[ROUTES], start[REPLIES], self._expiry, self._remember)
        return self._broken(self._policies, self._cache, answers, self._seconds)


def latest_is_current(policies: Policies) -> Routing:
    """Routing with such sessions."""
    return Routing(policies, dialogues=LatestIsCurrent)


NAMED: Final[dict[str, Callable[[], Product]]] = {
    "commit before delivery": lambda: Product(hand=CommitsBeforeDelivery),
    "acknowledge on exception": lambda: Product(hand=AcknowledgesOnException),
    "state applied without its position": lambda: Product(session_store=RowsWithoutPosition),
    "position moved before its state": lambda: Product(session_store=PositionBeforeRows),
    "a signal's offset committed before its turn": partial(
        Product, routing=partial(BrokenRouting, CommitsSignalsAsRead)
    ),
    "a zombie router's late output taken for newer": lambda: Product(routing=latest_is_current),
}
"""Mistakes that systems of this kind have had."""
OTHERS: Final[dict[str, Callable[[], Product]]] = {
    "positions without a fence": lambda: Product(session_store=NoFence),
    "listed before it is stored": lambda: Product(analytics_store=ListsFirst),
    **{state.__name__: partial(Product, routing=partial(BrokenRouting, state)) for state in (
        CommitsMessagesAsRead, RecoversNothing, BelievesItsOwnClock, UsesWhatIsThere,
    )},
    **{state.__name__: partial(Product, reply=partial(BrokenReply, state)) for state in (
        CommitsRoutesAsRead, WatchesNoDeadline, IsImpatient,
    )},
    "replies shown again": lambda: Product(delivery=ShowsRepeats),
    "replies shown as they come": lambda: Product(delivery=ShowsAsItComes),
}  # fmt: skip
"""Mistakes of single parts."""
EVERY: Final = {**NAMED, **OTHERS}
