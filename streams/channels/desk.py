"""The sessions that were handed to people: who waits, since when, and which of their turns are open.

Built from the log alone (chat.routes, and chat.replies for what was answered), so it is right after a restart. Who took
a session is advice between agents at one gateway, and is not in the log: what was answered is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.events import AgentReplied, DialogueChanged, DialogueState, ScenarioRouted

TURNS_KEPT: Final = 50
Key = tuple[str, str]


@dataclass
class OpenTurn:
    turn_id: str
    started_at: int | None
    text: str
    at: int
    answered: bool = False


@dataclass
class HandedOff:
    """A session that people answer. `since`: when it was handed off (microseconds UTC)."""

    tenant: str
    session: str
    since: int
    channel: str = ""
    customer_id: str = ""
    lang: str = ""
    scenario: str = ""
    reason: str | None = None
    taken_by: str | None = None
    turns: dict[str, OpenTurn] = field(default_factory=dict)

    def latest_open(self) -> OpenTurn | None:
        """The latest turn that nobody answered; the latest of all where each was answered."""
        turns = list(self.turns.values())
        return next((t for t in reversed(turns) if not t.answered), turns[-1] if turns else None)


class DeskBoard:
    """Which sessions are handed off. Of a session, the state with the highest `seq` counts; of two, the first read."""

    def __init__(self, remember: int = 200_000) -> None:
        self._remember = remember
        self._seq: OrderedDict[Key, int] = OrderedDict()
        self._handed: dict[Key, HandedOff] = {}
        self._answered: OrderedDict[str, None] = OrderedDict()

    def see(self, event: Any) -> None:
        """An event of chat.routes or chat.replies; others are passed over."""
        if isinstance(event, ScenarioRouted | DialogueChanged):
            self._routed(event)
        elif isinstance(event, AgentReplied) and event.meta.turn_id is not None:
            self._answered[event.meta.turn_id] = None
            if len(self._answered) > self._remember:
                self._answered.popitem(last=False)
            entry = self._handed.get((event.meta.tenant_id, event.meta.session_id))
            if entry is not None and (turn := entry.turns.get(event.meta.turn_id)) is not None:
                turn.answered = True

    def waiting(self, tenant: str) -> list[HandedOff]:
        """The tenant's sessions with people, the longest waiting first."""
        return sorted((h for h in self._handed.values() if h.tenant == tenant), key=lambda h: h.since)

    def get(self, tenant: str, session: str) -> HandedOff | None:
        return self._handed.get((tenant, session))

    def _routed(self, event: ScenarioRouted | DialogueChanged) -> None:
        meta, state = event.meta, event.state
        key = (meta.tenant_id, meta.session_id)
        if self._seq.get(key, -1) >= state.seq:
            return
        self._seq[key] = state.seq
        self._seq.move_to_end(key)
        if len(self._seq) > self._remember:
            self._seq.popitem(last=False)
        if not state.handed_off:
            self._handed.pop(key, None)
            return
        entry = self._entry(key, state)
        if isinstance(event, ScenarioRouted):
            self._turn(entry, event)

    def _entry(self, key: Key, state: DialogueState) -> HandedOff:
        entry = self._handed.get(key)
        if entry is None or state.handed_off_at not in (None, entry.since):
            entry = self._handed[key] = HandedOff(*key, since=state.handed_off_at or state.last_turn_at)
        return entry

    def _turn(self, entry: HandedOff, route: ScenarioRouted) -> None:
        meta = route.meta
        entry.channel, entry.customer_id, entry.lang = route.channel, route.customer_id, route.lang
        if route.handoff or not entry.scenario:
            entry.scenario, entry.reason = route.scenario, route.handoff_reason
        turn_id = meta.turn_id or meta.event_id
        started = meta.turn_started_at
        at = started if started is not None else meta.occurred_at
        entry.turns[turn_id] = OpenTurn(turn_id, started, route.text, at, turn_id in self._answered)
        if len(entry.turns) > TURNS_KEPT:
            entry.turns.pop(next(iter(entry.turns)))
