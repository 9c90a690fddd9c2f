"""What a partition's state must not forget yet: offsets that are still needed, and ids that may come again."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

V = TypeVar("V")
Key = str | tuple[str, str]

KEEP: Final = 10_000
"""So many of the latest keys are remembered however old they are: more than a batch, which a crash repeats."""
GENERATIONS: Final = 4


class Held:
    """The offsets of one partition of one topic that are still needed.

    `next`: the offset after the last one seen. It begins at the committed offset, so that a partition with nothing
    left to read still knows that it is at its end.
    """

    __slots__ = ("_free", "_queue", "next")

    def __init__(self, start: int) -> None:
        self._queue: deque[int] = deque()
        self._free: set[int] = set()
        self.next = start

    def add(self, offset: int) -> None:
        """`offset` was read and is needed until it is dropped."""
        self._queue.append(offset)
        self.next = offset + 1

    def skip(self, offset: int) -> None:
        """`offset` was read and is not needed."""
        self.next = offset + 1

    def drop(self, offset: int) -> None:
        """`offset`, which was added, is no longer needed."""
        queue = self._queue
        if queue[0] != offset:
            self._free.add(offset)
            return
        queue.popleft()
        free = self._free
        while free and queue[0] in free:
            free.remove(queue.popleft())

    def safe(self) -> int:
        """The offset that may be committed: the earliest that is still needed, or the next to come."""
        return self._queue[0] if self._queue else self.next

    def __len__(self) -> int:
        return len(self._queue) - len(self._free)


class Recent(Generic[V]):
    """A mapping that forgets what has not been put for `horizon` microseconds of log time, so that it stays bounded.

    It keeps at least that long, and never fewer than the latest `keep` keys; under load at most about half as long
    again. Keys are kept by generation, and the oldest is let go as a whole, so that forgetting costs nothing.
    """

    __slots__ = ("_began", "_new", "_old", "horizon", "keep")

    def __init__(self, horizon: int, keep: int = KEEP) -> None:
        self.horizon = horizon
        self.keep = keep
        self._new: dict[Key, V] = {}
        self._began: int | None = None
        self._old: deque[tuple[int, dict[Key, V]]] = deque()
        """Newest first, each with the time at which the next one began."""

    def put(self, key: Key, value: V, at: int) -> None:
        """Remembers `key`, seen at log time `at` (microseconds)."""
        if self._began is None:
            self._began = at
        elif at - self._began >= self.horizon // GENERATIONS and len(self._new) >= self.keep // GENERATIONS:
            self._turn_over(at)
        self._new[key] = value

    def _turn_over(self, at: int) -> None:
        self._old.appendleft((at, self._new))
        self._new, self._began = {}, at
        newer = sum(len(kept) for _, kept in self._old)
        while self._old:
            ended, oldest = self._old[-1]
            newer -= len(oldest)
            if at - ended < self.horizon or newer < self.keep:
                break
            self._old.pop()

    def get(self, key: Key) -> V | None:
        """What was put last under `key`; None where that is forgotten, or never was."""
        found = self._new.get(key)
        if found is None:
            for _, kept in self._old:
                found = kept.get(key)
                if found is not None:
                    return found
        return found

    def __contains__(self, key: Key) -> bool:
        return key in self._new or any(key in kept for _, kept in self._old)

    def __len__(self) -> int:
        return len(self._new.keys() | {key for _, kept in self._old for key in kept})
