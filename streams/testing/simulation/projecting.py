"""A projection's process for one partition number: reads a batch, folds it into its store, and then the next."""

from __future__ import annotations

from typing import Final

from processors.conversation import Fact, fact
from schemas.events import Record
from schemas.validation import wrong_event
from streams.bus import Bus
from streams.log import Place
from streams.testing.simulation.stores import Away, Store
from streams.testing.simulation.telling import Tell
from streams.topology import PROJECTIONS

Facts = list[tuple[Place, int, Fact | None]]
LIMITS: Final = (2, 5, 20, 500)


class FactsOfLog:
    """The facts in the log. A record gives the same fact whoever reads it, so each is made once."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._known: dict[Place, list[Fact | None]] = {}

    def read(self, place: Place, start: int, end: int) -> list[Fact | None]:
        """Those of the offsets from `start` to before `end`; None: there is nothing to fold."""
        known = self._known.setdefault(place, [])
        if len(known) < end:
            known.extend(map(_fact_of, self._bus.read(place, len(known), end - len(known))))
        return known[start:end]


def _fact_of(record: object) -> Fact | None:
    if isinstance(record, Record) and wrong_event(record.event, record.appended_at) is None:
        return fact(record)
    return None


class Projecting:
    """One life of it. Raises Fenced where another has taken over, which ends it."""

    def __init__(self, name: str, n: int, store: Store, bus: Bus, facts: FactsOfLog, tell: Tell) -> None:
        self.name, self.partition = name, n
        self._store, self._bus, self._facts, self._tell = store, bus, facts, tell
        known = store.positions()
        self._positions = {(topic, n): known.get((topic, n), 0) for topic in PROJECTIONS[name]}
        self._batch: tuple[Facts, dict[Place, int], dict[Place, int]] | None = None
        self._unsure = False

    def step(self, amount: int) -> bool:
        """Reads, or writes what was read. False: there is nothing to do."""
        if self._batch is None:
            self._batch = self._read(LIMITS[amount & 3])
            return self._batch is not None
        facts, old, new = self._batch
        if self._unsure and all(self._store.positions().get(p) == o for p, o in new.items()):
            self._written(new)
            return True
        try:
            self._store.write(facts, old, new)
        except Away:
            self._unsure = True
            if self._tell:
                self._tell(f"the store of {self.name} is lost while partition {self.partition} is written")
            return True
        self._written(new)
        return True

    def _read(self, limit: int) -> tuple[Facts, dict[Place, int], dict[Place, int]] | None:
        facts: Facts = []
        new: dict[Place, int] = {}
        for place, start in self._positions.items():
            end = min(self._bus.end(place), start + limit)
            if end > start:
                facts.extend((place, start + i, f) for i, f in enumerate(self._facts.read(place, start, end)))
                new[place] = end
        return (facts, {place: self._positions[place] for place in new}, new) if new else None

    def _written(self, new: dict[Place, int]) -> None:
        self._positions.update(new)
        self._batch, self._unsure = None, False


