"""Runs the reply stage over a log of routes and answers under a schedule of reads and faults, and audits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from processors.routing import Signals, decide
from processors.stage import Keeper
from schemas.catalogue import REPLIES, ROUTES
from schemas.events import Event, Record, ReplyProduced, ScenarioRouted
from schemas.identity import follow_as_reply, message_id, reply_id
from streams.bus import Bus, Clock
from streams.pipeline import Crashed, CrashPoint, Runner
from streams.policies import Policies
from streams.reply import AHEAD, Reply
from streams.reply_cache import LruReplyCache
from streams.testing import EPOCH, a_message
from streams.topology import SPECS
from tests.properties.join_audit import POLICIES, Act, Lying, schedules

STAGE = "reply"
GENERATION = "generation"


class Asked(NamedTuple):
    """A turn `gap` milliseconds after the one before, its deadline and its owner's answer (milliseconds after it; None:
    never), and whether its route comes twice."""

    gap: int
    owner: str
    deadline: int
    answer: int | None
    twice: bool


asked = st.lists(
    st.builds(
        Asked,
        gap=st.integers(0, 500),
        owner=st.sampled_from(["reply", "generation", "generation", "human"]),
        deadline=st.integers(1, 3000),
        answer=st.one_of(st.none(), st.integers(1, 4000)),
        twice=st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=8,
)
_CALM = ("append", "append", ROUTES, REPLIES, "all", "all", "all", "tick", "restart", "after_produce")
mishaps = st.one_of(schedules(*_CALM), schedules(*_CALM, "before_produce", "sleep", "wake"))


def written(story: Sequence[Asked]) -> list[Lying]:
    """What comes to the log besides the stage's own replies, in order."""
    version = POLICIES.in_force("shop", EPOCH)
    assert version is not None
    found: list[Lying] = []
    at = EPOCH
    for number, turn in enumerate(story):
        at += turn.gap * 1000
        message = a_message(at=at, id_=f"m-{number}", deadline=turn.deadline / 1000)
        record = Record("chat.messages", 0, number, at, message)
        route = decide(version.rules, version.knowledge_fingerprint, None, record, Signals(), at)
        route = route._replace(owner=turn.owner, rungs=("template", "fallback"))
        found += [Lying(at, route)] * (1 + turn.twice)
        if turn.owner == "generation" and turn.answer is not None:
            found.append(Lying(at + turn.answer * 1000, an_answer(route, at + turn.answer * 1000)))
    return sorted(found, key=lambda lying: lying.at)


def an_answer(route: ScenarioRouted, at: int) -> ReplyProduced:
    """What generation says to a turn."""
    meta, state = follow_as_reply(route.meta, GENERATION, "model@1", at), route.state
    return ReplyProduced(
        meta, "Generated.", "large_model", (), (), route.lang, route.scenario, None, route.policy, route.knowledge,
        state.episode_id, state.turn_seq, None, False, 0.1,
    )  # fmt: skip


class Rig:
    """One partition of the reply stage, with whoever holds it now and those who held it before."""

    def __init__(self, make: Callable[[Policies], Keeper]) -> None:
        self.clock = Clock(EPOCH)
        self.bus = Bus(self.clock.now, partitions=1)
        self._make = make
        self._zombies: list[Runner] = []
        self.runner = self._a_runner()

    def _a_runner(self) -> Runner:
        return Runner(self.bus, SPECS[STAGE], self._make(POLICIES), self.clock)

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
            case "all":
                self.runner.step()
            case "restart":
                self.runner.restart()
            case "before_produce" | "after_produce":
                self._crash(act.what, act.amount)
            case "sleep":
                self.runner.fenced = True
                self._zombies.append(self.runner)
                self.runner = self._a_runner()
            case "wake":
                self.wake()
            case topic:
                self.runner.step(act.amount, [topic])

    def wake(self) -> None:
        for zombie in self._zombies:
            zombie.step(3)
        self._zombies = []

    def _crash(self, point: CrashPoint, amount: int) -> None:
        self.runner.crash_at = point
        try:
            self.runner.step(amount)
        except Crashed:
            self.runner.restart()
        self.runner.crash_at = None

    def finish(self) -> None:
        for _ in range(10):
            while self.runner.step():
                pass
            self.clock.advance(3)


def play(story: Sequence[Asked], schedule: Sequence[Act], make: Callable[[Policies], Keeper] | None = None) -> Rig:
    """The story under the schedule, and then to its end."""
    rig = Rig(make or a_reply_stage)
    pending = written(story)
    for act in schedule:
        rig.act(act, pending)
    rig.append(pending)
    rig.finish()
    rig.wake()
    rig.finish()
    return rig


def a_reply_stage(policies: Policies) -> Reply:
    return Reply(policies, LruReplyCache(), seconds=lambda: 0.0)


def audit(story: Sequence[Asked], schedule: Sequence[Act], rig: Rig) -> list[str]:
    """What is wrong with the replies; nothing, if the stage is sound."""
    routes = {r.event.meta.turn_id: r.event for r in rig.bus.records(ROUTES) if isinstance(r.event, ScenarioRouted)}
    replies = [r for r in rig.bus.records(REPLIES) if isinstance(r.event, ReplyProduced)]
    wrong = []
    for turn, route in routes.items():
        mine = [r for r in replies if r.event.meta.turn_id == turn]
        expected = {reply_id("live", turn or "")} if route.owner != "human" else set()
        if {r.event.meta.event_id for r in mine} != expected:
            wrong.append(f"{turn} of {route.owner} has the replies {[r.event.meta.event_id for r in mine]}")
    wrong += _own(story, schedule, routes, replies)
    wrong += [
        f"{t} is held at {rig.bus.committed('spillway.reply', (t, 0))} of {rig.bus.end((t, 0))}"
        for t in (ROUTES, REPLIES)
        if rig.bus.committed("spillway.reply", (t, 0)) != rig.bus.end((t, 0))
    ]
    return wrong


def _own(
    story: Sequence[Asked], schedule: Sequence[Act], routes: dict[str | None, ScenarioRouted], replies: Sequence[Record]
) -> list[str]:
    """What the stage itself has said: for others not before their deadline, and nothing twice without a reason."""
    wrong = []
    own = [r for r in replies if r.event.meta.made_by.stage == STAGE]
    for reply in own:
        meta = reply.event.meta
        earliest = ((meta.deadline_at or 0) - AHEAD) // 1000 * 1000
        if routes[meta.turn_id].owner == GENERATION and reply.appended_at < earliest:
            wrong.append(f"{meta.turn_id} got the fallback before its deadline")
    if not any(a.what == "sleep" for a in schedule):
        redelivered = {message_id("shop", "web", f"m-{number}") for number, turn in enumerate(story) if turn.twice}
        counted = Counter(r.event.meta.turn_id for r in own if r.event.meta.turn_id not in redelivered)
        wrong += [f"{turn} was answered {n} times" for turn, n in counted.items() if n > 1]
    return wrong


def texts(events: Sequence[Event]) -> list[str]:
    """What was said."""
    return [e.text for e in events if isinstance(e, ReplyProduced)]
