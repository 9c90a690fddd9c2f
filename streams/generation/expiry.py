"""Turns by the time they must have begun, in ticks: what is late is found without looking at the rest."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

from streams.generation.lane import Turn


class Expiry:
    """A wheel of ticks. Adding and removing are O(1); what is late costs O(1) each, and one look for each tick passed.

    A turn counts as late from the beginning of the tick in which its time is, so up to a tick too early.
    """

    def __init__(self, tick: float = 0.01) -> None:
        self._tick = tick
        self._at: dict[int, dict[str, Turn]] = {}
        self._passed: int | None = None

    def add(self, turn: Turn) -> None:
        """Keeps a turn until it is removed or late."""
        self._at.setdefault(self._due(turn), {})[turn.turn_id] = turn

    def remove(self, turn: Turn) -> None:
        """Forgets a turn that was added."""
        due = self._due(turn)
        del self._at[due][turn.turn_id]
        if not self._at[due]:
            del self._at[due]

    def is_late(self, turn: Turn, now: float) -> bool:
        """Whether it is too late to begin."""
        return self._due(turn) <= floor(now / self._tick)

    def late(self, now: float) -> Iterator[Turn]:
        """Takes out the turns that are late, earliest first. A clock that goes backwards finds none."""
        last = floor(now / self._tick)
        first = self._passed if self._passed is not None else last
        self._passed = last
        ticks = range(first, last + 1) if last - first < len(self._at) else sorted(t for t in self._at if t <= last)
        for tick in ticks:
            yield from self._at.pop(tick, {}).values()

    def _due(self, turn: Turn) -> int:
        return floor(turn.start_by / self._tick)
