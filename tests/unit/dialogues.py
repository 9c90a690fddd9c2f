"""Turns for the tests of the deciders: a small policy, messages as the log has them, signals, dialogues."""

from __future__ import annotations

from processors import routing
from processors.policy import Rules, check_tenant
from processors.policy.check import Tenant
from processors.routing import Signals
from schemas.events import (
    LIVE,
    Customer,
    DialogueState,
    EntitiesExtracted,
    Entity,
    IntentDetected,
    MadeBy,
    MessageReceived,
    Meta,
    Record,
    ScenarioRouted,
    SentimentScored,
    SessionClosed,
    SessionReturned,
)
from schemas.identity import message_id

START = 1_760_000_000_000_000
SECOND = 1_000_000

POLICY = """\
tenant: shop
version: "1"
languages: [en, zh]
session_timeout: 600
channels: {default: {deadline: 5}, web: {deadline: 10}}
understanding: {min_confidence: 0.4, switch_confidence: 0.6, out_of_scope: 0.8, ask_back: ask, acknowledge: noted}
handoff: {notice: human, timeout: 1800, anger: 0.6, low_confidence: 2, failures: 2}
soothing: {above: 0.5, template: sorry}
knowledge: {min_score: 0.4}
fallback: later
scenarios:
  human_handoff: {priority: 9, rungs: [template], template: human}
  complaint:
    priority: 8
    rungs: [template]
    template: noted
    handoff: {tiers: [gold]}
  account_security: {priority: 7, rungs: [template], template: noted, handoff: {intents: [fraud]}}
  logistics:
    priority: 5
    template: noted
    knowledge: [shipping]
    steps:
      which: {intents: [track_order], template: which, until: [order_number], next: found}
      found: {template: found}
  returns_exchange:
    priority: 6
    triggers:
      - families: [returns_exchange]
      - keywords: [money back, 退换]
      - entry_paths: [returns/]
        after: [logistics]
    template: noted
  service_change:
    priority: 6
    triggers:
      - intents: [start_service]
        verified: true
    template: noted
  chit_chat: {rungs: [template], template: hello}
  out_of_scope: {rungs: [template], template: noted}
  other: {rungs: [knowledge]}
templates:
  ask: {en: What is it about?, zh: 您想问什么？}
  noted: {en: Noted., zh: 已记下。}
  human: {en: A colleague takes over., zh: 正在转接人工。}
  sorry: {en: I am sorry., zh: 非常抱歉。}
  later: {en: I cannot answer that now., zh: 暂时回答不了。}
  hello: {en: Hello!, zh: 您好！}
  which: {en: Which order?, zh: 哪个订单？}
  found:
    en: Order {order_number} is on its way.
    zh: 订单 {order_number} 在路上。
    defaults: {order_number: {en: yours, zh: 您的}}
"""
ARTICLE = """\
---
id: shipping
title: Shipping times
lang: en
tags: [shipping]
---
We ship within two days. Delivery takes a week.
"""


def a_tenant(policy: str = POLICY) -> Tenant:
    """The tenant of a policy, with one article. Fails on a policy with mistakes."""
    tenant = check_tenant(policy, {"articles/shipping.md": ARTICLE})
    assert isinstance(tenant, Tenant), "\n".join(map(str, tenant))
    return tenant


def some_rules(policy: str = POLICY) -> Rules:
    """The rules of a policy."""
    return a_tenant(policy).rules


def a_meta(at: int, number: int = 0) -> Meta:
    """The meta of the session's message `number`."""
    turn = message_id("shop", "web", str(number))
    return Meta(turn, "shop", "s-1", turn, at, LIVE, None, at, at + 10 * SECOND, MadeBy("test", "test@1#0"))


def a_message(text: str, at: int = START, number: int = 0, customer: Customer | None = None, path: str = "") -> Record:
    """A message as it lies in the log."""
    meta = a_meta(at, number)
    event = MessageReceived(meta, text, "web", str(number), customer or Customer("c-1"), path)
    return Record("chat.messages", 0, number, at, event)


def heard(
    label: str = "", scenario: str = "", confidence: float = 0.9, anger: float = 0.0, lang: str = "en",
    out_of_scope: float = 0.0, entities: tuple[Entity, ...] = (),
) -> Signals:  # fmt: skip
    """Signals; without a label there is no intent."""
    meta = a_meta(START)
    intent = IntentDetected(meta, label, scenario, confidence, (), out_of_scope, lang) if label else None
    return Signals(intent, SentimentScored(meta, -anger, "neutral", anger, 0.9), EntitiesExtracted(meta, entities))


def an_order_number(value: str = "20260001") -> Entity:
    """An order number, as if it stood at the beginning of the text."""
    return Entity("order_number", value, value, 0, len(value), True)


class Dialogue:
    """A session, turn by turn: each `says` is decided with the state that the turn before left."""

    def __init__(self, rules: Rules | None = None, customer: Customer | None = None) -> None:
        self.rules = rules or some_rules()
        self.customer = customer
        self.state: DialogueState | None = None
        self.at = START
        self.number = 0

    def says(self, text: str, signals: Signals, after: float = 1.0, path: str = "") -> ScenarioRouted:
        """The decision on what the customer says `after` seconds."""
        self.at += int(after * SECOND)
        self.number += 1
        record = a_message(text, self.at, self.number, self.customer, path)
        route = routing.decide(self.rules, "articles@1#0", self.state, record, signals, self.at)
        self.state = route.state
        return route

    def returned(self) -> None:
        """The desk gives the session back."""
        event = SessionReturned(a_meta(self.at), "agent-1")
        changed = routing.after_return(self.state, Record("chat.messages", 0, 0, self.at, event), self.at)
        assert changed is not None
        self.state = changed.state

    def closed(self) -> None:
        """The channel closes the conversation."""
        event = SessionClosed(a_meta(self.at))
        changed = routing.after_close(self.state, Record("chat.messages", 0, 0, self.at, event), self.at)
        assert changed is not None
        self.state = changed.state
