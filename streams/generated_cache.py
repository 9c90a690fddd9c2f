"""Generated answers that may be given again: those that customers found good, or all, as the policy has it.

In one process's memory. A key holds everything that an answer must not cross (processors/caching.py): tenant, policy
with its prompts, knowledge. A new version has other keys, so what was kept under the old one is asked for no more.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from processors.replying import Cached
from streams.reply_cache import LruReplyCache


class _Given(NamedTuple):
    key: str
    answer: Cached


class GeneratedCache:
    """At most `entries` usable answers, and as many turns whose customers may still say what they think. One thread.

    A text that a customer found bad is not given again under its key, whoever generates it and whoever liked it, for
    as long as this process remembers it.
    """

    def __init__(self, entries: int = 20_000) -> None:
        self._entries = entries
        self._usable = LruReplyCache(entries)
        self._given: OrderedDict[str, _Given] = OrderedDict()
        self._bad: OrderedDict[_Given, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._usable)

    def get(self, key: str) -> Cached | None:
        """The usable answer kept under `key`; None if there is none."""
        return self._usable.get(key)

    def offer(self, key: str, turn_id: str, answer: Cached, at_once: bool) -> None:
        """The turn was answered so, by a model or from here. at_once: usable now, unless there is one already."""
        given = _Given(key, answer)
        self._given[turn_id] = given
        if len(self._given) > self._entries:
            self._given.popitem(last=False)
        if at_once:
            self._make_usable(given)

    def feedback(self, turn_id: str, score: int) -> None:
        """What the customer thought of that turn's reply: good above 0, bad below; at 0 nothing.

        Turns that were never offered are passed over.
        """
        given = self._given.get(turn_id)
        if given is None:
            return
        if score > 0:
            self._make_usable(given)
        elif score < 0:
            self._bad[given] = None
            if len(self._bad) > self._entries:
                self._bad.popitem(last=False)
            if self._usable.get(given.key) == given.answer:
                self._usable.drop(given.key)

    def _make_usable(self, given: _Given) -> None:
        if given not in self._bad and self._usable.get(given.key) is None:
            self._usable.put(given.key, given.answer)
