"""The record source: reads co-partitioned topics as a member of a group, with what is kept for each partition.

It is synchronous and knows no Faust. The stages' source stands on it with three threads, a projection's loop with one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Generic, NamedTuple, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.kafka_log import KAFKA_LOG, is_fatal
from streams.ownership import Hand, Ownership, Place

S = TypeVar("S")
Config = Mapping[str, str | int | float | bool]
OpenStates = Callable[[Mapping[int, Mapping[str, int]]], Mapping[int, S]]
CloseStates = Callable[[Mapping[int, S]], None]
Positions = Callable[[Collection[Place]], Mapping[Place, int]]

FIRST, END = -2, -1
"""What stands for the first and the next offset where Kafka is asked for the offset at a time."""
PATIENCE = 60.0
"""Seconds for which a broker that does not answer is asked again."""
AGAIN = 0.1

log = logging.getLogger(__name__)


GATHER = 0.005
"""Seconds that a batch which is not full waits for company. Each batch costs the broker a produce and a commit, so at a
few hundred messages a second five stages that took them one by one would keep it busier than at thousands."""


class OffsetsGone(RuntimeError):
    """A known position lies outside the log. Nobody but an operator may decide to jump."""


class Batch(NamedTuple):
    """Messages without errors, as they came. None of them: a tick. `epochs`: what was owned when it was read."""

    number: int
    messages: list[Message]
    epochs: Mapping[Place, int]


def consumer_config(bootstrap: str, group: str, instance: str | None = None) -> dict[str, str | int | float | bool]:
    """How a member of a group reads: quickly, without jumping, partition n of every topic at the same member."""
    config: dict[str, str | int | float | bool] = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "group.protocol": "consumer",
        "group.remote.assignor": "range",
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        # Only bounds a fetch that finds nothing. Asking for offsets queues behind it, so not longer; not shorter, since
        # idle stages would keep the broker busy.
        "fetch.wait.max.ms": 20,
        "fetch.message.max.bytes": 4 << 20,
        "queued.min.messages": 20_000,
        "queued.max.messages.kbytes": 32_768,
        "log.connection.close": False,
    }
    return config if instance is None else {**config, "group.instance.id": instance}


class PartitionedReader(Generic[S]):
    """A member of `group`, reading `topics`, all with the same number of partitions.

    open_states: called with {partition: {topic: the offset it will be read from}} before anything of these is read;
        gives what is kept for each, which is dropped when the partition is lost.
    close_states: called with what was kept for the partitions that are lost.
    positions: where to start, for one who keeps positions elsewhere; what it does not name starts where the log
        begins. None: at the group's committed offset; a partition without one starts where the log begins.
    grace: seconds that a revocation waits for a batch in hand.

    `start`, `read`, `pause` and `close` belong to one thread, which also runs both callables. `hand`, `commit` and
    `ends` may be called from another.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        *,
        open_states: OpenStates[S],
        close_states: CloseStates[S] | None = None,
        positions: Positions | None = None,
        instance: str | None = None,
        config: Config | None = None,
        grace: float = 20.0,
    ) -> None:
        self.group, self.topics = group, tuple(topics)
        self.ownership: Ownership[S] = Ownership(topics)
        self.assigned = False
        """Whether it has had partitions, with what is kept for them. A member for whom none are left never has."""
        self._open_states, self._positions, self._grace = open_states, positions, grace
        self._close_states = close_states
        settings = {**consumer_config(bootstrap, group, instance), **(config or {})}
        self._consumer = Consumer(settings, logger=KAFKA_LOG)
        self._paused = False
        self._number = 0

    def start(self) -> None:
        """Joins the group; partitions come while `read` is called."""
        self._consumer.subscribe(
            list(self.topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def read(self, limit: int, wait: float) -> Batch:
        """At most `limit` messages: the first within `wait` seconds, with what comes in the moment after it.

        Raises OffsetsGone, KafkaException when reading cannot go on, and what the callables raise.
        """
        first = self._consumer.poll(wait)
        found = [] if first is None else [first, *self._consumer.consume(limit - 1, GATHER)]
        messages = [m for m in found if m.error() is None]
        if len(messages) < len(found):
            for message in found:
                self._look_at(message.error(), message)
        self._number += 1
        return Batch(self._number, messages, self.ownership.epochs)

    def idle(self) -> None:
        """Keeps the membership alive while paused."""
        if any(m.error() is None for m in self._consumer.consume(1, 0)):
            raise RuntimeError("a message came while reading was paused")

    def hand(self, batch: Batch) -> AbstractContextManager[Hand[S]]:
        """What of the batch may be worked on; a revocation waits until it is given back."""
        return self.ownership.hand(batch.epochs)

    def commit(self, batch: Batch, offsets: Mapping[Place, int], patience: float = PATIENCE) -> None:
        """Commits what is still owned as it was when the batch was read; the rest is its new owner's.

        Blocks until the broker has it. Raises KafkaException when it does not take it for `patience` seconds.
        """
        end = time.monotonic() + patience
        failed: list[KafkaError] = []

        def write(live: Mapping[Place, int]) -> None:
            failed.clear()
            try:
                asked = [TopicPartition(*place, offset) for place, offset in live.items()]
                done = self._consumer.commit(offsets=asked, asynchronous=False)
                failed.extend(p.error for p in done or () if p.error)
            except KafkaException as err:
                failed.append(err.args[0])

        while self.ownership.commit(batch.epochs, offsets, write) and failed:
            # Fenced for up to a heartbeat, or the broker is away: while the partition is ours, it is asked again.
            log.warning("%s: commit: %s", self.group, failed[0])
            if is_fatal(failed[0]) or time.monotonic() > end:
                raise KafkaException(failed[0])
            time.sleep(AGAIN)

    def ends(self, places: Collection[Place], timeout: float = 2.0) -> dict[Place, int]:
        """The offset after the last, of each place; in one request. Raises KafkaException."""
        return self._offsets(places, END, timeout)

    def offsets_since(self, places: Collection[Place], since: int, timeout: float = 10.0) -> dict[Place, int]:
        """The first offset appended at or after `since` (microseconds), of each place; END where there is none."""
        return self._offsets(places, since // 1000, timeout)

    def lag(self) -> dict[Place, int]:
        """How many records lie unread, as of the last answer of the broker; places never read from are left out."""
        epochs = self.ownership.epochs
        lag = {}
        for p in self._consumer.position([TopicPartition(*place) for place in epochs]):
            if p.offset >= 0:
                _, high = self._consumer.get_watermark_offsets(p, cached=True)
                lag[p.topic, p.partition] = max(0, high - p.offset)
        return lag

    def pause(self, on: bool) -> None:
        """Stops or goes on fetching. Throws away what was prefetched: only for when nothing is read for long."""
        self._paused = on
        self._say_pause(self._whole_places())

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def member_id(self) -> str:
        """What the group calls this member."""
        return self._consumer.memberid()

    def close(self) -> None:
        """Leaves the group, so that others get the partitions at once. Nothing may be in hand."""
        self._consumer.close()

    def _whole_places(self) -> set[Place]:
        epochs = self.ownership.epochs
        return {(topic, n) for n in self.ownership.whole(epochs.keys()) for topic in self.topics}

    def _say_pause(self, places: Collection[Place]) -> None:
        if places:
            (self._consumer.pause if self._paused else self._consumer.resume)([TopicPartition(*p) for p in places])

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gained = {(p.topic, p.partition) for p in partitions}
        owned = self.ownership.epochs.keys() | gained
        complete = self.ownership.whole(owned) & {n for _, n in gained}
        ready = {(topic, n) for n in complete for topic in self.topics}
        starts = self._starts(gained | ready)
        states = self._open_states({n: {t: starts[t, n] for t in self.topics} for n in complete}) if complete else {}
        self.ownership.gain(gained, states)
        consumer.incremental_assign([TopicPartition(*place, starts[place]) for place in sorted(gained)])
        # Owned in one topic, not yet in the others: not read until it is whole, and then from the start.
        if waiting := gained - ready:
            consumer.pause([TopicPartition(*place) for place in waiting])
        for place in ready - gained:
            consumer.seek(TopicPartition(*place, starts[place]))
        # A pause outlives a revocation, so it is always said which.
        self._say_pause(ready)
        self.assigned = True
        log.info("%s: got %s, owns %d partitions", self.group, sorted(complete), len(self.ownership.whole(owned)))

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = {p.partition for p in partitions}
        if not self.ownership.close(numbers, self._grace):
            log.warning("%s: a batch is not done after %.0f s: its partitions go uncommitted", self.group, self._grace)
        self._on_lost(consumer, partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = {(p.topic, p.partition) for p in partitions}
        log.info("%s: gives up %s", self.group, sorted(places))
        lost = self.ownership.lose(places)
        if lost and self._close_states is not None:
            self._close_states(lost)
        consumer.incremental_unassign(partitions)

    def _starts(self, places: Collection[Place]) -> dict[Place, int]:
        """Where to read each place from: its known position, else where the log begins."""
        if not places:
            return {}
        known = self._committed(places) if self._positions is None else self._positions(places)
        firsts, ends = self._offsets(places, FIRST, PATIENCE), self._offsets(places, END, PATIENCE)
        for place, offset in known.items():
            if place in firsts and not firsts[place] <= offset <= ends[place]:
                raise OffsetsGone(self._gone(place, f"{offset}, but the log is {firsts[place]} to {ends[place]}"))
        return {place: known.get(place, firsts[place]) for place in places}

    def _gone(self, place: Place, where: str) -> str:
        return (
            f"{self.group} stands at {place[0]}[{place[1]}] offset {where}: records that were not worked on are gone. "
            "Decide where to go on, and set the group's offsets there (kafka-consumer-groups --reset-offsets), "
            "or rebuild the projection"
        )

    def _committed(self, places: Collection[Place]) -> dict[Place, int]:
        asked = [TopicPartition(*place) for place in places]
        found = _patiently(lambda timeout: self._consumer.committed(asked, timeout=timeout), PATIENCE)
        return {(p.topic, p.partition): p.offset for p in found if p.offset >= 0}

    def _offsets(self, places: Collection[Place], at: int, patience: float) -> dict[Place, int]:
        asked = [TopicPartition(*place, at) for place in places]
        found = _patiently(lambda timeout: self._consumer.offsets_for_times(asked, timeout=timeout), patience)
        return {(p.topic, p.partition): p.offset for p in found}

    def _look_at(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            return
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise OffsetsGone(self._gone((message.topic() or "", message.partition() or 0), f"that is gone ({error})"))
        if is_fatal(error):
            raise KafkaException(error)
        log.warning("%s: %s", self.group, error)


def _patiently(ask: Callable[[float], list[TopicPartition]], patience: float) -> list[TopicPartition]:
    """The answer to `ask(timeout)`, asked again while the broker is away."""
    end = time.monotonic() + patience
    while True:
        left = end - time.monotonic()
        try:
            found = ask(min(10.0, max(0.1, left)))
            failed = next((p.error for p in found if p.error), None)
        except KafkaException as err:
            failed = err.args[0]
        if failed is None:
            return found
        if left <= 0 or not (failed.retriable() or failed.code() in _AWAY):
            raise KafkaException(failed)
        time.sleep(AGAIN)


_AWAY = (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._WAIT_COORD)
