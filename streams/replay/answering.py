"""Answers turns when they were answered, by the reply stage; what it had kept from before comes from the record."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from processors.outcomes import Emit
from processors.policy import Rules
from processors.ports import Knowledge
from processors.replying import Cached, answer, cache_key, said_first
from processors.stage import Context
from schemas.catalogue import REPLIES, ROUTES
from schemas.events import Record, ReplyProduced, ScenarioRouted
from streams.policies import Policies
from streams.replay.recorded import RecordedTurn
from streams.reply import Reply

LONG: Final = 1e9
"""Seconds after which nothing is let go within a stretch."""


class Answered(NamedTuple):
    """seconds: of the thread on a core; of a model that generates, on the wall. cache: how a hit was answered, "served"
    from the record or "recomputed"; None: there was none. generation: the same of a turn that generation owns.
    """

    reply: ReplyProduced
    seconds: float
    cache: str | None
    generation: str | None = None


class RecordedCache:
    """The port ReplyCache: hits and misses are those of the record, since they hang on what one process had in memory.

    Asked for the recorded question under the recorded policy and knowledge, it gives the recorded answer; asked for
    anything else where there was a hit, what the knowledge rung answers now, which is what a cache would hold.
    """

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._turn: RecordedTurn | None = None
        self._route: ScenarioRouted | None = None
        self.used: str | None = None

    def begin(self, turn: RecordedTurn, route: ScenarioRouted) -> None:
        """Whatever is asked from now on is asked for this turn."""
        self._turn, self._route, self.used = turn, route, None

    def get(self, key: str) -> Cached | None:
        turn, route = self._turn, self._route
        said = turn.said if turn is not None else None
        if turn is None or route is None or said is None or said.rung != "cache":
            return None
        version = self._policies.version(route.meta.tenant_id, route.policy, route.knowledge)
        assert version is not None, "the reply stage has asked for it before"
        decision = turn.decision
        if (decision.policy, decision.knowledge) == (route.policy, route.knowledge):
            text = _unsoothed(said, decision, version.rules)
            if text is not None and cache_key(decision, version.rules) == key:
                self.used = "served"
                return Cached(text, said.citations)
        found = _from_knowledge(route, version.rules, version.knowledge())
        self.used = "recomputed" if found is not None else None
        return found

    def put(self, key: str, value: Cached) -> None:
        """What was asked in this replay plays no part."""


class Answering:
    """The reply stage over one partition of the record."""

    def __init__(self, policies: Policies, partition: int) -> None:
        self._cache = RecordedCache(policies)
        keeper = Reply(policies, self._cache, expiry=LONG, seconds=lambda: 0.0)
        keeper.ready(Context(0))
        self._state = keeper.open(partition, {ROUTES: 0, REPLIES: 0})
        self._state.end_seen(REPLIES, 0, 0)  # nobody else answers here: the human's replies are served apart

    def answer(self, route: Record, turn: RecordedTurn, now: int) -> Answered | None:
        """The reply at `now` (microseconds UTC); None: the bot does not owe one."""
        decision = route.event
        assert isinstance(decision, ScenarioRouted)
        self._cache.begin(turn, decision)
        began = time.thread_time()
        context = Context(now)
        if self._state.read(route, context) is not None:
            return None
        made = [event for o in self._state.due(context) if isinstance(o, Emit) for event in o.events]
        seconds = time.thread_time() - began
        if len(made) != 1 or not isinstance(made[0], ReplyProduced):
            raise LookupError(f"turn {decision.meta.turn_id}: the policy {decision.policy} that decided it is gone")
        return Answered(made[0], seconds, self._cache.used)


def _unsoothed(said: ReplyProduced, decision: ScenarioRouted, rules: Rules) -> str | None:
    """The answer as the cache held it; None where it is not to be told from what stands before it."""
    prefix = said_first(decision, rules)
    return said.text.removeprefix(prefix) if said.text.startswith(prefix) else None


def _from_knowledge(route: ScenarioRouted, rules: Rules, knowledge: Knowledge) -> Cached | None:
    asked = route._replace(rungs=("knowledge",), soothing=None)
    found = answer(asked, rules, knowledge, _NOTHING, 1.0, 0)
    return Cached(found.text, found.citations) if found.rung == "knowledge" else None


class _NothingKept:
    def get(self, key: str) -> Cached | None:
        return None

    def put(self, key: str, value: Cached) -> None:
        pass


_NOTHING: Final = _NothingKept()
