"""What was said in the sessions lately, for the prompts of their next turns. Bounded, and forgotten by disuse."""

from __future__ import annotations

from bisect import insort
from collections import OrderedDict
from typing import Final, NamedTuple

from processors.prompting.types import Said, Speaker
from schemas.events import Meta

TURNS: Final = 10
"""Turns of a session that are kept; a prompt's own budget of tokens mostly holds fewer."""
LONGEST: Final = 1_500
"""Characters of what one side said in a turn; of what is longer the beginning is kept."""
SESSIONS: Final = 50_000
CHARACTERS: Final = 30_000_000
"""Of all sessions together: with what else is kept of them, 200 MB at most."""


class _Turn(NamedTuple):
    began: int
    turn_id: str


class History:
    """The last turns of each session, each with what the customer and we said, whatever order they are heard in."""

    def __init__(self, sessions: int = SESSIONS, turns: int = TURNS, characters: int = CHARACTERS) -> None:
        self._most, self._turns, self._room = sessions, turns, characters
        self.characters = 0
        self._of: OrderedDict[tuple[str, str], dict[_Turn, dict[Speaker, str]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def hear(self, meta: Meta, text: str, we: bool) -> None:
        """Something said in a turn. Of two texts of one side in one turn the first counts; one without a turn none."""
        if meta.turn_id is None or not text:
            return
        key = (meta.tenant_id, meta.session_id)
        turns = self._of.setdefault(key, {})
        self._of.move_to_end(key)
        side: Speaker = "we" if we else "customer"
        sides = turns.setdefault(_turn(meta), {})
        if side not in sides:
            sides[side] = text[:LONGEST]
            self.characters += len(sides[side])
        while len(turns) > self._turns:
            self._forget(turns.pop(min(turns)))
        while len(self._of) > self._most or self.characters > self._room:
            for said in self._of.popitem(last=False)[1].values():
                self._forget(said)

    def before(self, meta: Meta) -> tuple[Said, ...]:
        """What was said in the session before this turn, oldest first; nothing of the turn itself or of later ones."""
        here = _turn(meta)
        known: list[_Turn] = []
        turns = self._of.get((meta.tenant_id, meta.session_id), {})
        for turn in turns:
            if turn < here:
                insort(known, turn)
        sides: tuple[Speaker, ...] = ("customer", "we")
        return tuple(Said(side, turns[turn][side]) for turn in known for side in sides if side in turns[turn])

    def _forget(self, sides: dict[Speaker, str]) -> None:
        self.characters -= sum(map(len, sides.values()))


def _turn(meta: Meta) -> _Turn:
    began = meta.turn_started_at if meta.turn_started_at is not None else meta.occurred_at
    return _Turn(began, meta.turn_id or "")
