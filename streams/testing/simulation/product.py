"""What is simulated: the real stages, with policies, models and texts; and the places where another may be put in.

Whoever wants to know how their own policies fare puts those in; the tests put in mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from processors.policy import Problem, Rules, rules_of
from processors.ports import IntentModel, Knowledge, Passage
from processors.stage import Keeper, Stage
from schemas.events import AgentReplied, Article, ModelActivated, PolicyActivated, PromptFile, ReplyProduced
from streams.bus import Clock
from streams.channels.delivery import Delivery
from streams.control import ControlView
from streams.generation.stage import Generation
from streams.generation.tasks import Generations
from streams.models.active import ActiveModels
from streams.policies import Policies
from streams.reply import Reply
from streams.reply_cache import LruReplyCache
from streams.routing import Routing
from streams.search import ArticleSearch
from streams.testing.events import SMALL_POLICY, a_model, a_policy
from streams.testing.generated import NothingKept
from streams.testing.models import INTENTS, ScriptedEntities, ScriptedIntents, ScriptedSentiments
from streams.testing.simulation.hand import Hand
from streams.testing.simulation.stores import AnalyticsStore, SessionStore
from streams.understanding import IntentStage, Understanding

PROMPT: Final = """\
---
name: answer
version: "1"
langs: [en, zh]
max_tokens: 120
budget: {total: 600, message: 100, passages: 300, history: 100}
---
# en
{passages}
{history}
{message}

# zh
{passages}
{history}
{message}
"""
POLICY: Final = SMALL_POLICY.replace("rungs: [knowledge, template], t", "rungs: [small_model, template], t")
TEXTS: Final = (
    "where is my order?",
    "I want to return this",
    "我的订单到哪了",
    "I want to return this",
    "hm",
    "let me talk to a human",
    "",
)
"""The last is refused by validation."""


def policies() -> tuple[PolicyActivated, ...]:
    """Versions of a shop's policy: who answers returns, and with what, differs; so do the timeouts."""
    asking = POLICY.replace("low_confidence: 3", "low_confidence: 1")
    short = POLICY.replace("session_timeout: 1800", "session_timeout: 60").replace("Here is your", "This is your")
    texts = (POLICY, SMALL_POLICY, asking, short)
    made = (a_policy(version=str(number), text=text) for number, text in enumerate(texts, 1))
    return tuple(policy._replace(prompts=(PromptFile("answer", PROMPT, ""),)) for policy in made)


class Shown(NamedTuple):
    """A reply as the gateway has it."""

    offset: int
    event: ReplyProduced | AgentReplied


@dataclass(frozen=True)
class Product:
    """The parts. policies: the first holds from the beginning, the others are activated as the schedule has it.
    models: the same of what understands intents, by activation; the one that is shipped is `intents`."""

    policies: tuple[PolicyActivated, ...] = field(default_factory=policies)
    texts: tuple[str, ...] = TEXTS
    intents: IntentModel = field(default_factory=lambda: ScriptedIntents(INTENTS))
    models: tuple[tuple[ModelActivated, IntentModel], ...] = field(default_factory=lambda: _models())
    routing: Callable[[Policies], Keeper] = Routing
    reply: Callable[[Policies], Keeper] = lambda policies: Reply(policies, LruReplyCache(), seconds=_no_time)
    generation: Callable[[Policies, Generations], Keeper] = lambda policies, generations: Generation(
        policies, generations, NothingKept(), seconds=_no_time
    )
    hand: type[Hand] = Hand
    session_store: Callable[[], SessionStore] = SessionStore
    analytics_store: Callable[[], AnalyticsStore] = AnalyticsStore
    delivery: Callable[[], Delivery[Shown]] = Delivery
    wait: float = 0.3
    """Seconds for which `routing` waits for signals; what the audit counts by."""

    def stages(
        self, names: tuple[str, ...], control: ControlView, clock: Clock, generating: Generations
    ) -> dict[str, Stage]:
        """Those stages, as one worker process has them; they share what it knows of the policies."""
        known = policies_of(control)
        makers: Mapping[str, Callable[[], Stage]] = {
            "intent": lambda: IntentStage(self._intents(control, clock)),
            "sentiment": lambda: Understanding.sentiment(_SENTIMENTS),
            "entities": lambda: Understanding.entities(_ENTITIES),
            "routing": lambda: self.routing(known),
            "reply": lambda: self.reply(known),
            "generation": lambda: self.generation(known, generating),
        }
        return {name: makers[name]() for name in names}

    def _intents(self, control: ControlView, clock: Clock) -> ActiveModels[IntentModel]:
        lying = {activated.location: model for activated, model in self.models}
        return ActiveModels(
            "intent", control, self.intents, lying.__getitem__, wall=clock.now, clock=lambda: clock.now() / 1e6
        )


def _models() -> tuple[tuple[ModelActivated, IntentModel], ...]:
    """A model that understands what the shipped one does not, and one that understands nothing."""
    better, worse = a_model("2"), a_model("3")
    knows_more = {**INTENTS, "hm": ("track_order", "order_query")}
    return (
        (better, ScriptedIntents(knows_more, better.fingerprint)),
        (worse, ScriptedIntents({}, worse.fingerprint)),
    )


def _no_time() -> float:
    return 0.0


_SENTIMENTS: Final = ScriptedSentiments()
_ENTITIES: Final = ScriptedEntities()


class _NoArticles:
    """The port Knowledge, where there is nothing to be known; ArticleSearch would load what it searches with."""

    def __init__(self, fingerprint: str) -> None:
        self.fingerprint = fingerprint

    def search(self, text: str, lang: str, scope: Sequence[str], limit: int = 3) -> Sequence[Passage]:
        return ()


def _knowledge(articles: Sequence[Article], fingerprint: str) -> Knowledge:
    return _indexed(tuple(articles), fingerprint) if articles else _NoArticles(fingerprint)


@lru_cache(maxsize=16)
def _indexed(articles: tuple[Article, ...], fingerprint: str) -> Knowledge:
    return ArticleSearch(articles, fingerprint)


def policies_of(control: ControlView) -> Policies:
    """The policies in force, with what is dear about them made once for all processes of a simulation."""
    return Policies(control, _knowledge, compiled)


def compiled(activated: PolicyActivated) -> Rules | tuple[Problem, ...]:
    """As `rules_of`, once for each policy, whenever it takes effect."""
    return _compiled(activated._replace(meta=activated.meta._replace(event_id=""), effective_at=0))


@lru_cache(maxsize=64)
def _compiled(activated: PolicyActivated) -> Rules | tuple[Problem, ...]:
    return rules_of(activated)
