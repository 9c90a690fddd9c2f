"""The example tenants and the labelled conversations, through the deciders without a log."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any, NamedTuple

from infra.demo import CONVERSATIONS, TENANTS
from infra.recordings import read_recordings
from infra.tenants import load_tenant
from processors import routing
from processors.entities import PatternEntities
from processors.policy import Tenant
from processors.replying import answer
from processors.routing import Signals
from schemas.events import (
    LIVE,
    Customer,
    DialogueState,
    EntitiesExtracted,
    IntentDetected,
    MadeBy,
    MessageReceived,
    Meta,
    Record,
    ReplyProduced,
    ScenarioRouted,
    SentimentScored,
)
from schemas.identity import message_id
from streams.reply_cache import LruReplyCache
from streams.search import ArticleSearch
from tests.shipped import intents, sentiments

START = 1_760_000_000_000_000
SECOND = 1_000_000
INTENTS, SENTIMENTS, ENTITIES = intents(), sentiments(), PatternEntities()


class Played(NamedTuple):
    """A customer's turn as it went."""

    text: str
    label: str
    route: ScenarioRouted
    reply: ReplyProduced | None


def conversations() -> list[dict[str, Any]]:
    """The conversations of the demonstration, as they lie in the file."""
    return [json.loads(line) for line in CONVERSATIONS.read_text(encoding="utf-8").splitlines()]


@cache
def tenants() -> dict[str, tuple[Tenant, ArticleSearch]]:
    """The example tenants, ready to answer."""
    found = {}
    for folder in sorted(p for p in TENANTS.iterdir() if (p / "policy.yaml").exists()):
        tenant = load_tenant(folder)
        assert isinstance(tenant, Tenant), "\n".join(map(str, tenant))
        found[tenant.rules.tenant] = (tenant, ArticleSearch(tenant.articles, tenant.knowledge_fingerprint))
    return found


def understood(message: MessageReceived, at: int) -> Signals:
    """All three signals of a message."""
    return Signals(
        IntentDetected(message.meta, *INTENTS.detect([message.text])[0]),
        SentimentScored(message.meta, *SENTIMENTS.score([message.text])[0]),
        EntitiesExtracted(message.meta, ENTITIES.extract([message.text], [at])[0]),
    )


@cache
def played() -> list[Played]:
    """Every customer turn of every conversation, one after the other, with one cache."""
    kept, found = LruReplyCache(), []
    for conversation in conversations():
        tenant, search = tenants()[conversation["tenant"]]
        state: DialogueState | None = None
        for number, turn in enumerate(conversation["turns"]):
            if turn["speaker"] != "customer":
                continue
            at = START + number * 5 * SECOND
            session = conversation["conversation_id"]
            turn_id = message_id(conversation["tenant"], conversation["channel"], f"{session}-{number}")
            made_by = MadeBy("test", "test@1#0")
            meta = Meta(
                turn_id, conversation["tenant"], session, turn_id, at, LIVE, None, at, at + 5 * SECOND, made_by
            )
            customer = Customer(**conversation["customer"], attributes={"lang": conversation["lang"]})
            path = conversation["entry_path"]
            message = MessageReceived(meta, turn["text"], conversation["channel"], str(number), customer, path)
            record = Record("chat.messages", 0, number, at, message)
            route = routing.decide(
                tenant.rules, tenant.knowledge_fingerprint, state, record, understood(message, at), at
            )
            state = route.state
            reply = answer(route, tenant.rules, search, kept, 5.0, at) if route.owner == "reply" else None
            found.append(Played(turn["text"], turn["scenario"], route, reply))
    return found


def test_the_tenants_differ_where_tenants_differ() -> None:
    """Languages, timeouts, handoff rules and articles are each tenant's own."""
    (shop, _), (bank, _) = tenants()["shop"], tenants()["bank"]
    assert shop.rules.policy.languages == ("zh", "en")
    assert bank.rules.policy.languages == ("en",)
    assert shop.rules.timeout != bank.rules.timeout
    assert shop.rules.policy.handoff != bank.rules.policy.handoff
    assert len(shop.articles) >= 20
    assert len(bank.articles) >= 20
    assert {a.lang for a in shop.articles} == {"zh", "en"}


def test_the_conversations_are_many_and_of_every_kind() -> None:
    """Both tenants and languages, most scenarios, repeated webhooks, angry customers, and humans taking over."""
    rows = conversations()
    turns = [t for row in rows for t in row["turns"] if t["speaker"] == "customer"]
    assert len(rows) >= 90
    assert len({row["conversation_id"] for row in rows}) == len(rows)
    assert {row["tenant"] for row in rows} == {"shop", "bank"}
    assert {row["lang"] for row in rows} == {"zh", "en", "mixed"}
    assert len({t["scenario"] for t in turns}) >= 10
    assert sum(t.get("webhook_repeats", 0) for t in turns) >= 10
    assert sum(1 for row in rows if any(t["speaker"] == "agent" for t in row["turns"])) >= 15
    assert read_recordings(CONVERSATIONS)


def test_scenarios_agree_with_the_labels_that_a_person_gave() -> None:
    """At least 85 turns in 100 are routed as the person who labelled them meant."""
    wrong = [(p.text, p.label, p.route.scenario) for p in played() if p.route.scenario != p.label]
    assert len(wrong) <= 0.15 * len(played()), wrong


def test_every_fast_rung_answers_and_few_are_left_with_the_fallback() -> None:
    """Cache, template, knowledge, human, fallback; of these the fallback at most 1 in 20."""
    rungs = Counter(p.reply.rung for p in played() if p.reply is not None)
    assert {"cache", "template", "knowledge", "human", "fallback"} <= set(rungs)
    assert rungs["fallback"] <= 0.05 * sum(rungs.values())
    assert rungs["cache"] >= 8


def test_humans_take_over_for_every_reason() -> None:
    """Asked for, anger, not understood, failing again, and by policy; the agent's lines follow such a turn."""
    reasons = {p.route.handoff_reason for p in played()}
    assert {"asked_for", "anger", "low_confidence", "repeated_failure", "policy"} <= reasons


def test_where_an_agent_speaks_the_session_was_nearly_always_handed_over() -> None:
    """The play posts a recorded agent's line as the desk's after a handoff, and leaves it out where there was none."""
    by_session: dict[str, list[Played]] = {}
    for p in played():
        by_session.setdefault(p.route.meta.session_id, []).append(p)
    handed_over: list[bool] = []
    for row in conversations():
        turns = iter(by_session[row["conversation_id"]])
        for turn in row["turns"]:
            if turn["speaker"] == "customer":
                latest = next(turns)
            else:
                handed_over.append(latest.route.state.handed_off)
    assert sum(handed_over) >= 0.85 * len(handed_over)


def test_answers_are_in_the_language_of_the_customer() -> None:
    """No Chinese in the answers to English customers."""
    for p in played():
        if p.reply is not None and p.route.lang == "en":
            assert p.reply.text.isascii(), p.reply.text


def test_every_knowledge_answer_is_cited() -> None:
    """Also when it comes from the cache."""
    answers = [p.reply for p in played() if p.reply is not None and p.reply.rung in ("knowledge", "cache")]
    assert answers
    assert all(reply.citations for reply in answers)
