"""A stretch of the log in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from schemas.codec import Codec
from streams.bus import Bus
from streams.log import Place
from streams.replay.extent import TAIL, extent_of, from_first, gaps_of
from streams.replay.source import Raw, Span
from streams.replay.source_stretch import SourceStretch
from streams.replay.stretch import Selection, Window

EVER = Window(0, 250_000_000_000_000_000)


class BusSource:
    """The bus, as a stretch reads a log. `forgotten`: of a place, the first offset that retention has left."""

    def __init__(self, bus: Bus, forgotten: Mapping[Place, int] | None = None) -> None:
        self._bus = bus
        self._forgotten = dict(forgotten or {})

    def spans(self, topics: Collection[str]) -> dict[Place, Span]:
        """See Source."""
        return {p: (self._forgotten.get(p, 0), self._bus.end(p)) for p in self._bus.places(topics)}

    def offsets_at(self, places: Collection[Place], at: int) -> dict[Place, int]:
        """See Source."""
        found = {}
        for place in places:
            first, end = self._forgotten.get(place, 0), self._bus.end(place)
            entries = enumerate(self._bus.entries(place, first, end - first), first)
            found[place] = next((offset for offset, entry in entries if entry.appended_at >= at), end)
        return found

    def raws(self, spans: Mapping[Place, Span]) -> Iterator[tuple[Place, Raw]]:
        """See Source."""
        for place, (first, end) in spans.items():
            for offset, entry in enumerate(self._bus.entries(place, first, end - first), first):
                yield place, Raw(offset, entry.appended_at, entry.key, entry.value, entry.event)

    def describe(self) -> Mapping[str, Any]:
        """See Source."""
        return {"kind": "memory"}


class BusStretch(SourceStretch):
    """A stretch of a bus; of all that is in it, where no window is given.

    stretch = BusStretch.of(talk.bus)
    """

    @classmethod
    def of(
        cls,
        bus: Bus,
        window: Window = EVER,
        selection: Selection = Selection(),  # noqa: B008
        tail: float = TAIL,
        forgotten: Mapping[Place, int] | None = None,
    ) -> BusStretch:
        """The stretch, as the bus is now. A window that begins at 0 begins with the first message that is left."""
        source = BusSource(bus, forgotten)
        extent = extent_of(source, from_first(source, window), tail)
        return cls.chosen(source, bus.codec or Codec(), extent, selection, gaps_of(source, extent))

    @classmethod
    def from_description(cls, bus: Bus, description: Mapping[str, Any]) -> BusStretch:
        """The stretch of this bus that gave this description."""
        return cls.described(BusSource(bus), bus.codec or Codec(), description)
