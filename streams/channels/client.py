"""For channel adapters that publish to Kafka themselves: send messages, and get the replies in order, once each.

    with ChannelClient("localhost:9092", "shop", "wechat") as client:
        turn_id = client.send("conversation 7", "where is my order?", "wx-123", Customer("u1"))
        for reply in client.replies():
            ...

Nothing is acknowledged before the broker confirmed it. `send` waits for that; `post` does not, and many posted messages
share a batch. One thread uses a client.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from schemas.catalogue import REPLIES
from schemas.codec import Codec
from schemas.events import LIVE, AgentReplied, Customer, Event, ReplyProduced
from schemas.identity import SEPARATOR
from streams.channels import compose
from streams.channels.compose import ANONYMOUS, Sender, WrongInput
from streams.channels.delivery import Delivery
from streams.channels.publisher import NotDelivered, Publisher
from streams.channels.tail import Read, Tail, Wanted
from streams.wall_clock import now_micros

__all__ = ["ChannelClient", "NotDelivered", "WrongInput"]

Clock = Callable[[], int]


def wall_clock() -> int:
    """Now, in microseconds UTC."""
    return now_micros()


class ChannelClient:
    """One channel of one tenant.

    deadline: seconds in which an answer is of use on this channel; carried by each message.
    patience: seconds until a message that the broker has not confirmed counts as not delivered.
    replies_since: microseconds UTC from which replies are read; None: from now.
    wanted: of which keys replies are read; None: every session of the tenant.
    """

    def __init__(
        self,
        bootstrap: str,
        tenant: str,
        channel: str,
        deadline: float = 10.0,
        patience: float = 30.0,
        replies_since: int | None = None,
        wanted: Wanted | None = None,
        clock: Clock = wall_clock,
        codec: Codec | None = None,
    ) -> None:
        codec = codec or Codec()
        prefix = f"{tenant}{SEPARATOR}".encode()
        self._tenant = tenant
        self._channel = channel
        self._deadline = deadline
        self._clock = clock
        self._patience = patience
        self._publisher = Publisher(bootstrap, codec, patience)
        self._tail = Tail(bootstrap, (REPLIES,), codec, replies_since, wanted or (lambda key: key.startswith(prefix)))
        self._delivery: Delivery[Read] = Delivery()
        self._opened = False

    def open(self) -> None:
        """Fixes where replies are read from. Raises KafkaException when the broker does not answer."""
        if not self._opened:
            self._tail.open()
            self._opened = True

    def send(
        self,
        session: str,
        text: str,
        channel_message_id: str,
        customer: Customer = ANONYMOUS,
        entry_path: str = "",
        traceparent: str | None = None,
    ) -> str:
        """Publishes a customer's message and waits until the broker has it. Returns the turn's id.

        The same `channel_message_id` again is the same message. Raises WrongInput, NotDelivered.
        """
        event = compose.message(
            self._sender(session), text, channel_message_id, self._clock(), customer, entry_path, traceparent
        )
        self._confirmed(event)
        return event.meta.event_id

    def feedback(
        self, session: str, turn_id: str, turn_started_at: int, score: int, comment: str = "", request: str = "1"
    ) -> None:
        """Publishes what the customer thinks of a reply, -2 to 2. Raises WrongInput, NotDelivered."""
        self._confirmed(
            compose.feedback(self._sender(session), turn_id, turn_started_at, score, comment, request, self._clock())
        )

    def close_session(self, session: str, reason: str = "", request: str = "1") -> None:
        """Publishes that a conversation is over. Raises WrongInput, NotDelivered."""
        self._confirmed(compose.closed(self._sender(session), reason, request, self._clock()))

    def post(self, event: Event, report: Callable[[str | None], None]) -> None:
        """Publishes an event made by `compose` without waiting; `report` follows from `poll`. Raises NotDelivered."""
        self._publisher.publish(event, report)

    def poll(self, seconds: float = 0.0) -> int:
        """Serves the reports of posted events."""
        return self._publisher.poll(seconds)

    def ready_replies(self, seconds: float = 0.0) -> list[Read]:
        """The replies that can go out, in order, waiting up to `seconds` for the first."""
        self.open()
        out: list[Read] = []
        end = time.monotonic() + seconds
        while True:
            due = self._delivery.next_due()
            left = end - time.monotonic()
            wait = left if due is None else min(left, (due - self._clock()) / 1e6)
            for read in self._tail.read(max(0.0, wait)):
                event = read.event
                if isinstance(event, ReplyProduced | AgentReplied) and event.meta.run_id == LIVE:
                    out.extend(self._delivery.take(read, self._clock()))
            out.extend(self._delivery.due(self._clock()))
            if out or time.monotonic() >= end:
                return out

    def replies(self, idle: float | None = None) -> Iterator[ReplyProduced | AgentReplied]:
        """Each reply once, a session's in turn order; ends after `idle` seconds without one."""
        self.open()
        waiting: deque[Read] = deque()
        quiet_since = time.monotonic()
        while True:
            waiting.extend(self.ready_replies(0.2))
            if waiting:
                quiet_since = time.monotonic()
            while waiting:
                yield waiting.popleft().event
            if idle is not None and time.monotonic() - quiet_since >= idle:
                return

    @property
    def caught_up(self) -> bool:
        """Whether the replies that were there when it opened have been read."""
        return self._tail.caught_up

    @property
    def repeats(self) -> int:
        """How many repeated replies were dropped."""
        return self._delivery.repeats

    def close(self, seconds: float = 10.0) -> int:
        """Waits for the reports of what was posted, and closes. Returns how many events stay unconfirmed."""
        left = self._publisher.flush(seconds)
        self._tail.close()
        return left

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _sender(self, session: str) -> Sender:
        return Sender(self._tenant, session, self._channel, self._deadline)

    def _confirmed(self, event: Event) -> None:
        reports: list[str | None] = []
        self._publisher.publish(event, reports.append)
        end = time.monotonic() + self._patience + 1
        while not reports and time.monotonic() < end:
            self._publisher.poll(0.1)
        why = reports[0] if reports else "the broker did not confirm it in time"
        if why is not None:
            raise NotDelivered(why)
