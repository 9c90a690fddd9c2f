"""Runs routing over a log of messages and signals under a schedule of reads, crashes and takeovers, and audits it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from processors.stage import Keeper
from schemas.catalogue import CONTROL, MESSAGES, ROUTES, SIGNALS
from schemas.events import (
    DialogueChanged,
    EntitiesExtracted,
    Event,
    IntentDetected,
    MessageReceived,
    Record,
    ScenarioRouted,
    SentimentScored,
)
from schemas.identity import follow
from streams.bus import Bus, Clock
from streams.control import ControlFold
from streams.pipeline import Crashed, CrashPoint, Runner
from streams.policies import Policies
from streams.routing import Routing
from streams.testing import EPOCH, a_close, a_message, a_policy, a_return
from streams.topology import SPECS

WAIT = 0.3
KINDS = ("intent", "sentiment", "entities")
TEXTS = ("where is my order?", "nonsense", "let me talk to a human")


def _policies() -> Policies:
    control = ControlFold()
    control.take(Record(CONTROL, 0, 0, EPOCH, a_policy()))
    return Policies(control)


POLICIES = _policies()


class Turn(NamedTuple):
    """A message, `gap` milliseconds after the one before; when its signals come (milliseconds after it, None: never);
    whether it comes again, and a change of the session right after it."""

    session: int
    gap: int
    text: int
    delays: tuple[int | None, int | None, int | None]
    repeat_after: int | None
    then: str | None


class Act(NamedTuple):
    """What happens next: something is read, or goes wrong."""

    what: str
    amount: int


class Lying(NamedTuple):
    """An event and when the log takes it."""

    at: int
    event: Event


delays = st.one_of(st.none(), st.integers(0, 700))
turns = st.lists(
    st.builds(
        Turn,
        session=st.integers(0, 2),
        gap=st.integers(0, 400),
        text=st.integers(0, len(TEXTS) - 1),
        delays=st.tuples(delays, delays, delays),
        repeat_after=st.one_of(st.none(), st.integers(0, 900)),
        then=st.sampled_from([None, None, None, "return", "close"]),
    ),
    min_size=1,
    max_size=8,
)


def schedules(*whats: str) -> st.SearchStrategy[list[Act]]:
    """Lists of acts, the long ones as likely as the short ones."""
    act = st.builds(Act, what=st.sampled_from(whats), amount=st.integers(1, 12))
    return st.integers(0, 30).flatmap(lambda n: st.lists(act, min_size=n, max_size=n))


acts = schedules(
    "append", "append", MESSAGES, SIGNALS, "tick", "restart", "before_produce", "after_produce", "sleep", "wake"
)


def written(story: Sequence[Turn]) -> list[Lying]:
    """What comes to the log, in the order in which it comes."""
    found: list[Lying] = []
    at = EPOCH
    for number, turn in enumerate(story):
        at += turn.gap * 1000
        session = f"s-{turn.session}"
        message = a_message(TEXTS[turn.text], session=session, at=at, id_=f"m-{number}")
        found.append(Lying(at, message))
        if turn.repeat_after is not None:
            found.append(Lying(at + turn.repeat_after * 1000, message))
        for kind, delay in zip(KINDS, turn.delays, strict=True):
            if delay is not None:
                found += [Lying(at + delay * 1000, a_signal(message, kind))] * (1 + delay % 2)
        if turn.then is not None:
            make = a_return if turn.then == "return" else a_close
            found.append(Lying(at, make(session=session, at=at)))
    orphan = a_message("of another log", at=EPOCH, id_="orphan")
    found.append(Lying(EPOCH, a_signal(orphan, "intent")))
    return sorted(found, key=lambda lying: lying.at)


def a_signal(message: MessageReceived, kind: str) -> Event:
    """A signal of this kind."""
    meta = follow(message.meta, kind, "scripted@1", message.meta.occurred_at)
    if kind == "intent":
        human = "human" in message.text
        scenario = "human_handoff" if human else "order_query" if "order" in message.text else "other"
        return IntentDetected(meta, scenario, scenario, 0.9, (), 0.0, "en")
    return SentimentScored(meta, 0.0, "neutral", 0.1, 0.9) if kind == "sentiment" else EntitiesExtracted(meta, ())


class Rig:
    """One partition of routing over a log in memory, with whoever holds it now and those who held it before."""

    def __init__(self, make: Callable[[Policies], Keeper]) -> None:
        self.clock = Clock(EPOCH)
        self.bus = Bus(self.clock.now, partitions=1)
        self._make = make
        self.zombies: list[Runner] = []
        self.runner = self._a_runner()

    def _a_runner(self) -> Runner:
        return Runner(self.bus, SPECS["routing"], self._make(POLICIES), self.clock)

    def take_over(self) -> None:
        """The holder falls asleep; another one takes its partition."""
        self.runner.fenced = True
        self.zombies = [*self.zombies[-1:], self.runner]
        self.runner = self._a_runner()

    def wake(self) -> None:
        """Those who slept finish what they had in hand, and find that it is no longer theirs."""
        for zombie in self.zombies:
            zombie.step(3)
        self.zombies = []

    def append(self, lying: Sequence[Lying]) -> None:
        for at, event in lying:
            self.clock.advance(max(0, at - self.clock.now()) / 1e6)
            self.bus.append(event)

    def act(self, act: Act, pending: list[Lying]) -> None:
        match act.what:
            case "append":
                self.append(pending[: act.amount])
                del pending[: act.amount]
            case "tick":
                self.clock.advance(act.amount / 10)
                self.runner.step(0)
            case "restart":
                self.runner.restart()
            case "before_produce" | "after_produce":
                self._crash(act.what, act.amount)
            case "sleep":
                self.take_over()
            case "wake":
                self.wake()
            case topic:
                self.runner.step(act.amount, [topic])

    def _crash(self, point: CrashPoint, amount: int) -> None:
        self.runner.crash_at = point
        try:
            self.runner.step(amount)
        except Crashed:
            self.runner.restart()
        self.runner.crash_at = None

    def finish(self) -> None:
        """Everything is read, and time passes until nothing can be waiting any more."""
        for _ in range(8):
            while self.runner.step():
                pass
            self.clock.advance(3)

    def safe_ends(self) -> Mapping[str, tuple[int, int]]:
        """Topic to what is committed, and to where it ends."""
        group = SPECS["routing"].group
        return {t: (self.bus.committed(group, (t, 0)), self.bus.end((t, 0))) for t in (MESSAGES, SIGNALS)}


def play(story: Sequence[Turn], schedule: Sequence[Act], make: Callable[[Policies], Keeper] | None = None) -> Rig:
    """The story under the schedule, and then to its end."""
    rig = Rig(make or (lambda policies: Routing(policies, wait=WAIT)))
    pending = written(story)
    for act in schedule:
        rig.act(act, pending)
    rig.append(pending)
    rig.finish()
    rig.wake()
    rig.finish()
    return rig


def audit(story: Sequence[Turn], rig: Rig) -> list[str]:
    """What is wrong with what routing has decided; nothing, if it is sound."""
    wrong: list[str] = []
    decided: dict[str, ScenarioRouted | DialogueChanged] = {}
    for record in rig.bus.records(ROUTES):
        event = record.event
        assert isinstance(event, ScenarioRouted | DialogueChanged)
        first = decided.setdefault(event.meta.event_id, event)
        if _said(first) != _said(event):
            wrong.append(f"{event.meta.event_id} was decided twice, and differently")
    routes = [e for e in decided.values() if isinstance(e, ScenarioRouted)]
    heard = expected_signals(rig)
    if sorted(r.meta.turn_id or "" for r in routes) != sorted(heard):
        wrong.append(f"{len(routes)} turns were routed of {len(heard)}")
    for route in routes:
        missing = heard.get(route.meta.turn_id or "")
        if missing != route.signals.missing:
            wrong.append(f"{route.meta.turn_id} was routed without {route.signals.missing}, should be {missing}")
    wrong += _disorder(rig, decided.values())
    wrong += [f"{t} is held at {safe} of {end}" for t, (safe, end) in rig.safe_ends().items() if safe != end]
    return wrong


def _said(event: ScenarioRouted | DialogueChanged) -> object:
    """All but when it was made."""
    return event._replace(meta=event.meta._replace(occurred_at=0))


def _disorder(rig: Rig, decided: Collection[ScenarioRouted | DialogueChanged]) -> list[str]:
    order: dict[str, list[str]] = {}
    for record in rig.bus.records(MESSAGES):
        event = record.event
        seen = order.setdefault(event.meta.session_id, [])
        if isinstance(event, MessageReceived) and event.meta.event_id not in seen:
            seen.append(event.meta.event_id)
    found = []
    for session, turns_ in order.items():
        mine = [e for e in decided if e.meta.session_id == session]
        routed = [e.meta.turn_id for e in mine if isinstance(e, ScenarioRouted)]
        seqs = [e.state.seq for e in mine]
        if routed != turns_ or seqs != sorted(set(seqs)):
            found.append(f"{session}: {routed} with {seqs}, should be {turns_}")
    return found


def expected_signals(rig: Rig) -> dict[str, tuple[str, ...]]:
    """By the log alone: turn to the signals that had not come in time."""
    messages: dict[str, int] = {}
    for record in rig.bus.records(MESSAGES):
        if isinstance(record.event, MessageReceived):
            messages.setdefault(record.event.meta.event_id, record.appended_at)
    in_time: dict[str, set[str]] = {turn: set() for turn in messages}
    for record in rig.bus.records(SIGNALS):
        meta = record.event.meta
        turn = meta.turn_id or ""
        if turn in messages and record.appended_at <= messages[turn] + WAIT * 1_000_000:
            in_time[turn].add(meta.made_by.stage)
    return {turn: tuple(k for k in KINDS if k not in there) for turn, there in in_time.items()}
