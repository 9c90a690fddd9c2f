"""How often the questions of recorded conversations repeat, as the cache of generated answers sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from infra.recordings import Recorded
from processors import routing
from processors.caching import answer_key, may_keep
from processors.entities import PatternEntities
from processors.outcomes import Emit
from processors.policy import Rules, Tenant
from processors.ports import IntentModel, SentimentModel
from processors.replying import Cached
from processors.routing import Signals
from processors.stage import Context
from schemas.catalogue import MESSAGES
from schemas.events import (
    LIVE,
    Customer,
    DialogueState,
    EntitiesExtracted,
    Event,
    IntentDetected,
    MadeBy,
    MessageReceived,
    Meta,
    Record,
    ScenarioRouted,
    SentimentScored,
)
from schemas.identity import message_id, uuid5
from streams.generated_cache import GeneratedCache
from streams.understanding import Understanding

BEGIN: Final = 1_760_000_000_000_000
BETWEEN: Final = 20_000_000
"""Microseconds from one message of a conversation to the next."""
TO_ANSWER: Final = 10_000_000
BATCH: Final = 256


class Models(NamedTuple):
    """What understands the messages."""

    intents: IntentModel
    sentiments: SentimentModel


class Traffic(NamedTuple):
    """What a policy makes of recorded conversations.

    turns: of customers. generated: those that a model may answer. asked: those of them whose answer the cache may
    hold. again: those of them whose question had come before, kept or not. routes: of `generated`, in their order.
    """

    conversations: int
    turns: int
    generated: int
    asked: int
    again: int
    routes: tuple[ScenarioRouted, ...]


def traffic(conversations: Sequence[Recorded], tenant: Tenant, models: Models) -> Traffic:
    """Decides every turn of the customers as live does, one conversation after another."""
    rules = tenant.rules
    turns, routes = 0, []
    for batch in _batches(conversations):
        for said in _understood(batch, rules, models):
            state: DialogueState | None = None
            for record, signals in said:
                route = routing.decide(rules, tenant.knowledge_fingerprint, state, record, signals, record.appended_at)
                state, turns = route.state, turns + 1
                if route.owner == "generation":
                    routes.append(route)
    keys = [key for route in routes if (key := answer_key(route, rules)) is not None]
    return Traffic(len(conversations), turns, len(routes), len(keys), len(keys) - len(set(keys)), tuple(routes))


def hits(routes: Iterable[ScenarioRouted], rules: Rules, marked: float, bad: float = 0.2) -> int:
    """How many of these turns the cache answers.

    marked: the share of customers who mark the answer they got; 1 or more: `generation.cache` is `always`, and nobody
    marks. bad: the share of bad marks. Who marks, and how, follows from the turn. What a model would say is taken to
    be free of personal data.
    """
    cache, found = GeneratedCache(), 0
    for route in routes:
        key, turn = answer_key(route, rules), route.meta.turn_id or ""
        if key is None:
            continue
        kept = cache.get(key)
        found += kept is not None
        if kept is not None or may_keep(route, ""):
            cache.offer(key, turn, kept or Cached(turn, ()), marked >= 1 and kept is None)
        if _drawn(turn, "marks") < marked < 1:
            cache.feedback(turn, -2 if _drawn(turn, "bad") < bad else 2)
    return found


def _drawn(turn: str, what: str) -> float:
    """A number from 0 to 1 that is always the same for a turn."""
    return int(uuid5(f"{turn}|{what}")[:8], 16) / 0xFFFFFFFF


def _batches(conversations: Sequence[Recorded]) -> Iterator[Sequence[Recorded]]:
    for begin in range(0, len(conversations), BATCH):
        yield conversations[begin : begin + BATCH]


def _understood(
    conversations: Sequence[Recorded], rules: Rules, models: Models
) -> Iterator[list[tuple[Record, Signals]]]:
    """The messages of each conversation, with what was understood of them."""
    messages = [_messages(recorded, rules.tenant) for recorded in conversations]
    flat = [record for each in messages for record in each]
    context = Context(BEGIN)
    stages = (
        Understanding.intent(models.intents),
        Understanding.sentiment(models.sentiments),
        Understanding.entities(PatternEntities()),
    )
    heard: list[list[Event]] = []
    for stage in stages:
        outcomes = stage.process(flat, context) if flat else []
        assert not hasattr(outcomes, "reason"), outcomes
        heard.append([o.events[0] for o in outcomes if isinstance(o, Emit)])
    signals = iter(zip(*heard, strict=True))
    for each in messages:
        yield [(record, _signals(*next(signals))) for record in each]


def _signals(intent: Event, sentiment: Event, entities: Event) -> Signals:
    assert isinstance(intent, IntentDetected)
    assert isinstance(sentiment, SentimentScored)
    assert isinstance(entities, EntitiesExtracted)
    return Signals(intent, sentiment, entities)


def _messages(recorded: Recorded, tenant: str) -> list[Record]:
    found = []
    for number, said in enumerate(s for s in recorded.turns if s.speaker == "customer"):
        at, name = BEGIN + number * BETWEEN, f"{recorded.conversation_id}-{number}"
        id_ = message_id(tenant, "bench", name)
        made_by = MadeBy("channel", "bench@1")
        meta = Meta(id_, tenant, recorded.conversation_id, id_, at, LIVE, None, at, at + TO_ANSWER, made_by)
        customer = recorded.customer or Customer(recorded.conversation_id, attributes={"lang": recorded.lang})
        event = MessageReceived(meta, said.text, recorded.channel, name, customer, recorded.entry_path)
        found.append(Record(MESSAGES, 0, number, at, event))
    return found
