"""The replies as one gateway sees them: in order, once, to whoever waits; kept a while for those who ask again.

Those under way are shown to readers of streams as far as they are made, under the same order. Everything here runs on
the event loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from schemas.codec import Codec
from schemas.events import LIVE, Meta, ReplyPartial, ScenarioRouted
from streams.channels.delivery import Delivery
from streams.channels.drafts import SECOND, Draft, Drafts
from streams.channels.subscription import Reply, Subscription
from streams.channels.tail import Read


class _Stored(NamedTuple):
    """A reply as its bytes: a third of the memory of the event."""

    tenant: str
    session: str
    id: str
    turn_id: str
    topic: str
    value: bytes
    appended_at: int


class ReplyHub:
    """Waiters, subscriptions and the store of replies.

    keep, horizon: how many replies are kept, and for how many seconds of log time, for retried requests and readers
    that come back. A kept reply takes about a kilobyte.
    """

    def __init__(
        self,
        codec: Codec,
        clock: Callable[[], int],
        keep: int = 100_000,
        horizon: float = 900,
        queue: int = 256,
    ) -> None:
        self._codec = codec
        self._clock = clock
        self._keep = keep
        self._horizon = round(horizon * SECOND)
        self._queue = queue
        self._delivery: Delivery[Read] = Delivery()
        self._drafts = Drafts()
        self._of_turn: OrderedDict[str, _Stored] = OrderedDict()
        self._of_session: dict[tuple[str, str], deque[_Stored]] = {}
        self._order: deque[_Stored] = deque()
        self._waiters: dict[tuple[str, str], list[asyncio.Future[Reply | None]]] = {}
        self._subscriptions: dict[tuple[str, str], set[Subscription]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._ending = False
        self.delivered = 0

    def take(self, batch: Iterable[Read]) -> None:
        """Replies as they were read."""
        now = self._clock()
        for read in batch:
            if read.event.meta.run_id == LIVE:
                for out in self._delivery.take(read, now):
                    self._deliver(out)
        self._set_timer()

    def take_partials(self, batch: Iterable[Read]) -> None:
        """Pieces of replies under way, as they were read; what comes after its turn's reply is dropped."""
        now = self._clock()
        for read in batch:
            event = read.event
            if isinstance(event, ReplyPartial) and self._is_open(event.meta):
                self._show(self._drafts.take(event, now), now)
        for draft in self._drafts.let_go(now):
            for subscription in self._subscriptions.get(draft.key, ()):
                subscription.forget(draft.turn_id)
        self._set_timer()

    def take_routes(self, batch: Iterable[Read]) -> None:
        """Routes as they were read: a turn's place among its session's is known from there."""
        now = self._clock()
        for read in batch:
            event = read.event
            if isinstance(event, ScenarioRouted) and self._is_open(event.meta):
                self._show(self._drafts.routed(event, now), now)
        self._set_timer()

    def reply_to(self, tenant: str, turn_id: str) -> Reply | None:
        """The reply that a turn got, if it is still kept."""
        stored = self._of_turn.get(turn_id)
        return self._event(stored) if stored is not None and stored.tenant == tenant else None

    async def wait(self, tenant: str, turn_id: str, seconds: float) -> Reply | None:
        """A turn's reply, waited for up to `seconds`; None when it did not come, or the gateway is about to stop."""
        if (reply := self.reply_to(tenant, turn_id)) is not None or self._ending:
            return reply
        waiter: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        key = (tenant, turn_id)
        self._waiters.setdefault(key, []).append(waiter)
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except TimeoutError:
            return None
        finally:
            left = [w for w in self._waiters.get(key, ()) if w is not waiter]
            if left:
                self._waiters[key] = left
            else:
                self._waiters.pop(key, None)

    def subscribe(self, tenant: str, session: str, after: str | None = None) -> Subscription:
        """The session's replies from now on; with `after`, the id of the last one seen, the kept ones since come first.

        An `after` that is not kept any more gives all that are. What there is of a reply under way follows, from its
        beginning.
        """
        key = (tenant, session)
        subscription = Subscription(key, self._queue)
        if after is not None:
            kept = list(self._of_session.get(key, ()))
            last = next((i for i, s in enumerate(kept) if s.id == after), -1)
            for stored in kept[last + 1 :][-self._queue :]:
                subscription.put(self._event(stored))
        for draft in self._drafts.of_session(key):
            if draft.shown:
                subscription.show(draft)
        self._subscriptions.setdefault(key, set()).add(subscription)
        if self._ending:
            subscription.end()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        there = self._subscriptions.get(subscription.key)
        if there is not None:
            there.discard(subscription)
            if not there:
                del self._subscriptions[subscription.key]

    @property
    def open_streams(self) -> int:
        return sum(map(len, self._subscriptions.values()))

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def end_streams(self) -> None:
        """The gateway stops: readers are told to come back."""
        for subscription in [s for group in self._subscriptions.values() for s in group]:
            subscription.end()

    def end_waits(self) -> None:
        """Those who still wait get no reply from this gateway; a retried request finds it at the next."""
        self._ending = True
        for waiter in [w for waiters in self._waiters.values() for w in waiters]:
            if not waiter.done():
                waiter.set_result(None)
        self.end_streams()

    def _deliver(self, read: Read) -> None:
        reply: Reply = read.event
        meta = reply.meta
        self.delivered += 1
        self._store(read)
        self._drafts.close(meta.tenant_id, meta.turn_id or "")
        key = (meta.tenant_id, meta.session_id)
        for waiter in self._waiters.pop((meta.tenant_id, meta.turn_id or ""), ()):
            if not waiter.done():
                waiter.set_result(reply)
        for subscription in self._subscriptions.get(key, ()):
            subscription.put(reply)
        for draft in self._drafts.of_session(key):
            if not draft.shown:
                self._show(draft, self._clock())

    def _is_open(self, meta: Meta) -> bool:
        return meta.run_id == LIVE and meta.turn_id not in self._of_turn

    def _show(self, draft: Draft | None, now: int) -> None:
        """Shows what is new of a draft, unless something is owed before it, or that is not known yet."""
        if draft is None:
            return
        if not draft.shown:
            place = self._drafts.place(draft)
            if place is None:
                return  # the route comes
            if self._delivery.holds(draft.key, *place, now):
                self._drafts.hold(draft, place)
                return
            draft.shown = True
        for subscription in self._subscriptions.get(draft.key, ()):
            subscription.show(draft)

    def _store(self, read: Read) -> None:
        meta = read.event.meta
        key = (meta.tenant_id, meta.session_id)
        stored = _Stored(*key, meta.event_id, meta.turn_id or "", read.topic, read.value, read.appended_at)
        self._of_turn.setdefault(stored.turn_id, stored)
        kept = self._of_session.get(key)
        if kept is None:
            kept = self._of_session[key] = deque()
        kept.append(stored)
        self._order.append(stored)
        while len(self._order) > self._keep or self._order[0].appended_at < read.appended_at - self._horizon:
            self._forget(self._order.popleft())

    def _forget(self, stored: _Stored) -> None:
        if self._of_turn.get(stored.turn_id) is stored:
            del self._of_turn[stored.turn_id]
        key = (stored.tenant, stored.session)
        kept = self._of_session[key]
        kept.popleft()  # of a session, the order of storing is the order of keeping
        if not kept:
            del self._of_session[key]

    def _event(self, stored: _Stored) -> Reply:
        event: Reply = self._codec.decode(stored.topic, stored.value)  # type: ignore[assignment]
        return event

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        dues = [due for due in (self._delivery.next_due(), self._drafts.next_due()) if due is not None]
        if dues:
            seconds = max(0.0, (min(dues) - self._clock()) / SECOND)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._clock()
        for read in self._delivery.due(now):
            self._deliver(read)
        for draft in self._drafts.due(now):
            self._show(draft, now)
        self._set_timer()
