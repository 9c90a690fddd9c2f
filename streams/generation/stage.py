"""The generation stage: hands the turns that routing gave it to a model, and says what became of each.

What can be said without a model is said at once: the rungs before the first generating one. The rest is the engine's
(engine.py), which works beside this stage; what it has made is picked up at every batch and every tick. A turn is held
from its route to its reply, so after a crash everything unfinished is read again, and what was answered is found in
chat.replies. The reply stage answers in its stead at the deadline: of two replies to a turn there is one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

from processors.caching import answer_key, may_keep
from processors.ladder import GENERATING
from processors.outcomes import Drop, Emit, Outcome, Retry
from processors.replying import Answer, Cached, Desk, Kept, fallen_back, made_reply
from processors.stage import Context
from schemas.catalogue import MESSAGES, REPLIES, ROUTES
from schemas.events import (
    AgentReplied,
    Event,
    FeedbackGiven,
    Generated,
    Meta,
    PassedOver,
    Record,
    ReplyProduced,
    ScenarioRouted,
    SessionClosed,
)
from streams.answers import SECOND, Answers, deadline_of, given_up, route_of, version_of
from streams.generation.fast_rungs import descend, split, task_of
from streams.generation.tasks import Generations, Made, Task
from streams.held import Held
from streams.policies import Policies, Version

STAGE: Final = "generation"
MOST: Final = 10_000
"""Turns with the engine at once; the others wait here, for as long as their deadline lets them."""

REPEAT: Final = Drop("repeat")
NOT_A_TURN: Final = Drop("not_a_turn")
OTHERS: Final = Drop("others")
ANSWERED: Final = Drop("answered")
AN_ANSWER: Final = Drop("an_answer")
LATE: Final = Drop("late")
NOT_MINE: Final = Drop("not_mine")


class GeneratedAnswers(Kept, Protocol):
    """Generated answers that may be given again. What is usable is the cache's and the policy's to say."""

    def offer(self, key: str, turn_id: str, answer: Cached, at_once: bool) -> None:
        """The question of `key` was answered so in this turn, by a model or from here. at_once: it may be given again
        as it is; else once a customer found it good."""
        ...

    def feedback(self, turn_id: str, score: int) -> None:
        """What the customer thought of that turn's reply; turns that were never offered are passed over."""
        ...


class _Open(NamedTuple):
    """A turn that wants an answer. `desk`: None until it is looked at. `passed`: rungs tried before the engine's."""

    record: Record
    desk: Desk | None = None
    passed: tuple[PassedOver, ...] = ()
    began: float = 0.0


class Generation:
    """The keeper.

    generations: the engine; one for all partitions. cache: what was generated before. expiry, remember: as the reply
    stage's, seconds of log time. seconds: the clock that measures how long an answer took. most: turns that the engine
    may have at once.
    """

    name = STAGE

    def __init__(
        self,
        policies: Policies,
        generations: Generations,
        cache: GeneratedAnswers,
        expiry: float = 10.0,
        remember: float = 300.0,
        seconds: Callable[[], float] = time.perf_counter,
        most: int = MOST,
    ) -> None:
        self.policies, self.generations, self.cache = policies, generations, cache
        self.seconds, self.most = seconds, most
        self._expiry, self._remember = int(expiry * SECOND), int(remember * SECOND)
        self._owners: dict[str, GenerationState] = {}

    def open(self, partition: int, start: Mapping[str, int]) -> GenerationState:
        answers = Answers(start[ROUTES], start[REPLIES], self._expiry, self._remember)
        return GenerationState(self, answers, Held(start[MESSAGES]))

    def ready(self, context: Context) -> Retry | None:
        self.policies.prepare()
        return None if self.policies.fresh() else Retry(0.5, "control_log_unseen")

    def status(self) -> dict[str, Any]:
        """Which models stand for the rungs now, and whether they may be asked."""
        return self.generations.status()

    def submit(self, task: Task, owner: GenerationState) -> None:
        """Hands the turn to the engine."""
        self._owners[task.route.meta.turn_id or ""] = owner
        self.generations.submit(task)

    def cancel(self, turn: str) -> None:
        """Nobody waits for the turn any more."""
        if self._owners.pop(turn, None) is not None:
            self.generations.cancel(turn)

    def collect(self) -> None:
        """Gives each partition what the engine has made of its turns. What nobody waits for is let go."""
        for turn, made in self.generations.poll():
            owner = self._owners.pop(turn, None)
            if owner is not None:
                owner.made.append((turn, made))


