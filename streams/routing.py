"""The routing stage: joins each message with its signals, decides its turn once and in order, and keeps the dialogue.

Its output is its own changelog: every event it writes carries the state of the session after it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol, cast

import processors.routing
from processors.outcomes import Drop, Emit, Outcome, Reject, Retry
from processors.policy import Rules
from processors.routing import Signals
from processors.stage import Context
from schemas.catalogue import MESSAGES, SIGNALS
from schemas.events import (
    DialogueChanged,
    DialogueState,
    EntitiesExtracted,
    FeedbackGiven,
    IntentDetected,
    MessageReceived,
    Record,
    ScenarioRouted,
    SentimentScored,
    SessionReturned,
)
from schemas.validation import wrong_event, wrong_name
from streams.held import Recent
from streams.join import KIND, Join, Ready, SessionName
from streams.policies import Policies

SECOND: Final = 1_000_000
REPEAT: Final = Drop("repeat")
LATE_SIGNAL: Final = Drop("late_signal")
ORPHAN_SIGNAL: Final = Drop("orphan_signal")
NOTHING_TO_CHANGE: Final = Drop("nothing_to_change")
FEEDBACK: Final = Drop("feedback")


class Decider(Protocol):
    """The decisions, pure; `processors.routing` is one."""

    def decide(
        self, rules: Rules, knowledge: str, state: DialogueState | None, record: Record, signals: Signals, now: int
    ) -> ScenarioRouted: ...
    def reject(
        self, rules: Rules, knowledge: str, state: DialogueState | None, record: Record, why: str, now: int
    ) -> ScenarioRouted: ...
    def after_return(self, state: DialogueState | None, record: Record, now: int) -> DialogueChanged | None: ...
    def after_close(self, state: DialogueState | None, record: Record, now: int) -> DialogueChanged | None: ...


class Dialogues(Protocol):
    """Where each session stands; `Sessions` is one. Not shared by threads."""

    def follow_policies(self) -> None:
        """Asked once a batch, before anything is decided."""
        ...

    def before(self, session: SessionName, deciding: str) -> DialogueState | None:
        """The state that the record with the id `deciding`, which is decided now, finds; None: none that matters."""
        ...

    def put(self, session: SessionName, state: DialogueState, at: int) -> None:
        """What was decided: the session's state from log time `at` on."""
        ...

    def recover(self, session: SessionName, state: DialogueState) -> None:
        """A state that was written earlier, or a repetition of it."""
        ...


class Routing:
    """The keeper. Durations are seconds of log time.

    wait: how long after its message a signal counts. expiry: how far chat.messages is read past a signal without a
    message before it is let go. remember: how long a redelivered message is recognised by its id. dialogues: makes a
    partition's memory of its sessions.
    """

    name = "routing"

    def __init__(
        self,
        policies: Policies,
        wait: float = 0.3,
        expiry: float = 10.0,
        remember: float = 600.0,
        decider: Decider | None = None,
        dialogues: Callable[[Policies], Dialogues] | None = None,
    ) -> None:
        self._policies = policies
        self._dialogues: Callable[[Policies], Dialogues] = dialogues or Sessions
        self._times = (int(wait * SECOND), int(expiry * SECOND), int(remember * SECOND))
        self._decider = decider or cast(Decider, processors.routing)

    def open(self, partition: int, start: Mapping[str, int]) -> RoutingState:
        join = Join(start[MESSAGES], start[SIGNALS], *self._times)
        return RoutingState(self._policies, self._decider, join, self._dialogues(self._policies))

    def ready(self, context: Context) -> Retry | None:
        return None if self._policies.fresh() else Retry(0.5, "control_log_unseen")


class Sessions:
    """The latest state of each session for as long as it can matter, which is longer while a human has it."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._bot: Recent[DialogueState] = Recent(0)
        self._human: Recent[DialogueState] = Recent(0)
        self.follow_policies()

    def follow_policies(self) -> None:
        """A new version may have longer timeouts."""
        self._bot.horizon, self._human.horizon = self._policies.horizons

    def get(self, session: SessionName) -> DialogueState | None:
        """None: there is nothing that could matter."""
        bot, human = self._bot.get(session), self._human.get(session)
        if bot is None or human is None:
            return human if bot is None else bot
        return bot if bot.seq > human.seq else human

    def before(self, session: SessionName, deciding: str) -> DialogueState | None:
        return self.get(session)

    def put(self, session: SessionName, state: DialogueState, at: int) -> None:
        """The session's state from log time `at` on."""
        (self._human if state.handed_off else self._bot).put(session, state, at)

    def recover(self, session: SessionName, state: DialogueState) -> None:
        """A state that was written earlier, or a repetition of it: the highest `seq` is the latest."""
        known = self.get(session)
        if known is None or state.seq > known.seq:
            self.put(session, state, state.last_turn_at)

    def __len__(self) -> int:
        return len(self._bot) + len(self._human)


