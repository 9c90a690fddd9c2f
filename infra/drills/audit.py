"""The audit after a play or a drill: what was sent, held against every topic and both stores.

The rules are those of the reliability bar: nothing lost, nothing answered twice, no session out of order, no store that
tells another story than the log.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from schemas.codec import Codec
from schemas.events import AgentReplied, DeadLettered, Event, MessageReceived, Record, ReplyProduced, ScenarioRouted
from schemas.identity import reply_id
from schemas.validation import wrong_event, wrong_run
from streams.log import Unreadable, read_to_end
from streams.topology import PROJECTIONS

Session = tuple[str, str]


@dataclass
class Audit:
    """What was found. `lost`, `doubled` and `disorder` name turns or sessions; a sound installation has none."""

    messages: int = 0
    turns: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disorder: list[Session] = field(default_factory=list)
    unknown_to_log: list[str] = field(default_factory=list)
    """Acknowledged to the sender, and not in the log."""
    undecodable: int = 0
    redelivered: dict[str, int] = field(default_factory=dict)
    """Raw repeats of an id by record; harmless, since the lowest offset wins."""
    contradictions: list[str] = field(default_factory=list)
    """Repeats of an id that decide otherwise than the first: harmless too, but a sign of impurity."""

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.disorder or self.unknown_to_log)


class _Log:
    """What the log holds, by turn: of each id the lowest offset."""

    def __init__(self) -> None:
        self.first: dict[str, Event] = {}
        self.repeats: Counter[str] = Counter()
        self.messages: dict[Session, list[str]] = defaultdict(list)
        self.routes: dict[Session, list[ScenarioRouted]] = defaultdict(list)
        self.ended: set[str] = set()
        self.reply_ids: dict[str, set[str]] = defaultdict(set)
        self.route_ids: dict[str, set[str]] = defaultdict(set)
        self.contradictions: list[str] = []
        self.undecodable = 0

    def add(self, record: Record) -> None:
        event = record.event
        meta = event.meta
        if wrong_run(event) is not None or wrong_event(event, record.appended_at) is not None:
            return
        earlier = self.first.get(meta.event_id)
        if earlier is not None:
            self.repeats[type(event).__name__] += 1
            if _decision(earlier) != _decision(event):
                self.contradictions.append(meta.event_id)
            return
        self.first[meta.event_id] = event
        session = (meta.tenant_id, meta.session_id)
        turn = meta.turn_id or ""
        match event:
            case MessageReceived():
                self.messages[session].append(turn)
            case ScenarioRouted():
                self.routes[session].append(event)
                self.route_ids[turn].add(meta.event_id)
                if event.owner == "human":
                    self.ended.add(turn)
            case ReplyProduced():
                self.reply_ids[turn].add(meta.event_id)
                self.ended.add(turn)
            case AgentReplied() | DeadLettered():
                self.ended.add(turn)
            case _:
                pass


def _decision(event: Event) -> object:
    """What of an event a repeat must say again; when it was made may differ."""
    match event:
        case ScenarioRouted():
            return event._replace(meta=None)  # type: ignore[arg-type]
        case _:
            return None


def audit(bootstrap: str, sent: Iterable[str], codec: Codec, run_id: str = "live") -> Audit:
    """Holds the ids of acknowledged messages against the log. Call it when the installation has come to rest."""
    return audit_records(read_to_end(bootstrap, PROJECTIONS["analytics"], codec), sent, run_id)


def audit_records(records: Iterable[Record | Unreadable], sent: Iterable[str], run_id: str = "live") -> Audit:
    """The same of records at hand, those of a partition in the order of their offsets."""
    log = _Log()
    for record in records:
        if isinstance(record, Unreadable):
            log.undecodable += 1
        else:
            log.add(record)
    found = Audit(undecodable=log.undecodable, redelivered=dict(log.repeats), contradictions=log.contradictions)
    acknowledged = set(sent)
    found.messages = len(acknowledged)
    found.unknown_to_log = sorted(m for m in acknowledged if m not in log.first)
    turns = {turn for session in log.messages.values() for turn in session}
    found.turns = len(turns)
    found.lost = sorted(turns - log.ended)
    found.doubled = sorted(
        turn
        for turn in turns
        if len(log.reply_ids[turn] | {reply_id(run_id, turn)}) > 1 or len(log.route_ids[turn]) > 1
    )
    found.disorder = sorted(s for s, routes in log.routes.items() if not _in_order(routes, log.messages[s]))
    return found


def _in_order(routes: list[ScenarioRouted], messages: list[str]) -> bool:
    """Whether a session's turns were decided in the order the log took them, and counted up within each episode."""
    decided = [r.meta.turn_id for r in routes]
    known = set(messages)
    if [t for t in decided if t in known] != [m for m in messages if m in set(decided)]:
        return False
    last: dict[str, int] = {}
    for r in routes:
        if r.state.turn_seq != last.get(r.state.episode_id, 0) + 1:
            return False
        last[r.state.episode_id] = r.state.turn_seq
    return all(a.state.seq < b.state.seq for a, b in pairwise(routes))
