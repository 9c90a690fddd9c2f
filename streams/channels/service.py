"""What the gateway's routes share: the log on one side, the waiting customers on the other."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CollectorRegistry

from schemas.catalogue import PARTIALS, REPLIES, ROUTES
from schemas.codec import Codec
from schemas.events import Event
from streams.channels.client import wall_clock
from streams.channels.desk import DeskBoard
from streams.channels.drafts import SECOND
from streams.channels.hub import ReplyHub
from streams.channels.keys import Keys, Principal, Role
from streams.channels.limits import RateLimit
from streams.channels.publisher import AsyncPublisher, NotDelivered
from streams.channels.refusals import Refusal, not_delivered, too_fast
from streams.channels.tail import Read, Tail, TailThread

DeadlineFor = Callable[[str, str], float]
"""Tenant and channel to the seconds in which an answer is of use there."""

BATCHES_AHEAD: Final = 2


def ten_seconds(_tenant: str, _channel: str) -> float:
    """The deadline where nothing else is known."""
    return 10.0


@dataclass(frozen=True)
class GatewayOptions:
    """How a gateway runs. Durations in seconds.

    reply_window: how far back replies are read at the start, and how long they are kept for retried requests.
    partial_window: how far back replies under way are read at the start, to show those that are open from their
    beginning: as long as an answer may take.
    desk_window: how far back chat.routes is read at the start, to find the sessions that are handed off.
    patience: after which an event that the broker has not confirmed is answered with 503.
    grace: how long requests that wait for a reply are waited for on SIGTERM.
    """

    reply_window: float = 900.0
    partial_window: float = 120.0
    desk_window: float = 86_400.0
    patience: float = 5.0
    grace: float = 8.0
    keep_replies: int = 100_000


@dataclass
class GatewayService:
    """The running gateway, but for HTTP. `clock`: microseconds UTC."""

    bootstrap: str
    keys: Keys
    deadline_for: DeadlineFor = ten_seconds
    options: GatewayOptions = GatewayOptions()
    clock: Callable[[], int] = wall_clock
    codec: Codec = field(default_factory=Codec)
    registry: CollectorRegistry | None = None
    """What `/metrics` shows; None: the process's own."""

    def __post_init__(self) -> None:
        options = self.options
        self.limit = RateLimit(time.monotonic, of=self.keys.limits)
        self.hub = ReplyHub(self.codec, self.clock, options.keep_replies, options.reply_window)
        self.board = DeskBoard()
        self.publisher = AsyncPublisher(self.bootstrap, self.codec, options.patience)
        self._routed = asyncio.Event()
        self._stopping = threading.Event()
        self.replies = self._follow(REPLIES, options.reply_window, self._take_replies)
        self.routes = self._follow(ROUTES, options.desk_window, self._take_routes)
        self.partials = self._follow(PARTIALS, options.partial_window, self.hub.take_partials, self.replies)

    def start(self) -> None:
        """Begins to follow the log; the event loop is the running one."""
        self._loop = asyncio.get_running_loop()
        self.publisher.start()
        self.replies.start()
        self.routes.start()
        self.partials.start()

    async def stop(self) -> None:
        """Lets go of the log, after what is under way was confirmed or given up."""
        self.hub.end_waits()
        self._stopping.set()
        for tail in (self.replies, self.routes, self.partials):
            await asyncio.to_thread(tail.stop)
        await self.publisher.close()

    async def ready(self) -> str | None:
        """None when it can serve; otherwise what is missing."""
        if not (self.replies.alive and self.routes.alive and self.partials.alive):
            return "a reader of the log has ended"
        if not self.replies.caught_up:
            return "still reading back the replies of the last minutes"
        return None if await self.publisher.answers() else "the broker does not answer"

    def who(self, key: str | None, *roles: Role) -> Principal:
        """Whom a key stands for. Raises Refusal: 401 without a key that is known, 403 where its role does not do."""
        principal = self.keys.who(key) if key else None
        if principal is None:
            remedy = "send the tenant's key as: Authorization: Bearer KEY"
            raise Refusal(401, "no known key", remedy, headers={"WWW-Authenticate": "Bearer"})
        if principal.role not in roles:
            raise Refusal(403, f"a {principal.role} key may not do this", f"use a key of the role {' or '.join(roles)}")
        return principal

    def admit(self, principal: Principal) -> None:
        """Takes a token of the tenant's bucket. Raises Refusal with 429."""
        if wait := self.limit.take(principal.tenant):
            raise too_fast(wait)

    async def publish(self, event: Event, **ids: str) -> None:
        """Returns when the log has the event. Raises Refusal with 503, and the ids, when that is not known."""
        try:
            await self.publisher.publish(event)
        except NotDelivered as why:
            raise not_delivered(why, **ids) from why

    async def on_board(self, seconds: float, there: Callable[[], bool]) -> bool:
        """Waits up to `seconds` until the desk's board shows what `there` looks for; it runs a little behind."""
        try:
            async with asyncio.timeout(seconds):
                while not there():
                    self._routed.clear()
                    await self._routed.wait()
        except TimeoutError:
            return False
        return True

    def _follow(
        self, topic: str, window: float, take: Callable[[list[Read]], None], after: TailThread | None = None
    ) -> TailThread:
        """Follows a topic. `after`: what is read back first, so that nothing that it has already ended is shown."""
        room = threading.Semaphore(BATCHES_AHEAD)

        def make() -> Tail:
            return Tail(self.bootstrap, (topic,), self.codec, self.clock() - round(window * SECOND))

        def deliver(batch: list[Read]) -> None:
            while after is not None and not after.wait_caught_up(0.5):
                if self._stopping.is_set():
                    return
            self._hand_over(room, take, batch)

        return TailThread(make, deliver, f"tail {topic}")

    def _hand_over(self, room: threading.Semaphore, take: Callable[[list[Read]], None], batch: list[Read]) -> None:
        """From a tail's thread to the loop, once a batch, and never more than the loop keeps up with."""
        while not room.acquire(timeout=0.5):
            if self._stopping.is_set():
                return
        self._loop.call_soon_threadsafe(self._on_loop, room, take, batch)

    def _on_loop(self, room: threading.Semaphore, take: Callable[[list[Read]], None], batch: list[Read]) -> None:
        room.release()
        take(batch)

    def _take_replies(self, batch: list[Read]) -> None:
        self.hub.take(batch)
        for read in batch:
            self.board.see(read.event)

    def _take_routes(self, batch: list[Read]) -> None:
        for read in batch:
            self.board.see(read.event)
        self.hub.take_routes(batch)
        self._routed.set()
