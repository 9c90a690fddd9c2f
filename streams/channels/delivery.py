"""Puts a session's replies back into turn order, and drops repeats. Pure: the clock is passed in.

Replies of one session lie in the log in the order in which they were made, which is not the order of their turns: a
fast rung overtakes a slow one. A reply with `turn_seq` n waits for the lower ones of its episode that have not been
seen, no longer than its `earlier_deadline_at`; after that it goes, and what comes late follows it. What a human agent
wrote passes as it comes. Of one id, the first read is the one with the lowest offset; the rest is dropped.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from schemas.events import AgentReplied, ReplyProduced

FIRST_SEQ: Final = 1
"""The `turn_seq` of an episode's first turn."""


class HasReply(Protocol):
    """Whatever carries a reply through, such as a record with its bytes."""

    @property
    def event(self) -> ReplyProduced | AgentReplied: ...


R = TypeVar("R", bound=HasReply)


class _Held(NamedTuple, Generic[R]):
    """A reply that waits until `until`."""

    until: int
    episode: tuple[str, str, str]
    seq: int
    reply: R


class _Episode(Generic[R]):
    """`passed`: the highest turn whose reply went out. `held`: the replies that wait, by turn."""

    __slots__ = ("held", "passed")

    def __init__(self) -> None:
        self.passed = FIRST_SEQ - 1
        self.held: dict[int, _Held[R]] = {}


class Delivery(Generic[R]):
    """The order of delivery, for any number of sessions. Not shared by threads.

    Memory is bounded: `remember` ids against repeats, and `episodes` episodes. Where more are open than that, the one
    longest untouched is let go with what it held, early rather than never.
    """

    def __init__(self, remember: int = 200_000, episodes: int = 50_000) -> None:
        self._remember = remember
        self._limit = episodes
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._episodes: OrderedDict[tuple[str, str, str], _Episode[R]] = OrderedDict()
        self._timers: list[tuple[int, int, _Held[R]]] = []
        self._count = 0
        self.repeats = 0
        self.waiting = 0

    def take(self, reply: R, now: int) -> list[R]:
        """What goes out now that this reply was read, in order. `now`: microseconds UTC."""
        event = reply.event
        meta = event.meta
        if meta.event_id in self._seen:
            self.repeats += 1
            return []
        self._seen[meta.event_id] = None
        if len(self._seen) > self._remember:
            self._seen.popitem(last=False)
        if isinstance(event, AgentReplied):
            return [reply]
        key = (meta.tenant_id, meta.session_id, event.episode_id)
        out: list[R] = []
        episode = self._episode(key, out)
        until = event.earlier_deadline_at
        if until is None or not _waits(episode.passed, event.turn_seq, until, now):
            out.extend(self._release(episode, event.turn_seq, reply))
        else:
            held = _Held(until, key, event.turn_seq, reply)
            episode.held[event.turn_seq] = held
            self._count += 1
            self.waiting += 1
            heapq.heappush(self._timers, (until, self._count, held))
        return out

    def holds(self, session: tuple[str, str], episode_id: str, seq: int, until: int | None, now: int) -> bool:
        """Whether a reply in this place, read now, would have to wait. `session`: tenant and session."""
        episode = self._episodes.get((*session, episode_id))
        return _waits(FIRST_SEQ - 1 if episode is None else episode.passed, seq, until, now)

    def due(self, now: int) -> list[R]:
        """What goes out since its wait is over, in order. Call it at `next_due`."""
        out: list[R] = []
        while self._timers and self._timers[0][0] <= now:
            held = heapq.heappop(self._timers)[2]
            episode = self._episodes.get(held.episode)
            if episode is not None and episode.held.get(held.seq) is held:
                out.extend(self._release(episode, held.seq, None))
        return out

    def next_due(self) -> int | None:
        """When `due` has something, unless it goes out before; microseconds UTC, None while nothing waits."""
        while self._timers:
            until, _, held = self._timers[0]
            episode = self._episodes.get(held.episode)
            if episode is not None and episode.held.get(held.seq) is held:
                return until
            heapq.heappop(self._timers)
        return None

    def _episode(self, key: tuple[str, str, str], out: list[R]) -> _Episode[R]:
        episode = self._episodes.get(key)
        if episode is not None:
            self._episodes.move_to_end(key)
            return episode
        episode = self._episodes[key] = _Episode()
        if len(self._episodes) > self._limit:
            _, oldest = self._episodes.popitem(last=False)
            out.extend(self._all(oldest.held.pop(seq) for seq in sorted(oldest.held)))
        return episode

    def _all(self, held: Iterable[_Held[R]]) -> Iterable[R]:
        for h in held:
            self.waiting -= 1
            yield h.reply

    def _release(self, episode: _Episode[R], seq: int, reply: R | None) -> list[R]:
        """The held replies before `seq`, the one of `seq`, and those after it that waited for nothing else."""
        held = episode.held
        out = list(self._all(held.pop(s) for s in sorted(s for s in held if s < seq)))
        if reply is None:
            out.extend(self._all((held.pop(seq),)))
        else:
            out.append(reply)
        episode.passed = max(episode.passed, seq)
        while episode.passed + 1 in held:
            out.extend(self._all((held.pop(episode.passed + 1),)))
            episode.passed += 1
        return out


def _waits(passed: int, seq: int, until: int | None, now: int) -> bool:
    return seq > passed + 1 and until is not None and until > now
