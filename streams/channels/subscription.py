"""One reader of a session: the replies that it is owed, each once, and what there is of the ones under way."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from schemas.events import AgentReplied, ReplyProduced
from streams.channels.drafts import Draft, Key

Reply = ReplyProduced | AgentReplied


class Piece(NamedTuple):
    """What a draft has that its reader has not seen. `position`: characters of this attempt that the reader has.

    Another attempt than the last makes what was shown of the turn void, even where its text is still empty.
    """

    turn_id: str
    attempt: str
    position: int
    text: str


class Subscription:
    """The replies of one session as they go out, to one reader. `lost`: it was too slow, and has to connect again.

    Only replies are queued, up to `size`. Of a draft no more is kept here than how much of it the reader has: a slow
    reader gets fewer, longer pieces, or none at all when the reply is there first.
    """

    def __init__(self, key: Key, size: int) -> None:
        self.key = key
        self.lost = False
        self._size = size
        self._replies: deque[Reply] = deque()
        self._drafts: dict[str, Draft] = {}
        self._sent: dict[str, tuple[str, int]] = {}
        self._ended = False
        self._something = asyncio.Event()

    def put(self, reply: Reply) -> None:
        """A reply, in its turn; it replaces what there was of its draft."""
        if turn_id := reply.meta.turn_id:
            self.forget(turn_id)
        if self.lost or self._ended:
            return
        if len(self._replies) >= self._size:
            self.lost = True
            self.end()
        else:
            self._replies.append(reply)
            self._something.set()

    def show(self, draft: Draft) -> None:
        """The draft has changed."""
        if not self._ended:
            self._drafts[draft.turn_id] = draft
            self._something.set()

    def forget(self, turn_id: str) -> None:
        """Nothing more of this draft goes out."""
        self._drafts.pop(turn_id, None)
        self._sent.pop(turn_id, None)

    def end(self) -> None:
        """The reader sees None after the replies that wait."""
        self._ended = True
        self._drafts.clear()
        self._something.set()

    async def get(self) -> Reply | Piece | None:
        """The next for the reader; None at the end. Replies come first: no draft that waits here is older."""
        while True:
            if self._replies:
                return self._replies.popleft()
            if self._ended:
                return None
            while self._drafts:
                if (piece := self._piece(self._drafts.pop(next(iter(self._drafts))))) is not None:
                    return piece
            self._something.clear()
            await self._something.wait()

    def _piece(self, draft: Draft) -> Piece | None:
        attempt, position = self._sent.get(draft.turn_id, ("", 0))
        if not (began := attempt not in ("", draft.attempt)) and len(draft.text) <= position:
            return None
        position = 0 if began else position
        self._sent[draft.turn_id] = (draft.attempt, len(draft.text))
        return Piece(draft.turn_id, draft.attempt, position, draft.text[position:])
