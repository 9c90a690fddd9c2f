"""What projections read of a world: every offset of their topics, as it is."""

from __future__ import annotations

from projections.reading import Entry, refused
from streams.log import Unreadable
from streams.testing.fuzzing import World
from streams.topology import PROJECTIONS


def entries_of(world: World) -> list[Entry]:
    """An entry for every offset of the topics that analytics reads."""
    bus, entries = world.talk.bus, []
    for place in bus.places(PROJECTIONS["analytics"]):
        for found in bus.read(place, 0, bus.end(place)):
            if isinstance(found, Unreadable):
                entries.append(Entry(*found[:4], "undecodable", str(found.why), found.key, None))
                continue
            key = bus.key(found)
            wrong = refused(found, key)
            entries.append(Entry(*found[:4], "decoded" if wrong is None else "invalid", wrong or "", key, found))
    return entries
