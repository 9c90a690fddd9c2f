"""The log, audited by itself: who was decided and answered, in which order, from which signals, and always the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from processors.outcomes import Retry
from processors.stage import Context
from schemas.catalogue import MESSAGES, REPLIES, ROUTES, SIGNALS
from schemas.events import DialogueChanged, Event, MessageReceived, ReplyProduced, ScenarioRouted
from schemas.identity import reply_id
from streams.join import KIND
from streams.pipeline import Runner
from streams.reply import AHEAD
from streams.testing.simulation.problem import Problem
from streams.testing.simulation.product import policies_of
from streams.testing.simulation.schedule import SKEW
from streams.testing.simulation.simulating import Simulation
from streams.testing.simulation.worker import FollowedControl
from streams.topology import SPECS

KINDS: Final = ("intent", "sentiment", "entities")
Decision = ScenarioRouted | DialogueChanged


@dataclass
class _Log:
    """The log, sorted. `messages`: by session the turns in the order of the log, each with when the log first took it.
    `decided`: of each decision the first, by id and in the order of its partition."""

    messages: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    decided: dict[str, Decision] = field(default_factory=dict)
    routes: dict[str, ScenarioRouted] = field(default_factory=dict)
    once: set[str] = field(default_factory=set)
    """Messages that the log took once: one that comes again may meet another model."""
    problems: list[Problem] = field(default_factory=list)


def log_problems(run: Simulation) -> Iterator[Problem]:
    """What is wrong with it."""
    log = _sorted(run)
    yield from log.problems
    yield from _order(log)
    yield from _signals(run, log)
    yield from _replies(run, log)
    yield from _again(run, log)


def _sorted(run: Simulation) -> _Log:
    log = _Log()
    for n in range(run.schedule.partitions):
        for record in run.bus.kept[MESSAGES, n]:
            event = record.event
            if isinstance(event, MessageReceived):
                mine, id_ = log.messages[event.meta.session_id], event.meta.event_id
                (log.once.discard if id_ in mine else log.once.add)(id_)
                mine.setdefault(id_, record.appended_at)
        for record in run.bus.kept[ROUTES, n]:
            event = record.event
            assert isinstance(event, ScenarioRouted | DialogueChanged)
            first = log.decided.setdefault(event.meta.event_id, event)
            if first is event:
                if isinstance(event, ScenarioRouted):
                    log.routes[event.meta.turn_id or ""] = event
            elif _timeless(first) != _timeless(event):
                log.problems.append(Problem("decided twice", f"{_who(event)} was decided again, and otherwise"))
    return log


def _timeless(event: Event) -> Event:
    """All but when it was made."""
    return event._replace(meta=event.meta._replace(occurred_at=0))


def _who(event: Event) -> str:
    return event.meta.turn_id or f"the change by {event.meta.caused_by}"


def _order(log: _Log) -> Iterator[Problem]:
    by_session: defaultdict[str, list[Decision]] = defaultdict(list)
    for event in log.decided.values():
        by_session[event.meta.session_id].append(event)
    for session, turns in log.messages.items():
        mine = by_session[session]
        routed = [e.meta.turn_id for e in mine if isinstance(e, ScenarioRouted)]
        for lost in turns.keys() - set(routed):
            yield Problem("not decided", f"{lost} of {session} was never decided")
        if routed != [t for t in turns if t in log.routes]:
            said, done = ", ".join(turns), ", ".join(map(str, routed))
            yield Problem("out of order", f"{session} wrote {said}; decided was {done}")
        seqs = [e.state.seq for e in mine]
        if seqs != sorted(set(seqs)):
            yield Problem("out of order", f"the states of {session} are numbered {seqs}")
        yield from _numbers(session, mine)


def _numbers(session: str, decisions: list[Decision]) -> Iterator[Problem]:
    """Turns are counted from one in each episode."""
    episode, number = "", 0
    for event in decisions:
        if isinstance(event, ScenarioRouted):
            state = event.state
            number = number + 1 if state.episode_id == episode else 1
            episode = state.episode_id
            if state.turn_seq != number:
                number_of = f"{event.meta.turn_id} of {session} is turn {state.turn_seq}"
                yield Problem("out of order", f"{number_of}, not {number}")
                number = state.turn_seq


def _signals(run: Simulation, log: _Log) -> Iterator[Problem]:
    """By the log alone: a signal counts if the log took it in time."""
    wait, at = int(run.product.wait * 1_000_000), {t: a for turns in log.messages.values() for t, a in turns.items()}
    in_time: dict[str, set[int]] = {turn: set() for turn in at}
    first: dict[str, Event] = {}
    for n in range(run.schedule.partitions):
        for record in run.bus.kept[SIGNALS, n]:
            event = record.event
            turn = event.meta.turn_id or ""
            if record.appended_at <= at[turn] + wait:
                in_time[turn].add(KIND[type(event)])
            if turn in log.once and _timeless(first.setdefault(event.meta.event_id, event)) != _timeless(event):
                yield Problem("understood twice", f"{event.meta.made_by.stage} of {turn} differs from the first")
    for turn, route in log.routes.items():
        expected = KINDS if route.rejected else tuple(k for i, k in enumerate(KINDS) if i not in in_time[turn])
        if route.signals.missing != expected:
            had, should = (", ".join(kinds) or "none" for kinds in (route.signals.missing, expected))
            yield Problem("decided from other signals", f"{turn} was decided without {had}; by the log it is {should}")


def _replies(run: Simulation, log: _Log) -> Iterator[Problem]:
    replied: defaultdict[str, list[ReplyProduced]] = defaultdict(list)
    slack = SKEW * 1000 + 1000
    for n in range(run.schedule.partitions):
        for record in run.bus.kept[REPLIES, n]:
            reply = record.event
            if isinstance(reply, ReplyProduced):
                turn = reply.meta.turn_id or ""
                replied[turn].append(reply)
                early = record.appended_at + slack < (reply.meta.deadline_at or 0) - AHEAD
                route = log.routes.get(turn)
                if route is not None and route.owner == "generation" and reply.meta.made_by.stage == "reply" and early:
                    yield Problem("answered for another", f"{turn} is generation's, and its deadline had not come")
    for turn, route in log.routes.items():
        ids = {reply.meta.event_id for reply in replied.pop(turn, [])}
        expected = set() if route.owner == "human" else {reply_id("live", turn)}
        if ids != expected:
            yield Problem("not one reply", f"{turn}, owned by {route.owner}, has {len(ids)} replies")
    for turn in replied:
        yield Problem("not one reply", f"{turn} was answered, and never decided")


def _again(run: Simulation, log: _Log) -> Iterator[Problem]:
    """From the same log, a run in which nothing goes wrong decides the same."""
    spec = replace(SPECS["routing"], name="routing again", changelog=())
    routing = run.product.routing(policies_of(FollowedControl(run.bus, run.clock)))
    runner = Runner(run.bus, spec, routing, run.clock)
    again: dict[str, Decision] = {}
    events = runner.decide(runner.read(1 << 30), Context(run.clock.now()))
    assert not isinstance(events, Retry), "a keeper that is ready decides"
    for event in events:
        if isinstance(event, ScenarioRouted | DialogueChanged):
            again.setdefault(event.meta.event_id, event)
    for id_ in log.decided.keys() | again.keys():
        one, other = log.decided.get(id_), again.get(id_)
        if one is None or other is None or _timeless(one) != _timeless(other):
            known = one or other
            assert known is not None
            yield Problem("diverged", f"{_who(known)} is decided otherwise when the log is read without faults")
