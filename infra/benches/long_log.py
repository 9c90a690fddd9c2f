"""A long log, made quickly: the demonstration's conversations go once through the real stages, over the log in memory;
what came of them is then written many times over, each time as other sessions with other ids.

Nothing is encoded again for a copy. Every id in a record is a UUID, and every session's name ends in eight digits, so a
record is the bytes between these places, and a copy of it is the same bytes joined by another number.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Producer

from infra.demo import CONVERSATIONS, TENANTS
from infra.local.errors import StackError
from infra.models.loading import load_intents, load_sentiments, runners
from infra.models.settings import ModelSettings
from infra.models.store import ModelStore
from infra.recordings import Recorded, read_recordings
from infra.tenants import activation, load_tenant
from processors.entities import PatternEntities
from processors.stage import Stage
from schemas.codec import Codec
from schemas.events import Customer
from streams.bus import Bus, Clock
from streams.channels.compose import Sender, message
from streams.control import ControlFold
from streams.kafka_log import KAFKA_LOG
from streams.pipeline import Pipeline
from streams.policies import Policies
from streams.reply import Reply
from streams.reply_cache import LruReplyCache
from streams.routing import Routing
from streams.sink import producer_config
from streams.topology import PROJECTIONS
from streams.understanding import Understanding

HOLE: Final = b"00000000"
"""What a session's name ends in until it is copied."""
_ID: Final = rb"[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
TOPICS: Final = tuple(dict.fromkeys(t for topics in PROJECTIONS.values() for t in topics))
"""What the projections read, and so what the log is made of."""
BETWEEN_TURNS: Final = 20.0
"""Seconds; longer than any deadline, so that every turn is over before the next."""
AWAIT: Final = 120.0


@dataclass(frozen=True)
class Piece:
    """A record with holes: key and value are what lies between them."""

    topic: str
    key: tuple[bytes, ...]
    value: tuple[bytes, ...]

    def copy(self, number: int) -> tuple[bytes, bytes]:
        """Key and value of copy `number` (0 to 2**32 - 1)."""
        hole = b"%08x" % number
        return hole.join(self.key), hole.join(self.value)


def pieces(conversations: Sequence[Recorded] | None = None, models: ModelSettings | None = None) -> list[Piece]:
    """What the stages made of the conversations (None: the demonstration's), in the order in which it came.

    Every turn is answered by the reply stage: what a model would have answered is answered by its fallback. Raises
    StackError where a tenant's folder or a model is refused.
    """
    clock = Clock(time.time_ns() // 1000 - 60_000_000)
    bus, control = Bus(clock.now, codec=Codec()), ControlFold()
    policies = Policies(control)
    _activate(bus, clock)
    pipeline = Pipeline(bus, clock, control, _stages(policies, models or ModelSettings()))
    asked = _asked(read_recordings(CONVERSATIONS) if conversations is None else conversations)
    while asked:
        for say in asked:
            say(bus, clock.now())
        pipeline.run_for(BETWEEN_TURNS, tick=0.5)
        asked = [say for say in asked if say.goes_on]
    pipeline.settle()
    return _cut(bus)


class _Say:
    """A conversation, turn by turn."""

    def __init__(self, recorded: Recorded) -> None:
        session = f"{recorded.conversation_id}-{HOLE.decode()}"
        self._sender = Sender(recorded.tenant or "shop", session, recorded.channel)
        self._customer = recorded.customer or Customer("anonymous")
        self._path = recorded.entry_path
        self._texts = [said.text for said in recorded.turns if said.speaker == "customer"]
        self._next = 0

    @property
    def goes_on(self) -> bool:
        return self._next < len(self._texts)

    def __call__(self, bus: Bus, now: int) -> None:
        name = f"{self._sender.session}-{self._next}"
        bus.append(message(self._sender, self._texts[self._next], name, now, self._customer, self._path))
        self._next += 1


def _asked(conversations: Sequence[Recorded]) -> list[_Say]:
    return [say for say in map(_Say, conversations) if say.goes_on]


def _activate(bus: Bus, clock: Clock) -> None:
    for folder in sorted(p for p in TENANTS.iterdir() if (p / "policy.yaml").is_file()):
        tenant = load_tenant(folder)
        if isinstance(tenant, tuple):
            raise StackError("\n".join(map(str, tenant)))
        bus.append(activation(tenant, clock.now() - 1_000_000, clock.now()))


def _stages(policies: Policies, models: ModelSettings) -> dict[str, Stage]:
    where, store = runners(models), ModelStore(TENANTS.parent)
    return {
        "intent": Understanding.intent(load_intents(store.find(models.intent), where)),
        "sentiment": Understanding.sentiment(load_sentiments(store.find(models.sentiment), where)),
        "entities": Understanding.entities(PatternEntities()),
        "routing": Routing(policies),
        "reply": Reply(policies, LruReplyCache()),
    }


def _cut(bus: Bus) -> list[Piece]:
    """The log's records, in the order of their times, cut at their holes."""
    found = []
    for place in bus.places(TOPICS):
        for entry in bus.entries(place, 0, bus.end(place)):
            if entry.key is not None and entry.value is not None:
                found.append((entry.appended_at, TOPICS.index(place[0]), entry.key, entry.value))
    return [Piece(TOPICS[topic], _between(key), _between(value)) for _, topic, key, value in sorted(found)]


_HOLES: Final = re.compile(rb"(?<=-)" + HOLE + rb"|" + _ID)


def _between(whole: bytes) -> tuple[bytes, ...]:
    return tuple(_HOLES.split(whole))


def copies(made: Sequence[Piece], records: int, first: int = 0) -> Iterator[tuple[str, bytes, bytes]]:
    """Topic, key and value of so many records: copy after copy, the last one perhaps cut short."""
    number, left = first, records
    while left > 0:
        for piece in made[:left]:
            yield piece.topic, *piece.copy(number)
        left -= len(made)
        number += 1


def write(
    bootstrap: str,
    made: Sequence[Piece],
    records: int,
    first: int = 0,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> None:
    """Appends so many records, in copies numbered from `first` on. Returns when the broker has every one.

    Raises StackError where it does not take them all.
    """
    config = {**producer_config(bootstrap), "linger.ms": 50, "batch.size": 1 << 20}
    producer = Producer(config, logger=KAFKA_LOG)
    for done, (topic, key, value) in enumerate(copies(made, records, first)):
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        if done % 10_000 == 0:
            producer.poll(0)
            progress(done, records)
    if left := producer.flush(AWAIT):
        raise StackError(f"the broker has not taken {left} records in {AWAIT:.0f} s")
    progress(records, records)
