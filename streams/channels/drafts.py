"""Replies that are still being made: the text of each turn so far, and which may be shown. Pure: no clock, no loop.

A turn's text comes in pieces, within an attempt in order. Of two attempts the one whose first piece lies later in the
log counts, on every gateway alike: the earlier one's text is void, and so is what it still says. A piece that does not
follow on the last is left out with all that come after it in its attempt: a text with a hole is never shown.

A draft may be shown when its turn's reply might go out: when nothing is owed before it. That order is the route's.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from typing import Final, NamedTuple

from schemas.events import ReplyPartial, ScenarioRouted

Key = tuple[str, str]
"""Tenant and session."""
Turn = tuple[str, str]
"""Tenant and turn id: what one tenant writes is never found under another's."""

LONGEST: Final = 16_384
"""Characters of a draft that are kept, and shown; the reply has them all."""
ATTEMPTS: Final = 16
"""Earlier attempts of a turn that are known, and void."""
SECOND: Final = 1_000_000
OVER_BY: Final = 60 * SECOND
"""Microseconds after a turn's deadline at which its draft is let go: the fallback came long ago."""


class Place(NamedTuple):
    """Where a turn's reply goes, as its route says. `until`: how long earlier turns may hold it back, microseconds."""

    episode: str
    seq: int
    until: int | None


class Draft:
    """A turn's text so far. `shown`: whether readers may see it; once they may, they always may. `held`: not yet."""

    __slots__ = ("attempt", "ends_at", "held", "key", "old", "shown", "text", "turn_id")

    def __init__(self, key: Key, turn_id: str, ends_at: int) -> None:
        self.key = key
        self.turn_id = turn_id
        self.ends_at = ends_at
        self.attempt = ""
        self.old: tuple[str, ...] = ()
        self.text = ""
        self.shown = False
        self.held = False

    def add(self, partial: ReplyPartial) -> bool:
        """Takes a piece; False when it changes nothing that a reader would see."""
        if partial.attempt in self.old:
            return False
        began = partial.attempt != self.attempt
        if began:
            if self.attempt:
                self.old = (*self.old, self.attempt)[-ATTEMPTS:]
            self.attempt, self.text = partial.attempt, ""
        if partial.position != len(self.text) or not partial.text or len(self.text) >= LONGEST:
            return began
        self.text = (self.text + partial.text)[:LONGEST]
        return True


class Drafts:
    """The drafts of all open turns, and the places that routes gave them. Not shared by threads.

    Memory is bounded: `limit` drafts and as many places; beyond that the longest open one is let go.
    """

    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self._drafts: OrderedDict[Turn, Draft] = OrderedDict()
        self._places: OrderedDict[Turn, Place] = OrderedDict()
        self._of_session: dict[Key, dict[str, Draft]] = {}
        self._held: list[tuple[int, Turn]] = []

    def __len__(self) -> int:
        return len(self._drafts)

    def routed(self, event: ScenarioRouted, now: int) -> Draft | None:
        """Takes a route; gives the turn's draft where one waits for it. Turns that nobody generates are no concern."""
        meta = event.meta
        if event.owner != "generation" or meta.turn_id is None or self._over(meta.deadline_at, now):
            return None
        turn = (meta.tenant_id, meta.turn_id)
        if turn not in self._places:
            self._places[turn] = Place(event.state.episode_id, event.state.turn_seq, event.earlier_deadline_at)
            if len(self._places) > self._limit:
                self._places.popitem(last=False)
        draft = self._drafts.get(turn)
        return draft if draft is not None and not draft.shown else None

    def take(self, event: ReplyPartial, now: int) -> Draft | None:
        """Takes a piece; gives its draft where there is something new to show, to those who may see it."""
        meta = event.meta
        if meta.turn_id is None or self._over(meta.deadline_at, now):
            return None
        turn = (meta.tenant_id, meta.turn_id)
        draft = self._drafts.get(turn)
        if draft is None:
            key = (meta.tenant_id, meta.session_id)
            ends_at = (meta.occurred_at if meta.deadline_at is None else meta.deadline_at) + OVER_BY
            draft = self._drafts[turn] = Draft(key, meta.turn_id, ends_at)
            self._of_session.setdefault(key, {})[meta.turn_id] = draft
        return draft if draft.add(event) else None

    def place(self, draft: Draft) -> Place | None:
        """Where the draft's reply goes; None while its route has not been seen."""
        return self._places.get((draft.key[0], draft.turn_id))

    def hold(self, draft: Draft, place: Place) -> None:
        """Keeps a draft until it is shown, or until its place says: `due` gives it then."""
        if not draft.held and place.until is not None:
            draft.held = True
            heapq.heappush(self._held, (place.until, (draft.key[0], draft.turn_id)))

    def due(self, now: int) -> list[Draft]:
        """The drafts whose hold is over."""
        out = []
        while self._held and self._held[0][0] <= now:
            draft = self._drafts.get(heapq.heappop(self._held)[1])
            if draft is not None and not draft.shown:
                out.append(draft)
        return out

    def next_due(self) -> int | None:
        """When `due` may have something; microseconds UTC."""
        return self._held[0][0] if self._held else None

    def of_session(self, key: Key) -> list[Draft]:
        """The session's open drafts, in the order in which they began."""
        return list(self._of_session.get(key, {}).values())

    def close(self, tenant: str, turn_id: str) -> None:
        """The turn has its reply: nothing of it is shown any more."""
        self._places.pop((tenant, turn_id), None)
        self._drop((tenant, turn_id))

    def let_go(self, now: int) -> list[Draft]:
        """Forgets the drafts that are over, and the oldest of too many; gives them."""
        out = []
        while self._drafts:
            turn, oldest = next(iter(self._drafts.items()))
            if len(self._drafts) <= self._limit and oldest.ends_at > now:
                break
            self._drop(turn)
            out.append(oldest)
        return out

    def _drop(self, turn: Turn) -> None:
        draft = self._drafts.pop(turn, None)
        if draft is None:
            return
        there = self._of_session[draft.key]
        del there[draft.turn_id]
        if not there:
            del self._of_session[draft.key]

    @staticmethod
    def _over(deadline_at: int | None, now: int) -> bool:
        return deadline_at is not None and deadline_at + OVER_BY <= now
