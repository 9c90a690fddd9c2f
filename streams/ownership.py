"""Who may work on a partition, and since when: kept under one lock, and free of Kafka.

A partition number is worked on only while it is owned in every topic of its reader. Each time it is gained it gets a
new epoch, so that what was read before a loss is never worked on, or committed, after it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

S = TypeVar("S")
Place = tuple[str, int]
"""Topic and partition."""


class Hand(Generic[S]):
    """What a batch may be worked on with: the states of the partitions that are still owned, by partition number."""

    def __init__(self, ownership: Ownership[S], epochs: Mapping[Place, int], states: dict[int, S]) -> None:
        self._ownership, self._epochs = ownership, epochs
        self.states = states

    def let_go(self) -> bool:
        """Gives back the partitions that are being taken away, untouched; whether any is left.

        For a batch that is held, before anything was done with it: whoever gets the partition reads it again.
        """
        self.states = self._ownership._keep(self._epochs, self.states)
        return bool(self.states)


class Ownership(Generic[S]):
    """The partitions owned, their epochs, and a state for each partition number that is owned in every topic."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = tuple(topics)
        self._changed = threading.Condition()
        self._committing = threading.Lock()
        self._states: dict[int, S] = {}
        self._closing: frozenset[int] = frozenset()
        self._busy: frozenset[int] = frozenset()
        self._stopping = False
        self._epoch = 0
        self.epochs: Mapping[Place, int] = {}
        """Never changed, only replaced: a batch keeps the one it was read under."""

    def whole(self, places: Collection[Place]) -> set[int]:
        """The partition numbers that are among `places` in every topic."""
        return {n for _, n in places if all((topic, n) in places for topic in self._topics)}

    def gain(self, places: Collection[Place], states: Mapping[int, S]) -> None:
        """These places are owned from now on; `states` are of the numbers that are whole with them."""
        with self._changed:
            self._epoch += 1
            fresh = {*places, *((topic, n) for n in states for topic in self._topics)}
            self.epochs = {**self.epochs, **dict.fromkeys(fresh, self._epoch)}
            self._states.update(states)

    def close(self, numbers: Collection[int], patience: float) -> bool:
        """Hands out nothing more of these; waits until nothing of them is in hand. False: it still is."""
        closing = frozenset(numbers)
        with self._changed:
            self._closing = closing
            return self._changed.wait_for(lambda: not self._busy & closing, patience)

    def lose(self, places: Collection[Place]) -> dict[int, S]:
        """These are no longer owned. Waits for a commit under way; once it returns, none follows.

        Returns what was kept for the partition numbers that are no longer whole.
        """
        with self._committing, self._changed:
            self.epochs = {place: epoch for place, epoch in self.epochs.items() if place not in places}
            self._closing = frozenset()
            lost = {n: self._states.pop(n) for n in {n for _, n in places} if n in self._states}
            self._changed.notify_all()
        return lost

    def stop(self, patience: float) -> bool:
        """Hands out nothing more at all; waits for what is in hand. False: it is still being worked on."""
        with self._changed:
            self._stopping = True
            return self._changed.wait_for(lambda: not self._busy, patience)

    @contextmanager
    def hand(self, epochs: Mapping[Place, int]) -> Iterator[Hand[S]]:
        """The states of what was owned under `epochs` and still is. A revocation waits until it is given back."""
        with self._changed:
            hand = Hand(self, epochs, self._live(epochs))
            self._busy = frozenset(hand.states)
        try:
            yield hand
        finally:
            with self._changed:
                self._busy = frozenset()
                self._changed.notify_all()

    def commit(self, epochs: Mapping[Place, int], offsets: Mapping[Place, int], write: Writer) -> bool:
        """Calls `write` with those of `offsets` whose place is still owned as it was under `epochs`.

        Nothing is lost meanwhile. False: nothing of it is owned any more.
        """
        with self._committing:
            now = self.epochs
            live = {place: o for place, o in offsets.items() if place in now and now[place] == epochs.get(place)}
            if live:
                write(live)
            return bool(live)

    def _live(self, epochs: Mapping[Place, int]) -> dict[int, S]:
        if self._stopping:
            return {}
        now = self.epochs
        if epochs is now and not self._closing:
            return dict(self._states)
        return {
            n: state
            for n, state in self._states.items()
            if n not in self._closing and all(now[t, n] == epochs.get((t, n)) for t in self._topics)
        }

    def _keep(self, epochs: Mapping[Place, int], states: Mapping[int, S]) -> dict[int, S]:
        with self._changed:
            live = self._live(epochs)
            kept = {n: state for n, state in states.items() if n in live}
            self._busy = frozenset(kept)
            self._changed.notify_all()
            return kept


Writer = Callable[[Mapping[Place, int]], None]
