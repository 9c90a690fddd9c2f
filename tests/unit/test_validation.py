"""A readable event from outside is taken only if it can be worked on; what is wrong with it is said."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import examples
from schemas.events import MessageReceived
from schemas.validation import MAX_NAME, MAX_TEXT, wrong_activation, wrong_event, wrong_name, wrong_text
from streams.testing import a_model, a_withdrawal

GOOD: Any = examples.event("MessageReceived.full")
NOW = GOOD.meta.occurred_at
SECOND = 1_000_000
DAY = 86_400 * SECOND


@pytest.mark.parametrize("name", examples.names())
def test_every_example_is_right(name: str) -> None:
    """The examples are what adapters are written by."""
    event = examples.event(name)
    assert wrong_event(event, event.meta.occurred_at) is None


def _meta(**to: Any) -> MessageReceived:
    changed: MessageReceived = GOOD._replace(meta=GOOD.meta._replace(**to))
    return changed


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (_meta(event_id="7"), "meta.event_id '7' is no UUID"),
        (_meta(event_id=GOOD.meta.event_id.upper()), "is no UUID"),
        (_meta(tenant_id=""), "meta.tenant_id"),
        (_meta(tenant_id="Shop!"), "meta.tenant_id"),
        (_meta(tenant_id="a" * 65), "meta.tenant_id"),
        (_meta(session_id=""), "meta.session_id is empty"),
        (_meta(session_id="a\x1fb"), "control character"),
        (_meta(session_id="s" * (MAX_NAME + 1)), "257 characters"),
        (_meta(turn_id=None), "meta.turn_id"),
        (_meta(turn_started_at=None), "meta.turn_started_at"),
        (_meta(deadline_at=None), "meta.deadline_at is missing"),
        (_meta(deadline_at=NOW), "meta.deadline_at is 0 microseconds after"),
        (_meta(deadline_at=NOW + DAY + 1), "meta.deadline_at"),
        (_meta(occurred_at=0), "far from log time"),
        (_meta(occurred_at=NOW * 1000), "microseconds UTC are meant"),
        (_meta(occurred_at=NOW + 2 * 3600 * SECOND), "far from log time"),
        (GOOD._replace(text=""), "text is empty"),
        (GOOD._replace(text=" \n\u3000"), "text is empty"),
        (GOOD._replace(text="a\x00b"), "text contains NUL"),
        (GOOD._replace(text="😡" * (MAX_TEXT + 1)), "text has 16385 characters"),
        (GOOD._replace(channel=""), "channel is empty"),
        (GOOD._replace(channel_message_id="a\nb"), "channel_message_id contains a control character"),
        (GOOD._replace(customer=GOOD.customer._replace(id="")), "customer.id is empty"),
    ],
)
def test_what_is_wrong_is_named(event: MessageReceived, says: str) -> None:
    """The field and the fault, in words that an adapter's author can act on."""
    wrong = wrong_event(event, NOW)
    assert wrong is not None
    assert says in wrong


@pytest.mark.parametrize("late", [0, SECOND, 29 * DAY])
def test_a_message_may_come_late(late: int) -> None:
    """An adapter that was away for days delivers what it has."""
    assert wrong_event(GOOD, NOW + late) is None


def test_the_largest_text_is_taken() -> None:
    """The limit itself is allowed, counted in characters whatever they are."""
    assert wrong_text("情" * MAX_TEXT) is None
    assert wrong_name("n" * MAX_NAME) is None


def test_what_our_stages_made_is_not_looked_at() -> None:
    """Their input was, and a fault there would be ours."""
    routed: Any = examples.event("ScenarioRouted.zh")
    assert wrong_event(routed._replace(meta=routed.meta._replace(event_id="x", tenant_id="")), 0) is None


def a_served() -> Any:
    """An activation of a model on a generating server."""
    return a_model(task="small_model", name="small_2.v1")._replace(location="")


@pytest.mark.parametrize("event", [a_model(), a_served(), a_model(tenant="bank"), a_withdrawal(), a_withdrawal("bank")])
def test_a_model_is_for_one_tenant_or_for_every_one(event: Any) -> None:
    """An empty tenant means every one; a withdrawal names no bundle."""
    assert wrong_activation(event) is None


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (a_model(task="weather"), "task 'weather' is none of intent, sentiment, small_model, large_model"),
        (a_model(tenant="Bank!"), "meta.tenant_id 'Bank!' is no tenant's name"),
        (a_withdrawal(tenant="Bank!"), "meta.tenant_id 'Bank!' is no tenant's name"),
        (a_model()._replace(fingerprint=""), "fingerprint '' is not name@version#hash"),
        (a_model()._replace(version="2"), "is not that of model@2"),
        (a_model()._replace(location="/etc/0123456789ab"), "is not name/hash, relative to the model store"),
        (a_model()._replace(location="../0123456789ab"), "is not name/hash, relative to the model store"),
        (a_served()._replace(location="model/0123456789ab"), "must be empty"),
        (a_served()._replace(name="other"), "is not that of other@1"),
        (a_served()._replace(fingerprint="little one"), "is not name@version#hash"),
    ],
)
def test_an_activation_that_makes_no_sense_says_why(event: Any, said: str) -> None:
    """By its field."""
    assert said in str(wrong_activation(event))
