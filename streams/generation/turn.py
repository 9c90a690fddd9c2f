"""One turn's way down its ladder, from the first rung that is handed over to the one that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from processors.guarding import Grounds, Release
from processors.guarding.figures import CITATION
from processors.ladder import GENERATING, Ask, Run, Wait, choose, rank
from processors.ladder import Rules as LadderRules
from processors.prompting.compose import compose, instructions, material
from processors.prompting.types import Prompt, Said
from processors.replying import Answer, said_first
from schemas.events import Citation, Generated, PassedOver, ReplyPartial
from schemas.identity import derived_id, follow
from streams.generation import metrics
from streams.generation.admission import Reservation
from streams.generation.attempt import Told, told
from streams.generation.known import AllKnown, Known
from streams.generation.lane import Turn
from streams.generation.models import Models, Serving
from streams.generation.pool import Pool
from streams.generation.ports import Finish, Stream
from streams.generation.tasks import Made, Task

STAGE: Final = "generation"
_AGAIN: Final = frozenset({"failed", "away", "malformed"})
"""Faults after which the same rung may be tried once more: of one request, where the next may well go right."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every turn of an engine shares.

    clock: seconds, the event loop's. now: microseconds UTC. tiers: a customer's tier to the class, 0 the highest, in
    which its turns leave a pool that is too full. attempt: a new name for each generation, of all workers.
    """

    models: Models
    known: AllKnown
    pool: Pool
    rules: LadderRules
    tiers: Mapping[str, int]
    partials: Callable[[ReplyPartial], None]
    attempt: Callable[[], str]
    clock: Callable[[], float]
    now: Callable[[], int]


class Walk:
    """The way of one turn. until: when the reply must be whole, in seconds of the clock. Run it once.

    history: what was said before, with the reply of the session's turn before this one.
    """

    def __init__(self, task: Task, until: float, history: Sequence[Said], around: Surroundings) -> None:
        self._task, self._until, self._around = task, until, around
        self._history = tuple(history)
        self._first = said_first(task.route, task.rules)
        """What the reply has before the answer; the first piece has it too, so that the pieces are its beginning."""
        self._passed: list[PassedOver] = []
        self._prompt: Prompt | None = None
        self._place: Reservation | None = None
        self._used = 0
        self._waited = 0.0
        self._stream: Stream | None = None
        self._called_off = False
        self._tried_again = False
        self._generated: Generated | None = None
        self._kept: tuple[Answer, str, int] | None = None
        """A text that a fault cut short, its rung, and the rungs passed over before it: better than the fallback."""

    def cancel(self) -> bool:
        """Calls it off. False: it does nothing that could be waited for, and has to be cancelled as a task."""
        self._called_off = True
        if self._stream is not None:
            self._stream.cancel()
        return self._stream is not None

    def called_off(self) -> Made:
        """What became of it where it was called off."""
        return Made(None, "", tuple(self._passed), self._generated, cancelled=True)

    async def run(self) -> Made:
        """Rung after rung until one answers. What models and servers do is no exception here; an exception is a bug."""
        try:
            for rung in self._task.rungs:
                if rung == "fallback":
                    break
                found = await self._generate(rung) if rung in GENERATING else self._task.fast(rung)
                if self._called_off:
                    return self.called_off()
                if isinstance(found, Answer):
                    return Made(found, rung, tuple(self._passed), self._generated)
                self._passed.append(PassedOver(rung, found))
                metrics.PASSED_OVER.labels(rung, found).inc()
        finally:
            if self._place is not None:
                self._around.pool.over(self._place, self._used)
        if self._kept is not None:
            answer, rung, passed = self._kept
            return Made(answer, rung, tuple(self._passed[:passed]), self._generated)
        return Made(None, "", tuple(self._passed), self._generated)

    async def _generate(self, rung: str) -> Answer | str:
        """The rung's answer, or why there is none. A place in the pool is kept for the generating rungs below it."""
        if self._place is None and (why := await self._wait_for_place(rung)):
            return why
        full: set[str] = set()
        before = ""
        while True:
            found = self._chosen(rung, None, full)
            if isinstance(found, str):
                return before or found
            run, known = found
            began = self._around.clock()
            permit = known.breaker.ask(began)
            if permit is None:
                full.add(run.model)
                continue
            counts = None
            try:
                ended = await self._ask(run, known)
                again = self._tries_again(ended.finish, known, began)
                # Of a turn's two tries the breaker hears the second: a fault that it mends closes the model to nobody.
                counts = None if again else ended.finish
            finally:
                known.tell(permit, counts, self._around.clock())
            said = self._judged(rung, ended)
            if not again or not isinstance(said, str):
                return said
            before = said

    def _tries_again(self, finish: Finish, known: Known, began: float) -> bool:
        """Whether the rung has a second try, which a turn has once: nothing was said, the model is well by its
        breaker, and most of the time that there was is left."""
        if self._tried_again or self._called_off or finish.fault not in _AGAIN or finish.first_seconds is not None:
            return False
        now, rules = self._around.clock(), self._around.rules
        end = self._until - rules.reserve
        if known.breaker.state(now) != "closed" or end - now < rules.worth * (end - began):
            return False
        self._tried_again = True
        return True

    async def _wait_for_place(self, rung: str) -> str:
        """Waits in the queue; why there is no place, empty where there is one."""
        around, route, prompt = self._around, self._task.route, self._composed()
        wish = self._wish(rung)
        turn = Turn(
            route.meta.turn_id or route.meta.event_id,
            route.meta.tenant_id,
            route.meta.session_id,
            prompt.tokens + wish,
            prompt.tokens + self._most(),
            0.0,
            rank(route.tier, around.tiers),
            self._task.lane,
        )
        found = self._chosen(rung, turn, set())
        if isinstance(found, str):
            return found
        came = around.clock()
        place = await around.pool.place(turn._replace(start_by=came + found[0].start_by))
        self._waited += around.clock() - came
        metrics.WAITED_SECONDS.labels(turn.lane).observe(around.clock() - came)
        if not isinstance(place, Reservation):
            return place
        self._place = place
        return ""

    def _chosen(self, rung: str, waiting: Turn | None, full: set[str]) -> tuple[Run, Known] | str:
        """The model that is to make the rung, or why none can. waiting: the turn, as long as it has no place."""
        around, route, now = self._around, self._task.route, self._around.clock()
        wait, pressure = around.pool.predict(waiting) if waiting is not None else (Wait(), 0.0)
        known = {s.generator.name: (s, around.known.of(s)) for s in self._offered(rung)}
        offers = [k.offer(s, now, wait, pressure, name in full) for name, (s, k) in known.items()]
        ask = Ask(
            route.meta.tenant_id,
            (rung,),
            self._composed().tokens,
            self._wish(rung),
            self._most(),
            self._until - now,
            rank(route.tier, around.tiers),
        )
        chosen = choose(ask, offers, around.rules)
        return (chosen.run, known[chosen.run.model][1]) if chosen.run is not None else chosen.passed[0].reason

    async def _ask(self, run: Run, known: Known) -> Told:
        around, now = self._around, self._around.clock()
        prompt = self._composed()._replace(max_tokens=run.tokens)
        release = Release(self._grounds(prompt))
        attempt = around.attempt()
        budget = known.budget(self._until - around.rules.reserve - now, now)
        async with known.generator.generate(prompt, budget) as stream:
            self._stream = stream
            try:
                ended = await told(stream, release, lambda at, text: self._hand_on(attempt, at, text))
            finally:
                self._stream = None
        self._generated = ended.generated(prompt, self._waited)
        self._used += prompt.tokens + ended.finish.tokens
        _count(known.generator.name, prompt, ended.finish)
        return ended

    def _judged(self, rung: str, ended: Told) -> Answer | str:
        answer = Answer(ended.text, cited(ended.text, self._composed().citations))
        why_not = ended.why_not
        if why_not and ended.text and self._kept is None:
            self._kept = (answer, rung, len(self._passed))
        return why_not or answer

    def _hand_on(self, attempt: str, position: int, text: str) -> None:
        meta = self._task.route.meta
        made = follow(meta, STAGE, self._task.rules.fingerprint, self._around.now())
        # Positions are those of the whole reply.
        position, text = (position + len(self._first), text) if position else (0, self._first + text)
        event_id = derived_id(meta.run_id, "partial", f"{meta.turn_id}|{attempt}|{position}")
        self._around.partials(ReplyPartial(made._replace(event_id=event_id), attempt, position, text))

    def _offered(self, rung: str) -> list[Serving]:
        meta = self._task.route.meta
        return [s for s in self._around.models.offers(meta.tenant_id, meta.session_id) if s.rung == rung]

    def _composed(self) -> Prompt:
        if self._prompt is None:
            task = self._task
            given = material(task.route, task.passages, self._history, task.rules.policy.about)
            self._prompt = compose(task.template, given)
        return self._prompt

    def _most(self) -> int:
        return min(self._composed().max_tokens, self._task.rules.policy.generation.max_tokens)

    def _wish(self, rung: str) -> int:
        """Tokens of a usual reply of the first model that stands for the rung."""
        for serving in self._offered(rung):
            length = self._around.known.of(serving).speed.length(self._around.clock(), self._most() // 2)
            return max(1, min(length, self._most()))
        return max(1, self._most() // 2)

    def _grounds(self, prompt: Prompt) -> Grounds:
        """What the reply may rest on: of the articles only those that are in the prompt."""
        route, here = self._task.route, {citation.article_id for citation in prompt.citations}
        at = route.meta.turn_started_at
        return Grounds(
            route.lang,
            tuple(passage for passage in self._task.passages if passage.article_id in here),
            route.slots,
            (*(said.text for said in self._history if said.speaker == "customer"), route.text),
            tuple(said.text for said in self._history if said.speaker == "we"),
            instructions(prompt),
            at if at is not None else route.meta.occurred_at,
        )


def cited(text: str, citations: tuple[Citation, ...]) -> tuple[Citation, ...]:
    """The articles that a reply names by number, up to the last of them, so that the numbers stay right.

    One that names none may rest on any that was in its prompt.
    """
    numbers = [int(number) for number in CITATION.findall(text)]
    return citations[: max(numbers)] if numbers else citations


def _count(model: str, prompt: Prompt, finish: Finish) -> None:
    metrics.ENDS.labels(model, finish.reason, finish.fault).inc()
    metrics.TOKENS.labels(model, "prompt").inc(prompt.tokens)
    metrics.TOKENS.labels(model, "reply").inc(finish.tokens)
    metrics.SECONDS.labels(model).observe(finish.seconds)
    if finish.first_seconds is not None:
        metrics.FIRST_SECONDS.labels(model).observe(finish.first_seconds)
