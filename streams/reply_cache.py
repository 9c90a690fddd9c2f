"""Answers given before, in this process's memory: a cache that is lost or differs between workers harms nothing."""

from __future__ import annotations

from collections import OrderedDict

from processors.replying import Cached


class LruReplyCache:
    """The port ReplyCache: the `entries` answers that were asked for last. For one thread."""

    def __init__(self, entries: int = 20_000) -> None:
        self._entries = entries
        self._answers: OrderedDict[str, Cached] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> Cached | None:
        """The answer kept under `key`; None if there is none."""
        found = self._answers.get(key)
        if found is not None:
            self._answers.move_to_end(key)
        return found

    def put(self, key: str, value: Cached) -> None:
        """Keeps an answer, and forgets the one not asked for the longest when there are too many."""
        self._answers[key] = value
        self._answers.move_to_end(key)
        if len(self._answers) > self._entries:
            self._answers.popitem(last=False)

    def drop(self, key: str) -> None:
        """Forgets the answer kept under `key`, if there is one."""
        self._answers.pop(key, None)