class GenerationState:
    """What the generation stage remembers of one partition. `made`: what the engine made of its turns, in order."""

    def __init__(self, stage: Generation, answers: Answers, messages: Held) -> None:
        self._stage = stage
        self._answers = answers
        self._messages = messages
        self._open: dict[str, _Open] = {}
        self._coming: deque[str] = deque()
        self._left: deque[str] = deque()
        self.made: deque[tuple[str, Made]] = deque()

    def recover(self, record: Record) -> None:
        """What was said in the hour before, so that a prompt knows the conversation after a restart too."""
        self._listen(record.event)
        if isinstance(record.event, ReplyProduced):
            self._answers.recover(record.event.meta.turn_id or "", record.appended_at)

    def read(self, record: Record, context: Context) -> Outcome | None:
        topic, _, offset, appended_at, event = record
        if topic == MESSAGES:
            self._messages.skip(offset)
            return self._heard_of(event)
        self._listen(event)
        turn = event.meta.turn_id or ""
        if topic == REPLIES:
            if self._answers.reply(turn, offset, appended_at):
                self._answered_elsewhere(turn)
            return AN_ANSWER
        if type(event) is not ScenarioRouted or event.owner != STAGE:
            self._answers.pass_over(topic, offset, appended_at)
            return OTHERS if type(event) is ScenarioRouted else NOT_A_TURN
        useless = self._answers.route(turn, offset, appended_at)
        if useless is not None:
            return ANSWERED if useless == "answered" else REPEAT
        self._open[turn] = _Open(record)
        self._coming.append(turn)
        return None

    def skip(self, topic: str, offset: int, appended_at: int) -> None:
        if topic == MESSAGES:
            self._messages.skip(offset)
        else:
            self._answers.pass_over(topic, offset, appended_at)

    def due(self, context: Context) -> Iterator[Outcome]:
        if not self._answers.caught_up:
            return
        yield from self._begin(context)
        self._stage.collect()
        yield from self._finish(context)
        yield from self._let_go(context)
        for _ in self._answers.expire():
            pass

    def overdue(self, context: Context) -> Iterator[str]:
        return self._answers.overdue(context.now)

    def end_seen(self, topic: str, end: int, asked_at: int) -> None:
        self._answers.end_seen(topic, end, asked_at)

    def safe(self) -> Mapping[str, int]:
        return {**self._answers.safe(), MESSAGES: self._messages.safe()}

    def close(self) -> None:
        """The partition is another's: what is under way for it is called off, and never reported."""
        for turn in list(self._open):
            self._stage.cancel(turn)
        self._open.clear()

    def _listen(self, event: Event) -> None:
        """What either side said becomes history."""
        if isinstance(event, ScenarioRouted):
            self._stage.generations.heard(event.meta, event.text, we=False)
        elif isinstance(event, ReplyProduced | AgentReplied):
            self._stage.generations.heard(event.meta, event.text, we=True)

    def _heard_of(self, event: Event) -> Outcome:
        """Of what comes from outside, feedback on a reply and the end of a conversation matter here."""
        if isinstance(event, FeedbackGiven) and event.meta.turn_id:
            self._stage.cache.feedback(event.meta.turn_id, event.score)
        elif isinstance(event, SessionClosed):
            self._left.extend(turn for turn, it in self._open.items() if _is_over(it.record.event.meta, event.meta))
        return NOT_MINE

    def _answered_elsewhere(self, turn: str) -> None:
        waiting = self._open.pop(turn, None)
        if waiting is not None:
            self._answers.close(turn, waiting.record.offset, waiting.record.appended_at)
            self._stage.cancel(turn)

    def _begin(self, context: Context) -> Iterator[Outcome]:
        """Answers what needs no model, and hands the rest over."""
        later: deque[str] = deque()
        while self._coming:
            turn = self._coming.popleft()
            waiting = self._open.get(turn)
            if waiting is None:
                continue
            record = waiting.record
            remaining = (deadline_of(record) - context.now) / SECOND
            version = version_of(self._stage.policies, record, context.now)
            if version is None and (rejected := given_up(record, context.now)) is not None:
                del self._open[turn]
                self._answers.close(turn, record.offset, record.appended_at)
                yield rejected
            elif version is None or (remaining > 0 and self._stage.generations.unsettled >= self._stage.most):
                later.append(turn)
            elif remaining > 0:
                yield from self._begin_one(turn, record, version, remaining, context.now)
            # Too late to begin: the reply stage answers in its stead, and the turn is closed when that is read.
        self._coming = later

    def _begin_one(
        self, turn: str, record: Record, version: Version, remaining: float, now: int
    ) -> Iterator[Outcome]:
        route, rules = route_of(record), version.rules
        desk = Desk(route, rules, version.knowledge(), self._stage.cache, answer_key(route, rules))
        fast, rungs = split(route.rungs)
        found = descend(desk, fast, "")
        waiting = self._open[turn] = _Open(record, desk, found.passed, self._stage.seconds())
        template = rules.prompt(route.scenario)
        if found.answer is not None:
            yield self._say(turn, waiting._replace(passed=()), found, now)
        elif template is None:
            yield self._say(turn, waiting, descend(desk, rungs, "no_prompt"), now)
        else:
            self._stage.submit(task_of(desk, template, rungs, remaining), self)

    def _finish(self, context: Context) -> Iterator[Outcome]:
        """Says what the engine has made."""
        while self.made:
            turn, made = self.made.popleft()
            waiting = self._open.get(turn)
            if waiting is None or waiting.desk is None:
                yield LATE
            elif made.cancelled:
                # Called off for someone who had the partition before, and it has come back: it is ours to do.
                self._coming.append(turn)
            else:
                yield self._say(turn, waiting, made, context.now)

    def _let_go(self, context: Context) -> Iterator[Outcome]:
        """Customers who left are not worth a model's time; what can be said without one is kept for them."""
        while self._left:
            turn = self._left.popleft()
            waiting = self._open.get(turn)
            if waiting is not None and waiting.desk is not None:
                self._stage.cancel(turn)
                rungs = split(waiting.desk.route.rungs)[1]
                yield self._say(turn, waiting, descend(waiting.desk, rungs, "customer_left"), context.now)

    def _say(self, turn: str, waiting: _Open, made: Made, now: int) -> Outcome:
        """The reply, after which nothing of the turn is held."""
        record, desk, before, began = waiting
        assert desk is not None
        passed = (*before, *made.passed)
        if made.answer is None:
            reply = fallen_back(desk.route, desk.rules, passed, now, STAGE)
        else:
            reply = made_reply(desk.route, desk.rules, made.answer, made.rung, passed, now, STAGE)
        reply = reply._replace(seconds=self._stage.seconds() - began, generated=made.generated)
        if made.answer is not None and desk.key is not None:
            self._keep(turn, desk, desk.key, made, made.answer)
        self._listen(reply)
        del self._open[turn]
        self._answers.close(turn, record.offset, record.appended_at)
        return Emit((reply,))

    def _keep(self, turn: str, desk: Desk, key: str, made: Made, answer: Answer) -> None:
        """Offers the answer to whoever asks the same, as the policy allows; of one that was kept, who got it."""
        again = made.rung == "cache"
        if again or (_is_whole(made.rung, made.generated) and may_keep(desk.route, answer.text)):
            always = desk.rules.policy.generation.cache == "always"
            self._stage.cache.offer(key, turn, Cached(answer.text, answer.citations), at_once=always and not again)


def _is_whole(rung: str, generated: Generated | None) -> bool:
    """Whether an answer is whole and came from a model."""
    return rung in GENERATING and generated is not None and generated.finish == "stop"


def _is_over(turn: Meta, closed: Meta) -> bool:
    """Whether the conversation of the turn was closed after it began."""
    if (turn.tenant_id, turn.session_id) != (closed.tenant_id, closed.session_id):
        return False
    return (turn.turn_started_at or 0) <= closed.occurred_at
