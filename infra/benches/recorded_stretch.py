"""What customers said in a stretch of the log, and when: the conversations and the arrival curve of a rehearsal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from infra.benches.arrivals import from_microseconds
from infra.benches.frame import BenchError
from infra.recordings import Recorded, Said
from schemas.catalogue import MESSAGES
from schemas.codec import Codec, Undecodable
from schemas.events import LIVE, MessageReceived
from streams.log import Place
from streams.replay.kafka_stretch import KafkaSource
from streams.replay.stretch import Window

REHEARSAL: Final = "rehearsal-"
"""How the tenants of rehearsals begin; what they wrote is no customer's, and is not rehearsed again."""
APART: Final = 3
"""Tenants that keep their own policy; what others' customers sent is sent as the largest one's."""


@dataclass(frozen=True)
class Traffic:
    """What one tenant's customers sent. times: when each message arrived, seconds from the first of all tenants."""

    tenant: str
    talks: tuple[Recorded, ...]
    times: tuple[float, ...]


def traffic_of(bootstrap: str, codec: Codec, window: Window, tenant: str | None = None) -> list[Traffic]:
    """The customers' messages of the window, the largest tenant first; each once, however often it lies there.

    tenant: only its. Raises BenchError where there is none, KafkaException where the broker does not answer.
    """
    found = [
        (at, message)
        for at, message in _messages(bootstrap, codec, window)
        if message.meta.tenant_id == (tenant or message.meta.tenant_id)
    ]
    if not found:
        whose = f" of tenant {tenant!r}" if tenant else ""
        raise BenchError(f"--from, --to: the log has no customer's message{whose} in that time; name another time")
    return by_tenant(found)


def by_tenant(found: Iterable[tuple[int, MessageReceived]]) -> list[Traffic]:
    """Messages with their log times (microseconds UTC) as traffic, the largest tenant first."""
    once: dict[str, tuple[int, MessageReceived]] = {}
    for at, message in found:
        once.setdefault(message.meta.event_id, (at, message))
    ordered = sorted(once.values(), key=lambda each: each[0])
    of: dict[str, list[tuple[float, MessageReceived]]] = defaultdict(list)
    for second, (_, message) in zip(from_microseconds(at for at, _ in ordered), ordered, strict=True):
        of[message.meta.tenant_id].append((second, message))
    largest = sorted(of, key=lambda name: (-len(of[name]), name))
    given = [second for name in largest[APART:] for second, _ in of[name]]
    traffic = []
    for name in largest[:APART]:
        times = sorted([second for second, _ in of[name]] + (given if name == largest[0] else []))
        traffic.append(Traffic(name, tuple(_talks(message for _, message in of[name])), tuple(times)))
    return traffic


def of_recording(tenant: str, talks: Sequence[Recorded], times: Iterable[float]) -> list[Traffic]:
    """Conversations of a file, which says no times, at times that were made."""
    return [Traffic(tenant, tuple(talks), tuple(times))]


def _talks(found: Iterable[MessageReceived]) -> Iterator[Recorded]:
    """The sessions, each as a recorded conversation of its customer's messages."""
    sessions: dict[str, list[MessageReceived]] = defaultdict(list)
    for message in found:
        sessions[message.meta.session_id].append(message)
    for name, said in sessions.items():
        first = said[0]
        turns = tuple(Said("customer", message.text) for message in said)
        yield Recorded(name, "und", turns, None, first.channel, first.customer, first.entry_path)


def _messages(bootstrap: str, codec: Codec, window: Window) -> Iterator[tuple[int, MessageReceived]]:
    source = KafkaSource(bootstrap)
    held = source.spans((MESSAGES,))
    starts, ends = (source.offsets_at(list(held), at) for at in window)
    spans: dict[Place, tuple[int, int]] = {
        place: (max(first, starts[place]), min(end, ends[place])) for place, (first, end) in held.items()
    }
    for (topic, _), raw in source.raws(spans):
        try:
            event = codec.decode(topic, raw.value)
        except Undecodable:
            continue
        mine = event.meta.tenant_id.startswith(REHEARSAL)
        if isinstance(event, MessageReceived) and event.meta.run_id == LIVE and not mine:
            yield raw.appended_at, event
