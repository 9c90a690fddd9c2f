"""What the cache of generated answers saves: the same repeated questions through the stage, with it and without."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, median
from typing import Final

from infra.benches.cache_traffic import Traffic, hits
from infra.local.errors import StackError
from processors.caching import answer_key, may_keep
from processors.ladder import GENERATING
from processors.outcomes import Emit
from processors.policy import Rules, Tenant
from processors.stage import Context
from schemas.catalogue import CONTROL, MESSAGES, REPLIES, ROUTES
from schemas.events import LIVE, MadeBy, Meta, Record, ReplyProduced, ScenarioRouted
from schemas.identity import uuid5
from streams.control import ControlFold
from streams.generated_cache import GeneratedCache
from streams.generation.inline import InlineGenerations
from streams.generation.models import Models
from streams.generation.stage import Generation
from streams.generation.tasks import Generations
from streams.policies import Policies

TO_ANSWER: Final = 60.0
"""Seconds: long enough that no deadline steps a turn down, since what is measured is how long a model takes."""
MARKED: Final = 0.1


@dataclass(frozen=True)
class Timed:
    """Repeated questions, each asked again without the cache and with it; seconds within the stage, medians.

    pairs: how many were asked twice by a model. tokens: of a prompt and its reply, the mean.
    """

    pairs: int
    passed_over: int
    without: float
    with_cache: float
    tokens: float

    @property
    def ratio(self) -> float:
        return self.with_cache / self.without


@dataclass(frozen=True)
class Result:
    """always, marked: turns answered from the cache by the policy's `generation.cache`; `marked` where one customer in
    ten marks the answer, and one mark in five is bad. timed: None where no model was there."""

    conversations: int
    turns: int
    generated: int
    asked: int
    again: int
    always: int
    marked: int
    timed: Timed | None

    def as_json(self) -> str:
        """With the time and the tokens that `always` saves of all turns that a model may answer."""
        saved = {} if self.timed is None else {
            "seconds_saved": round(self.always * (self.timed.without - self.timed.with_cache), 1),
            "tokens_saved": round(self.always * self.timed.tokens),
        }  # fmt: skip
        return json.dumps({**asdict(self), **saved}, indent=2)


def measure(found: Traffic, tenant: Tenant, models: Models | None, pairs: int) -> Result:
    """models: those of a Triton server; None: nothing is timed. pairs: how many repeated questions are timed.

    Raises StackError where the server answers none of them.
    """
    rules = tenant.rules
    timed = None if models is None else _timed(found.routes, tenant, models, pairs)
    return Result(*found[:5], hits(found.routes, rules, 1.0), hits(found.routes, rules, MARKED), timed)


def repeated(routes: Iterable[ScenarioRouted], rules: Rules) -> list[tuple[ScenarioRouted, ScenarioRouted]]:
    """Each question that comes again, once: the turn whose answer is kept, and the next one that could get it."""
    first: dict[str, ScenarioRouted] = {}
    pairs: dict[str, tuple[ScenarioRouted, ScenarioRouted]] = {}
    for route in routes:
        key = answer_key(route, rules)
        if key is None:
            continue
        if key in first:
            pairs.setdefault(key, (first[key], route))
        elif may_keep(route, ""):
            first[key] = route
    return list(pairs.values())


def _timed(routes: Sequence[ScenarioRouted], tenant: Tenant, models: Models, pairs: int) -> Timed:
    generations = InlineGenerations(models, _now)
    bare, cached = StageAlone(tenant, generations), StageAlone(tenant, generations)
    without: list[float] = []
    with_cache: list[float] = []
    tokens: list[int] = []
    passed_over = 0
    asked = repeated(routes, tenant.rules)
    for first, again in asked:
        if len(without) >= pairs:
            break
        kept = cached.answer(first)
        if kept.rung not in GENERATING or kept.generated is None or kept.generated.finish != "stop":
            passed_over += 1
            continue
        cached.liked(first)
        fresh, from_cache = bare.answer(again), cached.answer(again)
        if fresh.rung not in GENERATING or from_cache.rung != "cache":
            passed_over += 1
            continue
        without.append(fresh.seconds)
        with_cache.append(from_cache.seconds)
        tokens.append(kept.generated.prompt_tokens + kept.generated.tokens)
    generations.close()
    if not without:
        raise StackError(
            f"of {len(asked)} repeated questions a model answered none twice; see that it is loaded "
            "(spillway models list), and that the policy's rungs name it before others that can answer"
        )
    return Timed(len(without), passed_over, median(without), median(with_cache), mean(tokens))


class StageAlone:
    """The generation stage over one partition, without a log: a turn goes in, and its reply comes out."""

    def __init__(self, tenant: Tenant, generations: Generations) -> None:
        control = ControlFold()
        meta = Meta("bench", tenant.rules.tenant, "", None, None, LIVE, None, 0, None, MadeBy("operators", "bench@1"))
        control.take(Record(CONTROL, 0, 0, 0, tenant.activation(meta, 0)))
        self._cache = GeneratedCache()
        self._state = Generation(Policies(control), generations, self._cache).open(
            0, {ROUTES: 0, REPLIES: 0, MESSAGES: 0}
        )
        self._state.end_seen(REPLIES, 0, 0)
        self._offset = 0
        self._turns: dict[str, str] = {}

    def answer(self, route: ScenarioRouted) -> ReplyProduced:
        """The reply to the turn, asked now, in a session of its own. `seconds` is how long the stage took."""
        now, self._offset = _now(), self._offset + 1
        turn = uuid5(f"{route.meta.turn_id}|{self._offset}")
        meta = route.meta._replace(
            event_id=turn, turn_id=turn, session_id=turn, turn_started_at=now, occurred_at=now,
            deadline_at=now + int(TO_ANSWER * 1_000_000),
        )  # fmt: skip
        self._turns[route.meta.turn_id or ""] = turn
        state = route.state._replace(episode_id=turn)
        record = Record(ROUTES, 0, self._offset, now, route._replace(meta=meta, soothing=None, state=state))
        outcome = self._state.read(record, Context(now))
        assert outcome is None, outcome
        while True:
            for said in self._state.due(Context(_now())):
                if isinstance(said, Emit) and isinstance(reply := said.events[0], ReplyProduced):
                    return reply

    def liked(self, route: ScenarioRouted) -> None:
        """The customer found the reply to the turn good."""
        self._cache.feedback(self._turns[route.meta.turn_id or ""], 2)


def _now() -> int:
    return time.time_ns() // 1000
