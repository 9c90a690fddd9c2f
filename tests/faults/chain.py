"""A stage shaped like routing that shows any fault: each turn it makes carries a hash chain over its session's turns.

A message is joined with its one signal, which counts if the log took it within `WAIT` of the message. A turn that is
lost, repeated, out of order, or made from a state that lacks one before it breaks the chain.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from processors.outcomes import Drop, Emit, Outcome, Retry
from processors.stage import Context
from schemas.catalogue import MESSAGES, ROUTES, SIGNALS
from schemas.events import DialogueState, IntentDetected, MessageReceived, Record, ScenarioRouted, SignalsUsed
from schemas.identity import follow
from streams.topology import StageSpec

WAIT = 200_000


def chain_spec(tenant: str) -> StageSpec:
    """Each drill is a tenant and a group of its own, on the same log."""
    return StageSpec(f"chain-{tenant}", "drilled", (MESSAGES, SIGNALS), (ROUTES,), changelog=(ROUTES,))


def link(chain: str, turn_id: str, heard: bool) -> str:
    """The chain with one more turn."""
    return hashlib.blake2b(f"{chain}|{turn_id}|{heard}".encode(), digest_size=8).hexdigest()


class Offsets:
    """The offsets of one topic that are still needed."""

    def __init__(self, start: int) -> None:
        self._needed: deque[int] = deque()
        self._free: set[int] = set()
        self.next = start

    def take(self, offset: int) -> None:
        self._needed.append(offset)
        self.next = offset + 1

    def free(self, offset: int) -> None:
        self._free.add(offset)

    def safe(self) -> int:
        while self._needed and self._needed[0] in self._free:
            self._free.remove(self._needed.popleft())
        return self._needed[0] if self._needed else self.next


class ChainState:
    """One partition's join, and the chain of each of its sessions."""

    def __init__(self, tenant: str, start: Mapping[str, int]) -> None:
        self._tenant = tenant
        self._offsets = {topic: Offsets(start[topic]) for topic in (MESSAGES, SIGNALS)}
        self._clock = 0
        self._sessions: dict[str, tuple[int, str]] = {}
        self._routed: set[str] = set()
        self._turns: deque[Record] = deque()
        self._signals: dict[str, Record] = {}

    def recover(self, record: Record) -> None:
        event = record.event
        if isinstance(event, ScenarioRouted) and event.meta.tenant_id == self._tenant:
            turn = event.meta.turn_id or ""
            if turn not in self._routed:
                self._routed.add(turn)
                self._sessions[event.meta.session_id] = (event.state.seq, event.state.step)

    def read(self, record: Record, context: Context) -> Outcome | None:
        offsets, event, meta = self._offsets[record.topic], record.event, record.event.meta
        offsets.take(record.offset)
        if record.topic == SIGNALS:
            self._clock = max(self._clock, record.appended_at)
        turn = meta.turn_id or ""
        if meta.tenant_id != self._tenant or turn in self._routed:
            offsets.free(record.offset)
            return Drop("not mine")
        if isinstance(event, MessageReceived):
            if any(turn == waiting.event.meta.turn_id for waiting in self._turns):
                offsets.free(record.offset)
                return Drop("repeat")
            self._turns.append(record)
        elif isinstance(event, IntentDetected):
            if turn in self._signals:
                offsets.free(record.offset)
            else:
                self._signals[turn] = record
        return None

    def skip(self, topic: str, offset: int, appended_at: int) -> None:
        self._offsets[topic].take(offset)
        self._offsets[topic].free(offset)

    def due(self, context: Context) -> Iterator[Outcome]:
        """A partition's turns in the order of the log: stricter than by session, and easier to check."""
        while self._turns:
            message = self._turns[0]
            deadline, turn = message.appended_at + WAIT, message.event.meta.turn_id or ""
            signal = self._signals.get(turn)
            heard = signal is not None and signal.appended_at <= deadline
            if not heard and self._clock <= deadline:
                return
            self._turns.popleft()
            yield Emit((self._route(message, turn, heard),))
            self._offsets[MESSAGES].free(message.offset)
            if signal is not None:
                self._offsets[SIGNALS].free(self._signals.pop(turn).offset)

    def _route(self, message: Record, turn: str, heard: bool) -> ScenarioRouted:
        session = message.event.meta.session_id
        seq, chain = self._sessions.get(session, (0, ""))
        self._sessions[session] = (seq + 1, link(chain, turn, heard))
        self._routed.add(turn)
        return routed(message, seq + 1, link(chain, turn, heard), heard)

    def overdue(self, context: Context) -> Iterable[str]:
        if self._turns and self._clock <= self._turns[0].appended_at + WAIT < context.now:
            yield SIGNALS

    def end_seen(self, topic: str, end: int, asked_at: int) -> None:
        if self._offsets[topic].next >= end:
            self._clock = max(self._clock, asked_at)

    def safe(self) -> Mapping[str, int]:
        return {topic: offsets.safe() for topic, offsets in self._offsets.items()}


class Chain:
    """The keeper. `fail_at`: raises when it has made so many turns, as a bug would."""

    def __init__(self, tenant: str, fail_at: int = 0) -> None:
        self.name = chain_spec(tenant).name
        self._tenant, self._fail_at = tenant, fail_at

    def open(self, partition: int, start: Mapping[str, int]) -> ChainState:
        return FailingState(self._tenant, start, self._fail_at) if self._fail_at else ChainState(self._tenant, start)

    def ready(self, context: Context) -> Retry | None:
        return None


class FailingState(ChainState):
    """Has a bug that shows after `fail_at` turns of a partition."""

    def __init__(self, tenant: str, start: Mapping[str, int], fail_at: int) -> None:
        super().__init__(tenant, start)
        self._left = fail_at

    def due(self, context: Context) -> Iterator[Outcome]:
        for outcome in super().due(context):
            self._left -= 1
            if self._left == 0:
                raise ValueError("a bug in the drilled stage")
            yield outcome


def routed(message: Record, seq: int, chain: str, heard: bool) -> ScenarioRouted:
    """A turn whose bytes depend on the log alone, so that late repeats must be identical."""
    meta = message.event.meta
    return ScenarioRouted(
        meta=follow(meta, "chain", "chain@1", message.appended_at),
        text="", lang="", channel="", customer_id="", scenario="other", step="", trigger="", owner="reply",
        handoff=False, handoff_reason=None, rungs=(), template=None, soothing=None, knowledge_scope=(), knowledge="",
        policy="", signals=SignalsUsed(missing=() if heard else ("intent",)), slots={}, earlier_deadline_at=None,
        rejected=None,
        state=DialogueState(
            seq=seq, episode_id="", episode_started_at=0, turn_seq=seq, scenario="other", step=chain, failures=0,
            handed_off=False, handed_off_at=None, anger=0.0, last_turn_at=0, deadline_at=None, history=(),
        ),
    )  # fmt: skip
