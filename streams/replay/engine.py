"""Replays one partition of a stretch: the stages of the live pipeline over the recorded log, with another cast.

The log keeps its shape: every fact of the run lies where its recorded counterpart lies, at the same time. What the
candidate understands, decides and says is put in these places; what hung on load (which signals came in time, what a
cache held, when a turn was answered) and what came from outside (what humans wrote) is as it was.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final

from processors.outcomes import Drop, Emit, Reject
from processors.routing import STAGE as ROUTING
from processors.stage import Context
from schemas.catalogue import DEAD_LETTERS, MESSAGES, SIGNALS
from schemas.codec import Codec
from schemas.events import (
    LIVE,
    DialogueChanged,
    MessageReceived,
    Record,
    ScenarioRouted,
    SessionClosed,
    SessionReturned,
)
from schemas.validation import wrong_event
from streams.dead_letter import Bad, dead_letter, of_record
from streams.join import KIND
from streams.log import Unreadable
from streams.policies import Policies
from streams.replay.cast import Cast, Mode
from streams.replay.dialogues import RecordedDialogues
from streams.replay.differences import of_state
from streams.replay.generating import KeptReplies, NothingKept
from streams.replay.measuring import GENERATION, HUMAN_REPLY
from streams.replay.outcome import PartitionReplay, TurnMeasure
from streams.replay.recorded import Recorded
from streams.replay.retelling import in_run, placed
from streams.replay.saying import Saying
from streams.replay.signals import BATCH, CannotReplay, Understood, understand
from streams.replay.stretch import PartitionStretch
from streams.routing import Dialogues, Routing, RoutingState, Sessions

__all__ = ["CannotReplay", "Cast", "Mode", "PartitionReplay", "TurnMeasure", "replay_partition"]

CHUNK: Final = 2 * BATCH
"""Records of chat.messages between decisions, as a batch is live."""
LONG: Final = 1e9
"""Seconds of log time: nothing of a stretch is given up or forgotten by the join."""
FOR_EVER: Final = 1 << 61
"""Microseconds UTC after every record."""
NOW: Final = Context(0)
"""What is decided gets the recorded time afterwards."""


def replay_partition(
    stretch: PartitionStretch,
    cast: Cast,
    mode: Mode,
    run_id: str,
    progress: Callable[[int], None] = lambda turns: None,
    kept: KeptReplies = NothingKept(),  # noqa: B008
) -> PartitionReplay:
    """What the cast makes of one partition of a stretch.

    progress: told now and then how many turns are done. kept: generated replies that the run has, and what keeps more.

    Raises ValueError for the run "live" and a mode that is none, CannotReplay where a model cannot run, LookupError
    where a policy that decided is not in the cast's control log.
    """
    if run_id == LIVE or not run_id:
        raise ValueError(f"run_id is {run_id!r}: a replay has a run of its own")
    if mode not in ("teacher-forced", "free-run"):
        raise ValueError(f"mode is {mode!r}: give teacher-forced or free-run")
    return _Partition(stretch, cast, mode, run_id, kept).replay(progress)


class _Partition:
    """One partition being replayed."""

    def __init__(self, stretch: PartitionStretch, cast: Cast, mode: Mode, run_id: str, kept: KeptReplies) -> None:
        self._stretch, self._cast, self._run_id = stretch, cast, run_id
        self._free = mode == "free-run"
        self._recorded = Recorded(stretch)
        self._inputs: dict[str, Record] = {}
        """What was read of chat.messages, by id."""
        self._messages = {id_: self._own(turn.message) for id_, turn in self._recorded.turns.items()}
        self._signals: Understood = {}
        self._facts: list[Record] = []
        self._saying = Saying(self._recorded, cast, stretch.partition, self._free, run_id, kept, self._facts.append)
        self._counts: Counter[str] = Counter()

    def replay(self, progress: Callable[[int], None]) -> PartitionReplay:
        state = self._routing()
        signals = deque(self._stretch.signals)
        for chunk in _chunks(self._stretch.messages):
            self._understand(r.event.meta.event_id for r in chunk if isinstance(r, Record))
            for message in chunk:
                self._read_message(state, message)
            self._read_signals(state, signals, chunk[-1].appended_at)
            self._decide(state)
            progress(len(self._saying.turns))
        self._read_signals(state, signals, FOR_EVER)
        state.end_seen(SIGNALS, 0, FOR_EVER)
        self._decide(state)
        self._saying.finish(progress)
        progress(len(self._saying.turns))
        self._facts.sort(key=lambda fact: (fact.topic, fact.offset, fact.event.meta.event_id))
        return PartitionReplay(tuple(self._facts), tuple(self._saying.turns), self._counted())

    def _routing(self) -> RoutingState:
        """The routing stage as it stood when the stretch began."""

        def dialogues(policies: Policies) -> Dialogues:
            return Sessions(policies) if self._free else RecordedDialogues(self._recorded)

        keeper = Routing(self._cast.policies, self._cast.wait, LONG, LONG, dialogues=dialogues)
        state = keeper.open(self._stretch.partition, {MESSAGES: 0, SIGNALS: 0})
        for record in self._recorded.before:
            state.recover(record)
        return state

    def _understand(self, ids: Iterable[str]) -> None:
        """The signals of those of these turns that have none yet."""
        every = self._recorded.turns
        turns = {id_: every[id_] for id_ in ids if id_ in every and id_ not in self._signals}
        messages = {id_: self._own(t.understood) if t.again else self._messages[id_] for id_, t in turns.items()}
        self._signals.update(understand(turns, messages, self._cast))

    @cached_property
    def _codec(self) -> Codec:
        """For the bytes of dead letters, which most partitions have none of."""
        return Codec()

    # What is read.

    def _read_message(self, state: RoutingState, record: Record | Unreadable) -> None:
        if isinstance(record, Unreadable):
            self._unreadable(state, record)
            return
        id_, turn = record.event.meta.event_id, self._recorded.turns.get(record.event.meta.event_id)
        own = self._messages[id_] if turn is not None and turn.message is record else self._own(record)
        if id_ not in self._inputs and id_ not in self._recorded.settled:
            self._inputs[id_] = own
            self._facts.append(own)
            self._counts["messages"] += isinstance(record.event, MessageReceived)
        if self._never_decided(record):
            state.skip(record.topic, record.offset, record.appended_at)
            return
        if turn is not None and turn.route is not None and turn.decided is not record:
            state.skip(record.topic, record.offset, record.appended_at)
            self._counts["repeat"] += 1
            return
        outcome = state.read(own, NOW)
        if isinstance(outcome, Reject):
            self._dead(of_record(record, outcome.reason, outcome.detail, self._codec))
        elif isinstance(outcome, Drop):
            self._counts[outcome.reason] += 1

    def _never_decided(self, record: Record) -> bool:
        """Whether live did not decide a message that could be decided: it lay in the log when the stages stopped, or
        its tenant had no policy yet. There is nothing to compare with, and the dialogue went on without it."""
        event = record.event
        id_ = event.meta.event_id
        if isinstance(event, SessionReturned | SessionClosed):
            # Live found nothing to change, or knew it from before the stretch: then it must not change anything now.
            return id_ not in self._recorded.changes and wrong_event(event, record.appended_at) is None
        if not isinstance(event, MessageReceived):
            return False
        if self._recorded.turns[id_].route is not None or id_ in self._recorded.settled:
            return False
        if self._cast.policies.in_force(event.meta.tenant_id, record.appended_at) is None:
            return False
        wrong = wrong_event(event, record.appended_at)
        if wrong is not None:
            self._dead(of_record(record, "invalid", wrong, self._codec))
        self._counts["undecided"] += 1
        return True

    def _read_signals(self, state: RoutingState, signals: deque[Record | Unreadable], until: int) -> None:
        while signals and signals[0].appended_at <= until:
            record = signals.popleft()
            if isinstance(record, Unreadable):
                self._unreadable(state, record)
                continue
            turn_id, kind = record.event.meta.turn_id or "", KIND.get(type(record.event))
            if turn_id not in self._signals:
                self._understand((turn_id,))  # the log's clock was set back between the two topics
            turn, heard = self._recorded.turns.get(turn_id), self._signals.get(turn_id)
            signal = heard[kind] if heard is not None and kind is not None else None
            if turn is None or kind is None or signal is None or turn_id in self._recorded.settled:
                state.skip(record.topic, record.offset, record.appended_at)
                continue
            own = Record(*record[:4], signal.event)
            if turn.signals[kind] is record:
                self._facts.append(own)
                self._counts["signals_recomputed" if signal.seconds is not None else "signals_served"] += 1
            if turn.route is None or turn.was_not_heard(kind):
                state.skip(record.topic, record.offset, record.appended_at)
            else:
                state.read(own, NOW)

    def _unreadable(self, state: RoutingState, record: Unreadable) -> None:
        state.skip(record.topic, record.offset, record.appended_at)
        self._counts["unreadable"] += 1
        self._dead(Bad(*record[:6], record.why.reason, record.why.detail, None))

    # What is decided and said.

    def _decide(self, state: RoutingState) -> None:
        outcomes = iter(state.due(NOW))
        while True:
            began = time.thread_time()
            outcome = next(outcomes, None)
            seconds = time.thread_time() - began
            if outcome is None:
                return
            if isinstance(outcome, Emit):
                for event in outcome.events:
                    if isinstance(event, ScenarioRouted):
                        self._turn(event, seconds)
                    elif isinstance(event, DialogueChanged):
                        self._change(event)

    def _turn(self, event: ScenarioRouted, seconds: float) -> None:
        turn_id = event.meta.turn_id or ""
        turn, message = self._recorded.turns[turn_id], self._messages[turn_id]
        assert turn.route is not None, "messages without a recorded decision are passed over"
        routed = placed(event, turn.route, message)
        self._facts.append(routed)
        self._saying.decided(turn, message, routed, self._signals[turn_id], seconds)

    def _change(self, event: DialogueChanged) -> None:
        caused_by = event.meta.caused_by or ""
        recorded = self._recorded.changes.get(caused_by)
        self._facts.append(placed(event, recorded, self._inputs[caused_by]))
        self._counts["changes"] += 1
        known = recorded.event if recorded is not None else None
        same = isinstance(known, DialogueChanged) and known.change == event.change
        if not (same and isinstance(known, DialogueChanged) and not of_state(event.state, known.state).fields):
            self._counts["changes_differ"] += 1

    # Facts.

    def _own(self, record: Record) -> Record:
        """A recorded event as one of this run."""
        return Record(*record[:4], in_run(record.event, self._run_id))

    def _dead(self, bad: Bad) -> None:
        letter = dead_letter(bad, ROUTING, bad.appended_at)
        letter = letter._replace(meta=letter.meta._replace(run_id=self._run_id))
        self._counts["dead_letters"] += 1
        self._facts.append(Record(DEAD_LETTERS, bad.partition, bad.offset, bad.appended_at, letter))

    def _counted(self) -> Mapping[str, int]:
        turns = self._saying.turns
        counts = Counter({"turns": len(turns), "facts": len(self._facts)})
        for turn in turns:
            counts["identical"] += not turn.differs
            counts["on_policy"] += turn.on_policy
            counts["missing_human_replies"] += HUMAN_REPLY in turn.missing_effects
            counts["missing_generations"] += GENERATION in turn.missing_effects
            counts.update(f"{part}_recomputed" for part in turn.recomputed)
            counts.update(f"{part}_served" for part in turn.served)
        return dict(sorted((counts + self._counts + self._saying.counts).items()))


def _chunks(messages: Sequence[Record | Unreadable]) -> Iterator[Sequence[Record | Unreadable]]:
    for start in range(0, len(messages), CHUNK):
        yield messages[start : start + CHUNK]
