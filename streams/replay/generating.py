"""Turns that generation owns: what was said comes from the record, or is made by the generation stage with a candidate.

A model that samples may say something else each time, and paying it takes long. So the record is served wherever the
candidate asks what live asked; what a candidate makes is kept as soon as it is made, and not made again by a resume.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from processors.ladder import GENERATING
from processors.outcomes import Emit, Outcome
from processors.replying import Cached
from processors.stage import Context
from schemas.catalogue import MESSAGES, REPLIES, ROUTES
from schemas.events import Citation, Generated, Meta, PassedOver, Record, ReplyProduced, ScenarioRouted
from schemas.identity import follow_as_reply
from streams.generation.stage import STAGE, Generation
from streams.generation.tasks import Generations, Made, Task
from streams.policies import Policies
from streams.replay.cast import Generating
from streams.replay.recorded import RecordedTurn
from streams.replay.signals import CannotReplay

OWNER: Final = STAGE
AT_ONCE: Final = 128
"""Turns handed over together, each of a session of its own; so many replies at most are lost with a process."""
TIME: Final = 600.0
"""Seconds that a turn may take, its wait among the others included: a candidate is not judged by the replay's load."""
LONG: Final = 1e9
TRIES: Final = 3
"""Times that turns are handed over which the queue sent away; each time fewer wait there together."""
AWAY: Final = frozenset({"no_model", "not_ready", "breaker_open", "model_away", "model_unready"})
"""Reasons of passing a model over that say nothing of a candidate: it cannot be asked."""
LOAD: Final = frozenset(
    {"class_yields", "queue", "tenant_share", "tenant_queue_full", "queue_full", "made_room", "waited_too_long"}
)
"""Reasons that lie in how much was asked at once."""
PROMPTED: Final = (
    "lang", "scenario", "step", "owner", "rungs", "template", "soothing", "knowledge_scope", "knowledge", "slots",
    "rejected",
)  # fmt: skip
"""Fields of a decision that a generated reply hangs on, beside the policy's prompt."""


class KeptReply(NamedTuple):
    """What a run has made of a turn before: all of its reply that does not follow from the turn's decision."""

    text: str
    rung: str
    passed_over: tuple[PassedOver, ...]
    citations: tuple[Citation, ...]
    template: str | None
    seconds: float
    generated: Generated


class KeptReplies(Protocol):
    """Where a run's generated replies lie, so that what was paid is not paid again."""

    def of(self, partition: int) -> Mapping[str, KeptReply]:
        """By turn id, those that are stored."""
        ...

    def keep(self, replies: Sequence[Record]) -> None:
        """Stores replies of this run, each at its place."""
        ...


class NothingKept:
    """The port KeptReplies of whoever stores nothing."""

    def of(self, partition: int) -> Mapping[str, KeptReply]:
        return {}

    def keep(self, replies: Sequence[Record]) -> None:
        pass


def served(turn: RecordedTurn, route: ScenarioRouted, prompt: str | None) -> ReplyProduced | None:
    """The recorded reply as the run's own; None where the candidate asks something that live did not ask.

    prompt: the fingerprint of the prompt that the candidate's policy has for the turn.
    """
    said, decision = turn.said, turn.decision
    if said is None or any(getattr(route, name) != getattr(decision, name) for name in PROMPTED):
        return None
    if said.generated is not None and said.generated.prompt and said.generated.prompt != prompt:
        return None
    made_by = said.meta.made_by
    meta = follow_as_reply(route.meta, made_by.stage, made_by.fingerprint, said.meta.occurred_at)
    return said._replace(
        meta=meta,
        policy=route.policy,
        knowledge=route.knowledge,
        episode_id=route.state.episode_id,
        turn_seq=route.state.turn_seq,
        handoff=route.handoff,
    )


class Wanted(NamedTuple):
    """A turn whose reply is to be made at `now` (microseconds UTC)."""

    route: Record
    now: int


