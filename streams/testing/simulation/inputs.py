"""What comes from outside, as events: the same for the same schedule, but for the time at which it comes."""

from __future__ import annotations

from typing import Final

from schemas.events import LIVE, Event, FeedbackGiven, MadeBy, Meta, SessionClosed, SessionReturned
from schemas.identity import uuid5
from streams.testing.events import TENANT, a_message
from streams.testing.simulation.product import Product
from streams.testing.simulation.schedule import Input

AHEAD: Final = 5_500_000
"""Microseconds by which an activation is announced: more than the stages' views of the control log may be old."""


def event_of(it: Input, product: Product, now: int, deadline: float, last_turn: str | None) -> Event | None:
    """The event of an input that comes at `now`; None: there is nothing of the kind. last_turn: of its session."""
    session = f"s-{it.session + 1}"
    number = f"{it.what}-{it.number}"
    if it.what == "message":
        tenant = product.policies[0].meta.tenant_id
        text = product.texts[it.text % len(product.texts)]
        return a_message(text, tenant, session, now, f"m-{it.number + 1}", deadline)
    if it.what == "policy":
        if len(product.policies) < 2:
            return None
        policy = product.policies[it.text % len(product.policies)]
        return policy._replace(meta=policy.meta._replace(event_id=uuid5(number)), effective_at=now + AHEAD)
    if it.what == "model":
        if not product.models:
            return None
        model = product.models[it.text % len(product.models)][0]
        return model._replace(meta=model.meta._replace(event_id=uuid5(number)), effective_at=now + AHEAD)
    turn = last_turn if it.what == "feedback" else None
    tenant = product.policies[0].meta.tenant_id or TENANT
    started = now if turn else None
    meta = Meta(uuid5(number), tenant, session, turn, started, LIVE, None, now, None, MadeBy("web", "test@1"))
    match it.what:
        case "feedback":
            return FeedbackGiven(meta, 1 if it.text & 1 else -1)
        case "close":
            return SessionClosed(meta, "left")
        case _:
            return SessionReturned(meta, "agent-1")


def about(it: Input, event: Event) -> str:
    """What happens, for the story."""
    session = f"s-{it.session + 1}"
    match it.what:
        case "message":
            return f"the customer of {session} writes {event.meta.event_id}: {getattr(event, 'text', '')!r}"
        case "feedback":
            return f"the customer of {session} says what they think"
        case "close":
            return f"the conversation of {session} is closed"
        case "return":
            return f"the desk returns {session} to the bot"
        case _:
            return f"an operator activates a {it.what}, from {AHEAD / 1e6} s on"
