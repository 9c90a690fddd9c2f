"""What customers were shown, and what the projections know, held against the log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from processors.conversation import Fold, put
from schemas.catalogue import MESSAGES, REPLIES, ROUTES
from schemas.events import AgentReplied, MessageReceived, Record, ReplyProduced, ScenarioRouted
from streams.testing.simulation.problem import Problem
from streams.testing.simulation.simulating import Simulation
from streams.testing.simulation.stores import AnalyticsStore, SessionStore
from streams.topology import PROJECTIONS


def delivery_problems(run: Simulation) -> Iterator[Problem]:
    """Each reply once, the first of its id, and a session's in the order of its turns unless a deadline passed."""
    first: dict[str, Record] = {}
    for n in range(run.schedule.partitions):
        for record in run.bus.kept[REPLIES, n]:
            first.setdefault(record.event.meta.event_id, record)
    shown = Counter(reply.event.meta.event_id for _, reply in run.delivered)
    for id_, record in first.items():
        if shown[id_] != 1:
            yield Problem("not shown once", f"the reply for {record.event.meta.turn_id} was shown {shown[id_]} times")
    for _, reply in run.delivered:
        if first[reply.event.meta.event_id].offset != reply.offset:
            yield Problem("not shown once", f"of the replies for {reply.event.meta.turn_id} a later one was shown")
    yield from _order(run)


def _order(run: Simulation) -> Iterator[Problem]:
    episodes: defaultdict[tuple[str, str], list[tuple[int, ReplyProduced]]] = defaultdict(list)
    for at, (_, event) in run.delivered:
        if isinstance(event, ReplyProduced):
            episodes[event.meta.session_id, event.episode_id].append((at, event))
    for (session, _), shown in episodes.items():
        for place, (_, reply) in enumerate(shown):
            before = [(at, r) for at, r in shown[:place] if r.turn_seq > reply.turn_seq]
            if before and not any(at >= (r.earlier_deadline_at or 0) for at, r in before):
                yield Problem("shown out of order", f"turn {reply.turn_seq} of {session} was shown after a later one")


def projection_problems(run: Simulation) -> Iterator[Problem]:
    """Both stores have the fold of the log, every offset once, and every message has come to something."""
    expected: Fold = {}
    everything: set[tuple[str, int, int]] = set()
    places = [(topic, n) for topic in PROJECTIONS["analytics"] for n in range(run.schedule.partitions)]
    for place in places:
        end = run.bus.end(place)
        everything.update((*place, offset) for offset in range(end))
        for found in reversed(run.facts.read(place, 0, end)):
            put(expected, found)
    for name, store in run.stores.items():
        if store.fold != expected:
            wrong = [key.session_id for key in expected if store.fold.get(key) != expected[key]]
            yield Problem("folded otherwise", f"{name} does not have what the log has of {', '.join(sorted(wrong))}")
        if isinstance(store, SessionStore):
            odd = {place: n for place, n in store.folded.items() if n != 1}
            if odd or store.folded.keys() != everything:
                missing = len(everything - store.folded.keys())
                how = f"{len(odd)} records more than once, and {missing} never"
                yield Problem("not folded once", f"{name} folded {how}")
        elif isinstance(store, AnalyticsStore) and store.index != everything:
            yield Problem("not listed", f"{name} does not list {len(everything - store.index)} records of the log")
    yield from _ledger(run)


def _ledger(run: Simulation) -> Iterator[Problem]:
    """What became of each message, as the ledger counts it over analytics."""
    fold = run.stores["analytics"].fold
    reached = {(kind, id_) for session in fold.values() for kind, id_ in session}
    by_human = {
        record.event.meta.turn_id
        for n in range(run.schedule.partitions)
        for record in (*run.bus.kept[ROUTES, n], *run.bus.kept[REPLIES, n])
        if isinstance(record.event, AgentReplied)
        or (isinstance(record.event, ScenarioRouted) and (record.event.handoff or record.event.owner == "human"))
    }
    for n in range(run.schedule.partitions):
        for record in run.bus.kept[MESSAGES, n]:
            if not isinstance(record.event, MessageReceived):
                continue
            turn = record.event.meta.event_id
            if ("dead_letter" if turn in run.bus.refused else "message", turn) not in reached:
                yield Problem("unaccounted", f"{turn} is in the log, and no turn has it")
            if turn not in by_human and ("reply", turn) not in reached and ("dead_letter", turn) not in reached:
                yield Problem("unaccounted", f"nothing has become of {turn}")