class Maker:
    """The generation stage of a replay, over one partition. Close it."""

    def __init__(self, generating: Generating, policies: Policies, partition: int, known: Mapping[str, KeptReply]):
        """known: what the run has made before."""
        self._known, self._partition = known, partition
        self._desk = _Desk(generating)
        self._stage = Generation(
            policies, self._desk, _NothingCached(), expiry=LONG, remember=LONG, seconds=lambda: 0.0, most=1 << 30
        )
        self._stage.ready(Context(0))

    def heard(self, meta: Meta, text: str, we: bool) -> None:
        """Something said in a session, for the prompts of its later turns."""
        self._desk.inner.heard(meta, text, we)

    def known(self, route: Record) -> ReplyProduced | None:
        """The reply that the run has made before."""
        decision = _route(route)
        kept = self._known.get(decision.meta.turn_id or "")
        if kept is None:
            return None
        meta = follow_as_reply(decision.meta, STAGE, decision.policy, 0)
        state = decision.state
        return ReplyProduced(
            meta, kept.text, kept.rung, kept.passed_over, kept.citations, decision.lang, decision.scenario,  # type: ignore[arg-type]  # a rung that was stored
            kept.template, decision.policy, decision.knowledge, state.episode_id, state.turn_seq,
            decision.earlier_deadline_at, decision.handoff, kept.seconds, kept.generated,
        )  # fmt: skip

    def make(self, wanted: Sequence[Wanted]) -> dict[str, ReplyProduced]:
        """The replies, by turn id, all made at once; the turns are of sessions of their own.

        Raises CannotReplay where a model cannot be asked, LookupError where a turn's policy is gone.
        """
        found: dict[str, ReplyProduced] = {}
        left = list(wanted)
        for _ in range(TRIES):
            found |= self._made(left)
            left = [w for w in left if any(p.reason in LOAD for p in _models_passed(found[_turn(w.route)]))]
            if not left:
                break
        for reply in found.values():
            _check(reply)
        return found

    def _made(self, wanted: Sequence[Wanted]) -> dict[str, ReplyProduced]:
        found: dict[str, ReplyProduced] = {}
        state = self._stage.open(self._partition, {ROUTES: 0, REPLIES: 0, MESSAGES: 0})
        state.end_seen(REPLIES, 0, 0)  # nobody else answers here
        self._desk.closed = True
        for route, now in wanted:
            state.read(route, Context(now))
            found |= _replies(state.due(Context(now)))
        self._desk.closed = False
        while len(found) < len(wanted):
            under_way = self._desk.inner.unsettled
            found |= _replies(state.due(Context(min(now for _, now in wanted))))
            if not under_way and len(found) < len(wanted):
                gone = next(_route(w.route) for w in wanted if _turn(w.route) not in found)
                raise LookupError(f"turn {gone.meta.turn_id}: the policy {gone.policy} that decided it is gone")
        return found

    def close(self) -> None:
        """Ends what is under way, and the connections."""
        self._desk.inner.close()


class _Desk:
    """The port Generations, between the stage and what generates: the candidate's prompt, and the replay's own time.

    While it is `closed`, nothing comes out: turns are only taken in, so that they are made together.
    """

    def __init__(self, generating: Generating) -> None:
        self.inner: Generations = generating.open()
        self._prompt = generating.prompt
        self.closed = False

    def submit(self, task: Task) -> None:
        self.inner.submit(task._replace(template=self._prompt or task.template, deadline=TIME, lane="replay"))

    def cancel(self, turn_id: str) -> None:
        self.inner.cancel(turn_id)

    def heard(self, meta: Meta, text: str, we: bool) -> None:
        """What was said is told apart from this: the record's replies or the run's own, as the mode has it."""

    def poll(self) -> list[tuple[str, Made]]:
        return [] if self.closed else self.inner.poll()

    @property
    def unsettled(self) -> int:
        return self.inner.unsettled

    def status(self) -> dict[str, Any]:
        return self.inner.status()

    def close(self) -> None:
        self.inner.close()


class _NothingCached:
    """What live had cached is no answer of the candidate's."""

    def get(self, key: str) -> Cached | None:
        return None

    def offer(self, key: str, turn_id: str, answer: Cached, at_once: bool) -> None:
        pass

    def feedback(self, turn_id: str, score: int) -> None:
        pass


def needs_model(route: ScenarioRouted) -> bool:
    """Whether a model may be asked for the turn."""
    return any(rung in GENERATING for rung in route.rungs)


def _replies(outcomes: Iterable[Outcome]) -> dict[str, ReplyProduced]:
    events = (event for o in outcomes if isinstance(o, Emit) for event in o.events)
    return {e.meta.turn_id or "": e for e in events if isinstance(e, ReplyProduced)}


def _check(reply: ReplyProduced) -> None:
    """Raises CannotReplay where no model was there to be asked, or its server fell silent: then the reply says nothing
    of the candidate."""
    away = [f"{rung} could not be asked ({reason})" for rung, reason in _models_passed(reply) if reason in AWAY | LOAD]
    if reply.generated is not None and reply.generated.finish == "deadline":
        away.append(f"{reply.generated.model} fell silent ({reply.generated.fault})")
    if away:
        raise CannotReplay(
            f"turn {reply.meta.turn_id}: {away[0]}; see that Triton runs, serves the model and is not overloaded "
            "(spillway models list), then go on: what was made is kept"
        )


def _models_passed(reply: ReplyProduced) -> list[PassedOver]:
    """The generating rungs that a reply passed over."""
    return [p for p in reply.passed_over if p.rung in GENERATING]


def _route(record: Record) -> ScenarioRouted:
    assert isinstance(record.event, ScenarioRouted)
    return record.event


def _turn(route: Record) -> str:
    return route.event.meta.turn_id or ""
