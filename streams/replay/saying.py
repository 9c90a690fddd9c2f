"""What is said in turns that were decided: by the reply stage, by generation, by humans; and what is noted of it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from schemas.events import AgentReplied, Record, ReplyProduced, ScenarioRouted
from schemas.identity import derived_id
from streams.answers import SECOND
from streams.join import SessionName
from streams.replay.answering import Answered, Answering
from streams.replay.cast import Cast
from streams.replay.divergence import Divergence
from streams.replay.generating import AT_ONCE, OWNER, KeptReplies, Maker, Wanted, needs_model, served
from streams.replay.measuring import measured, with_human
from streams.replay.outcome import TurnMeasure
from streams.replay.recorded import Recorded, RecordedTurn
from streams.replay.retelling import in_run, placed
from streams.replay.signals import Heard


@dataclass(slots=True)
class Decided:
    """A turn of the run. `message`, `route`: the run's own. `humans`: whether what human agents wrote is part of it.

    waits: whether its reply is still to be made. lacks: whether it needs one that the record does not have.
    """

    turn: RecordedTurn
    message: Record
    route: Record
    heard: list[Heard | None]
    seconds: float
    humans: bool
    answered: Answered | None = None
    waits: bool = False
    lacks: bool = False

    @property
    def decision(self) -> ScenarioRouted:
        assert isinstance(self.route.event, ScenarioRouted)
        return self.route.event

    @property
    def session(self) -> SessionName:
        return (self.route.event.meta.tenant_id, self.route.event.meta.session_id)

    @property
    def now(self) -> int:
        """When it was answered; of a turn without a reply, when it was decided. Microseconds UTC."""
        known = self.turn.reply or self.turn.route
        assert known is not None
        return known.event.meta.occurred_at


    @property
    def in_time(self) -> int:
        """As `now`, but before the turn's deadline: that live was late is not the candidate's doing."""
        deadline = self.decision.meta.deadline_at
        return self.now if deadline is None else min(self.now, deadline - SECOND)


class Saying:
    """The replies of one partition. Turns are handed in as they are decided; `finish` when all are.

    fact: takes each record of the run. Where nothing is made by models, each turn is done at once; else at the end,
    so that models are asked for many sessions together.
    """

    def __init__(
        self,
        recorded: Recorded,
        cast: Cast,
        partition: int,
        free: bool,
        run_id: str,
        kept: KeptReplies,
        fact: Callable[[Record], None],
    ) -> None:
        self._recorded, self._cast, self._free, self._run_id = recorded, cast, free, run_id
        self._partition, self._kept, self._fact = partition, kept, fact
        self._answering = Answering(cast.policies, partition)
        self._divergence = Divergence()
        self._waiting: list[Decided] = []
        self.turns: list[TurnMeasure] = []
        self.counts: Counter[str] = Counter()

    def decided(
        self, turn: RecordedTurn, message: Record, route: Record, heard: list[Heard | None], seconds: float
    ) -> None:
        """A turn, in the order of the log. seconds: that routing took."""
        assert isinstance(route.event, ScenarioRouted)
        humans = with_human(route.event) or not with_human(turn.decision)
        it = Decided(turn, message, route, heard, seconds, humans)
        if not (humans and turn.human_was_first):
            self._answer(it)
        if self._cast.generating is None:
            self._done(it)
        else:
            self._waiting.append(it)

    def finish(self, progress: Callable[[int], None]) -> None:
        """Makes what is to be made. progress: told how many turns have their reply. Raises as Maker.make."""
        if self._waiting:
            self._make(progress)
        for it in self._waiting:
            self._done(it)
        self._waiting = []

    def _answer(self, it: Decided) -> None:
        route = it.decision
        if route.owner != OWNER:
            it.answered = self._answering.answer(it.route, it.turn, it.now)
            return
        if self._cast.generating is not None and needs_model(route):
            it.waits = True
            return
        version = self._cast.policies.version(route.meta.tenant_id, route.policy, route.knowledge)
        prompt = version.rules.prompt(route.scenario) if version is not None else None
        reply = served(it.turn, route, prompt.fingerprint if prompt is not None else None)
        if reply is not None:
            it.answered = Answered(reply, 0.0, None, "served")
        # A turn that nobody had answered when the record ends lacks nothing.
        it.lacks = reply is None and not (it.turn.reply is None and route.owner == it.turn.decision.owner)

    # What models make.

    def _make(self, progress: Callable[[int], None]) -> None:
        assert self._cast.generating is not None
        known = self._kept.of(self._partition)
        maker = Maker(self._cast.generating, self._cast.policies, self._partition, known)
        try:
            for record in self._recorded.before:
                if isinstance(record.event, ScenarioRouted):
                    maker.heard(record.event.meta, record.event.text, False)
            done = 0
            for together in self._together(maker):
                self._make_together(maker, together)
                done += len(together)
                progress(done)
        finally:
            maker.close()

    def _together(self, maker: Maker) -> Iterator[list[Decided]]:
        """The turns whose replies can be made at once: of each session the next one, all before it being said."""
        sessions: dict[SessionName, deque[Decided]] = {}
        for it in self._waiting:
            sessions.setdefault(it.session, deque()).append(it)
        while sessions:
            together: list[Decided] = []
            for name, left in list(sessions.items()):
                while left and not left[0].waits:
                    self._tell(maker, left.popleft())
                if not left:
                    del sessions[name]
                    continue
                together.append(left[0])
                if len(together) == AT_ONCE:
                    yield together
                    together = []
            if together:
                yield together

    def _make_together(self, maker: Maker, together: list[Decided]) -> None:
        unpaid = []
        for it in together:
            self._tell(maker, it)
            reply = maker.known(it.route)
            if reply is None:
                unpaid.append(it)
            else:
                it.answered = _made(reply)
        made = maker.make([Wanted(it.route, it.in_time) for it in unpaid]) if unpaid else {}
        for it in unpaid:
            it.answered = _made(made[it.route.event.meta.turn_id or ""])
        for it in together:
            it.waits = False
        replies = ((it, it.answered.reply) for it in unpaid if it.answered is not None)
        paid = [placed(reply, it.turn.reply, it.message) for it, reply in replies if reply.generated is not None]
        if paid:
            self._kept.keep(paid)

    def _tell(self, maker: Maker, it: Decided) -> None:
        """What was said in the turn, for the prompts of later ones: of the record, or in a free run of the run itself.

        Of two texts of one side in one turn the first counts; so the recorded reply is told before the turn is made.
        """
        meta = it.route.event.meta
        maker.heard(meta, it.decision.text, False)
        reply = (it.answered.reply if it.answered is not None else None) if self._free else it.turn.said
        if reply is not None:
            maker.heard(meta, reply.text, True)
        for record in it.turn.agents if it.humans or not self._free else ():
            if isinstance(record.event, AgentReplied):
                maker.heard(meta, record.event.text, True)

    # What is noted.

    def _done(self, it: Decided) -> None:
        on_policy = not self._free or self._divergence.on_policy(it.session)
        reply = it.answered.reply if it.answered is not None else None
        if reply is not None:
            self._fact(placed(reply, it.turn.reply, it.message))
            self._late(it)
        self._human_replies(it)
        lacking = ("generation",) if it.lacks else ()
        self.turns.append(
            measured(it.turn, it.heard, it.decision, it.answered, it.humans, on_policy, it.seconds, lacking)
        )
        if self._free:
            self._divergence.said(it.session, it.turn, it.decision, reply)

    def _late(self, it: Decided) -> None:
        """Counts replies that took a model longer than the turn had: a replay shows times and enforces none."""
        assert it.answered is not None
        deadline, generated = it.decision.meta.deadline_at, it.answered.reply.generated
        if it.answered.generation == "recomputed" and generated is not None and deadline is not None:
            started = it.decision.meta.turn_started_at
            had = deadline - (started if started is not None else it.turn.decision.meta.occurred_at)
            self.counts["generated_late"] += generated.seconds * SECOND > had

    def _human_replies(self, it: Decided) -> None:
        """What human agents wrote, unless the candidate has not handed them the turn."""
        for record in it.turn.agents:
            if it.humans:
                own, meta = in_run(record.event, self._run_id), record.event.meta
                id_ = derived_id(self._run_id, meta.made_by.stage, meta.event_id)
                self._fact(Record(*record[:4], own._replace(meta=own.meta._replace(event_id=id_))))
            self.counts["human_replies_served" if it.humans else "human_replies_withheld"] += 1


def _made(reply: ReplyProduced) -> Answered:
    seconds = reply.generated.seconds if reply.generated is not None else 0.0
    return Answered(reply, seconds, None, "recomputed")