class RoutingState:
    """What routing remembers of one partition."""

    def __init__(self, policies: Policies, decider: Decider, join: Join, sessions: Dialogues) -> None:
        self._policies = policies
        self._decider = decider
        self._join = join
        self._sessions = sessions

    def recover(self, record: Record) -> None:
        event = record.event
        if not isinstance(event, ScenarioRouted | DialogueChanged):
            return
        state, meta = event.state, event.meta
        self._join.settle(meta.caused_by or "", state.last_turn_at)
        self._sessions.recover((meta.tenant_id, meta.session_id), state)

    def read(self, record: Record, context: Context) -> Outcome | None:
        kind = KIND.get(type(record.event))
        if kind is None:
            return self._read_message(record)
        useless = self._join.hear(record, kind)
        return None if useless is None else LATE_SIGNAL if useless == "late" else REPEAT

    def _read_message(self, record: Record) -> Outcome | None:
        event, join = record.event, self._join
        meta = event.meta
        if join.knows(meta.event_id):
            return self._passed(record, REPEAT)
        version = self._policies.in_force(meta.tenant_id, record.appended_at, meta.session_id)
        wrong = wrong_event(event, record.appended_at)
        if wrong is not None:
            rejected = Reject(record, "invalid", wrong)
            if version is None or not _can_be_answered(record):
                return self._passed(record, rejected)
            join.add(record, waits=False, rejected=wrong)
            return rejected
        if version is None:
            detail = f"no policy of tenant {meta.tenant_id} is active; activate one with: spillway policy activate"
            return self._passed(record, Reject(record, "unknown_tenant", detail))
        if type(event) is FeedbackGiven:
            return self._passed(record, FEEDBACK)
        join.add(record, waits=type(event) is MessageReceived)
        return None

    def _passed(self, record: Record, outcome: Outcome) -> Outcome:
        self._join.pass_over(record.topic, record.offset, record.appended_at)
        return outcome

    def due(self, context: Context) -> Iterator[Outcome]:
        self._sessions.follow_policies()
        for ready in self._join.ready():
            yield self._decided(ready, context.now)
        for _ in self._join.expired():
            yield ORPHAN_SIGNAL

    def skip(self, topic: str, offset: int, appended_at: int) -> None:
        self._join.pass_over(topic, offset, appended_at)

    def overdue(self, context: Context) -> Iterator[str]:
        return self._join.overdue(context.now)

    def end_seen(self, topic: str, end: int, asked_at: int) -> None:
        self._join.end_seen(topic, end, asked_at)

    def safe(self) -> Mapping[str, int]:
        return self._join.safe()

    def _decided(self, ready: Ready, now: int) -> Outcome:
        item, signals = ready
        record, session = item.record, item.session
        if not item.is_turn and self._join.knows(item.id):
            return REPEAT
        version = self._policies.in_force(session[0], record.appended_at, session[1])
        if version is None:
            raise LookupError(f"the policies of {session[0]} are gone")
        state = self._sessions.before(session, item.id)
        if state is not None:
            if not item.is_turn and record.offset < state.seq:
                return REPEAT  # read again after a crash: the state is of a later record already
            if version.is_over(state, record.appended_at):
                state = None  # whether it is still in memory must make no difference
        event: ScenarioRouted | DialogueChanged | None
        if item.rejected is not None:
            event = self._decider.reject(
                version.rules, version.knowledge_fingerprint, state, record, item.rejected, now
            )
        elif item.deadline is not None:
            heard = Signals(
                cast("IntentDetected | None", signals[0]),
                cast("SentimentScored | None", signals[1]),
                cast("EntitiesExtracted | None", signals[2]),
            )
            event = self._decider.decide(version.rules, version.knowledge_fingerprint, state, record, heard, now)
        elif type(record.event) is SessionReturned:
            event = self._decider.after_return(state, record, now)
        else:
            event = self._decider.after_close(state, record, now)
        if event is None:
            return NOTHING_TO_CHANGE
        if state is None:
            # Counted from the offset on, so that it goes on growing in a session that was forgotten and comes back.
            event = event._replace(state=event.state._replace(seq=record.offset + 1))
        self._sessions.put(session, event.state, record.appended_at)
        if not item.is_turn:
            self._join.settle(item.id, record.appended_at)
        return Emit((event,))


def _can_be_answered(record: Record) -> bool:
    """Whether a message that is wrong still says whose turn it is, so that the customer can be given the fallback."""
    event = record.event
    if type(event) is not MessageReceived or wrong_name(event.meta.session_id):
        return False
    try:
        return str(uuid.UUID(event.meta.event_id)) == event.meta.event_id
    except ValueError:
        return False

