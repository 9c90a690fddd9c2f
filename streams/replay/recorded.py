"""What the log holds of a partition, by turn: understood, decided, said. Of one id the lowest offset counts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from schemas.events import (
    AgentReplied,
    DialogueChanged,
    DialogueState,
    MessageReceived,
    Record,
    ReplyProduced,
    ScenarioRouted,
)
from schemas.validation import wrong_event
from streams.join import KIND, SessionName
from streams.replay.cast import TASKS
from streams.replay.stretch import PartitionStretch

NOBODY: Final[tuple[Record, ...]] = ()


class RecordedTurn:
    """A message, and what came of it. `signals`: in the order of `cast.TASKS`; None: there was none, or none came.

    message: where it lies first. again: where it lies again, as from a channel that sends twice, or sent in again after
    it was dead-lettered.
    """

    __slots__ = ("again", "agents", "message", "reply", "route", "signals")

    def __init__(self, message: Record) -> None:
        self.message = message
        self.again: tuple[Record, ...] = NOBODY
        self.signals: list[Record | None] = [None, None, None]
        self.route: Record | None = None
        self.reply: Record | None = None
        self.agents: tuple[Record, ...] = NOBODY

    @property
    def decision(self) -> ScenarioRouted:
        """What was decided. Only of a turn that was."""
        assert self.route is not None
        assert isinstance(self.route.event, ScenarioRouted)
        return self.route.event

    @property
    def decided(self) -> Record:
        """The delivery of the message that was decided: the one whose log time became that of the dialogue.

        Of several at that time it is the one that a new dialogue counts from; in another, any of them will do.
        """
        if self.again and self.route is not None:
            state = self.decision.state
            then = [r for r in (self.message, *self.again) if r.appended_at == state.last_turn_at]
            return next((r for r in then if r.offset + 1 == state.seq), then[0] if then else self.message)
        return self.message

    def was_not_heard(self, kind: int) -> bool:
        """Whether live decided without this kind of signal a message that came again: what was understood of its first
        delivery had been given up by then, which hangs on what else lay in the partition."""
        return bool(self.again) and self.route is not None and TASKS[kind] in self.decision.signals.missing

    @property
    def human_was_first(self) -> bool:
        """Whether a human answered what the bot was to answer before it came to that."""
        return self.reply is None and bool(self.agents) and self.decision.owner != "human"

    @property
    def understood(self) -> Record:
        """The delivery that its signals are of: the first that is valid."""
        if self.again:
            every = (self.message, *self.again)
            return next((r for r in every if wrong_event(r.event, r.appended_at) is None), self.message)
        return self.message

    @property
    def said(self) -> ReplyProduced | None:
        """What the bot said."""
        return self.reply.event if self.reply is not None and isinstance(self.reply.event, ReplyProduced) else None


class Chain:
    """The states of one session, as the log has them: by offset, each later than the one before it."""

    __slots__ = ("began", "offsets", "states")

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.states: list[DialogueState] = []
        self.began = 0
        """How many of them lie before the stretch."""

    def add(self, offset: int, state: DialogueState) -> None:
        """A state; a repetition of an earlier one changes nothing, as when routing recovers."""
        if not self.states or state.seq > self.states[-1].seq:
            self.offsets.append(offset)
            self.states.append(state)


class Recorded:
    """The record of one partition."""

    def __init__(self, stretch: PartitionStretch) -> None:
        self.turns: dict[str, RecordedTurn] = {}
        self.changes: dict[str, Record] = {}
        """Dialogues changed without a turn, by the id of what changed them."""
        self.chains: dict[SessionName, Chain] = {}
        self._first: dict[str, Record] = {}
        for record in stretch.messages:
            if isinstance(record, Record):
                self._take_message(record)
        ours: list[Record] = []
        others: list[Record] = []
        for record in stretch.routes:
            (ours if self._is_ours(record) else others).append(record)
        self.before = (*stretch.before, *others)
        """What routing had decided before: also of messages that come again within the stretch."""
        self.settled = frozenset(r.event.meta.caused_by or "" for r in self.before)
        """The ids of what that was about."""
        for record in stretch.signals:
            if isinstance(record, Record):
                self._take_signal(record)
        self._chain(self.before)
        for chain in self.chains.values():
            chain.began = len(chain.states)
        self._chain(ours)
        for record in ours:
            self._take_route(record)
        for record in stretch.replies:
            self._take_reply(record)

    def outcome(self, caused_by: str) -> Record | None:
        """What routing made of a record of chat.messages."""
        turn = self.turns.get(caused_by)
        return turn.route if turn is not None else self.changes.get(caused_by)

    def _take_message(self, record: Record) -> None:
        id_ = record.event.meta.event_id
        self._first.setdefault(id_, record)
        if isinstance(record.event, MessageReceived):
            turn = self.turns.setdefault(id_, RecordedTurn(record))
            if turn.message is not record:
                turn.again = (*turn.again, record)

    def _is_ours(self, record: Record) -> bool:
        """Whether what was decided is of a delivery in this stretch, and not of one before it."""
        event, first = record.event, self._first.get(record.event.meta.caused_by or "")
        if first is None:
            return False
        if isinstance(event, ScenarioRouted) and (turn := self.turns.get(event.meta.turn_id or "")) is not None:
            return any(r.appended_at == event.state.last_turn_at for r in (turn.message, *turn.again))
        return record.appended_at >= first.appended_at

    def _take_signal(self, record: Record) -> None:
        turn, kind = self.turns.get(record.event.meta.turn_id or ""), KIND.get(type(record.event))
        if turn is not None and kind is not None and turn.signals[kind] is None:
            turn.signals[kind] = record

    def _chain(self, records: Iterable[Record]) -> None:
        for record in records:
            event = record.event
            if isinstance(event, ScenarioRouted | DialogueChanged):
                session = (event.meta.tenant_id, event.meta.session_id)
                chain = self.chains.get(session)
                if chain is None:
                    chain = self.chains[session] = Chain()
                chain.add(record.offset, event.state)

    def _take_route(self, record: Record) -> None:
        event = record.event
        if isinstance(event, DialogueChanged):
            self.changes.setdefault(event.meta.caused_by or "", record)
            return
        turn = self.turns.get(event.meta.turn_id or "")
        if turn is not None and turn.route is None:
            turn.route = record

    def _take_reply(self, record: Record) -> None:
        turn = self.turns.get(record.event.meta.turn_id or "")
        if turn is None:
            return
        if isinstance(record.event, AgentReplied):
            known = {r.event.meta.event_id for r in turn.agents}
            if record.event.meta.event_id not in known:
                turn.agents = (*turn.agents, record)
        elif turn.reply is None:
            turn.reply = record
