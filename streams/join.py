"""A message meets what was understood of it. Time is the log's, so the same log gives the same turns.

A signal counts if it was appended by its message's time plus the wait. A turn can be decided when it has all its
signals, or when the signals partition has been read past that time: further records, or its end asked for later, show
it. The clock of the process that joins plays no part, so a backlog is joined as it would have been live.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from schemas.catalogue import MESSAGES, SIGNALS
from schemas.events import EntitiesExtracted, Event, IntentDetected, Record, SentimentScored
from streams.held import Held, Recent

KIND: Final[dict[type[Event], int]] = {IntentDetected: 0, SentimentScored: 1, EntitiesExtracted: 2}
MARGIN: Final = 250_000
"""Microseconds that an end offset may run behind the append times: an end is asked for only after them."""

SessionName = tuple[str, str]
Heard = list[tuple[int, Record] | None]


class Item:
    """A record of chat.messages in its session's queue. `deadline`: until when its signals count; None: it waits for
    none. `rejected`: what is wrong with it."""

    __slots__ = ("deadline", "id", "record", "rejected", "session", "settled")

    def __init__(self, record: Record, deadline: int | None, rejected: str | None) -> None:
        meta = record.event.meta
        self.record = record
        self.id = meta.event_id
        self.session: SessionName = (meta.tenant_id, meta.session_id)
        self.deadline = deadline
        self.rejected = rejected
        self.settled = False

    @property
    def is_turn(self) -> bool:
        """Whether it will be decided as a turn. Else it may change a dialogue; what does not leaves no trace in the
        log, so it is not remembered either, and a repeat of it is looked at anew by whoever reads it."""
        return self.deadline is not None or self.rejected is not None


class Ready(NamedTuple):
    """An item that can be decided, and the signals that count, by kind; None where one is missing."""

    item: Item
    signals: tuple[Event | None, Event | None, Event | None]


NO_SIGNALS: Final = (None, None, None)


class Join:
    """The join of one partition. Times are microseconds.

    start: the offsets from which chat.messages and chat.signals will be read. expiry: how far chat.messages is read
    past a signal before it is given up that its message will come. remember: how long repeats are recognised.
    """

    def __init__(self, messages: int, signals: int, wait: int, expiry: int, remember: int) -> None:
        self._wait = wait
        self._expiry = expiry
        self._messages = Held(messages)
        self._signals = Held(signals)
        self._messages_clock = 0
        self._signals_clock = 0
        self._latest_signal = 0
        self._items: dict[str, Item] = {}
        self._queues: dict[SessionName, deque[Item]] = {}
        self._heard: dict[str, Heard] = {}
        self._waiting: deque[Item] = deque()
        self._orphans: deque[tuple[int, str]] = deque()
        self._touched: dict[SessionName, None] = {}
        self._settled: Recent[bool] = Recent(remember)

    def settle(self, id_: str, at: int) -> None:
        """The log has what was decided on the record with this id; `at`: its log time."""
        self._settled.put(id_, True, at)

    def knows(self, id_: str) -> bool:
        """Whether a turn with this id waits here, or a record with it was decided, as the log has it."""
        return id_ in self._items or id_ in self._settled

    def pass_over(self, topic: str, offset: int, appended_at: int) -> None:
        """Nothing is needed of this record; time and position go on."""
        if topic == MESSAGES:
            self._messages.skip(offset)
            self._messages_clock = max(self._messages_clock, appended_at)
        else:
            self._signals.skip(offset)
            self._signal_read(appended_at)

    def _signal_read(self, appended_at: int) -> int:
        """When a signal came: the latest append time so far, so that a log whose clock was set back does not depend on
        the batches in which it is read. What ends were asked for plays no part, since that is a process's clock."""
        if appended_at > self._latest_signal:
            self._latest_signal = appended_at
            if appended_at > self._signals_clock:
                self._signals_clock = appended_at
        return self._latest_signal

    def add(self, record: Record, waits: bool = True, rejected: str | None = None) -> None:
        """A record of chat.messages that this join does not know takes its place in its session's queue."""
        at = record.appended_at
        if at > self._messages_clock:
            self._messages_clock = at
        self._messages.add(record.offset)
        item = Item(record, at + self._wait if waits else None, rejected)
        if item.is_turn:
            self._items[item.id] = item
        queue = self._queues.get(item.session)
        if queue is None:
            self._queues[item.session] = deque((item,))
        else:
            queue.append(item)
        if waits:
            self._waiting.append(item)
            heard = self._heard.get(item.id)
            if heard is not None and None not in heard:
                self._touched[item.session] = None
        else:
            self._touched[item.session] = None

    def hear(self, record: Record, kind: int) -> str | None:
        """A signal. Returns why it is of no use: late (its turn is decided) or repeat; None if it may be used."""
        at = self._signal_read(record.appended_at)
        turn = record.event.meta.turn_id or ""
        heard = self._heard.get(turn)
        if heard is None:
            if turn in self._settled:
                self._signals.skip(record.offset)
                return "late"
            heard = self._heard[turn] = [None, None, None]
            if turn not in self._items:
                self._orphans.append((at, turn))
        elif heard[kind] is not None:
            self._signals.skip(record.offset)
            return "repeat"
        self._signals.add(record.offset)
        heard[kind] = (at, record)
        if None not in heard:
            item = self._items.get(turn)
            if item is not None:
                self._touched[item.session] = None
        return None

    def ready(self) -> Iterator[Ready]:
        """What can be decided now, each session in the order of its log. An item taken from here counts as decided."""
        clock, waiting = self._signals_clock, self._waiting
        while waiting and (waiting[0].settled or clock > (waiting[0].deadline or 0)):
            item = waiting.popleft()
            if not item.settled:
                self._touched[item.session] = None
        touched, self._touched = self._touched, {}
        for session in touched:
            queue = self._queues.get(session)
            if queue is None:
                continue
            while queue:
                item = queue[0]
                signals = self._in_time(item)
                if item.deadline is not None and None in signals and clock <= item.deadline:
                    break
                queue.popleft()
                self._decided(item)
                yield Ready(item, signals)
            if not queue:
                del self._queues[session]

    def _in_time(self, item: Item) -> tuple[Event | None, Event | None, Event | None]:
        heard = self._heard.get(item.id)
        if heard is None or item.deadline is None:
            return NO_SIGNALS
        limit = item.deadline
        a, b, c = heard
        return (
            a[1].event if a is not None and a[0] <= limit else None,
            b[1].event if b is not None and b[0] <= limit else None,
            c[1].event if c is not None and c[0] <= limit else None,
        )

    def _decided(self, item: Item) -> None:
        item.settled = True
        self._messages.drop(item.record.offset)
        if item.is_turn:
            self._settled.put(item.id, True, item.record.appended_at)
            del self._items[item.id]
            self._forget_signals(item.id)

    def _forget_signals(self, turn: str) -> bool:
        heard = self._heard.pop(turn, None)
        for signal in heard or ():
            if signal is not None:
                self._signals.drop(signal[1].offset)
        return heard is not None

    def expired(self) -> Iterator[str]:
        """The turns whose signals are given up, since chat.messages was read far past them and had no such message."""
        orphans = self._orphans
        while orphans and self._messages_clock > orphans[0][0] + self._expiry:
            _, turn = orphans.popleft()
            if turn not in self._items and self._forget_signals(turn):
                yield turn

    def overdue(self, now: int) -> Iterator[str]:
        """The topics whose end must be asked for, since something waits for their time to pass without traffic."""
        waiting, orphans = self._waiting, self._orphans
        while waiting and waiting[0].settled:
            waiting.popleft()
        if waiting and self._signals_clock <= (waiting[0].deadline or 0) < now - MARGIN:
            yield SIGNALS
        while orphans and (orphans[0][1] in self._items or orphans[0][1] not in self._heard):
            orphans.popleft()
        if orphans and self._messages_clock <= orphans[0][0] + self._expiry < now - MARGIN:
            yield MESSAGES

    def end_seen(self, topic: str, end: int, asked_at: int) -> None:
        """The partition of `topic` ended at `end`: once that is read, its clock shows `asked_at`."""
        if topic == SIGNALS and self._signals.next >= end:
            self._signals_clock = max(self._signals_clock, asked_at)
        elif topic == MESSAGES and self._messages.next >= end:
            self._messages_clock = max(self._messages_clock, asked_at)

    def safe(self) -> dict[str, int]:
        """Topic to the offset that may be committed."""
        return {MESSAGES: self._messages.safe(), SIGNALS: self._signals.safe()}
