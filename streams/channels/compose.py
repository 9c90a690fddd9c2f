"""Makes events of what comes from outside, after checking it: what is wrong is said here, not in a dead letter."""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

from schemas.events import (
    LIVE,
    AgentReplied,
    Customer,
    FeedbackGiven,
    MadeBy,
    MessageReceived,
    Meta,
    SessionClosed,
    SessionReturned,
)
from schemas.identity import derived_id, message_id, uuid5
from schemas.validation import MAX_NAME, MAX_TEXT, wrong_event, wrong_name, wrong_text

E = TypeVar("E", MessageReceived, FeedbackGiven, SessionClosed, SessionReturned)

SECOND: Final = 1_000_000
MAX_ATTRIBUTES: Final = 32
MAX_COMMENT: Final = 2_000
ANONYMOUS: Final = Customer("anonymous")
CHANNEL: Final = MadeBy("channel", "channel@1")
DESK: Final = MadeBy("desk", "desk@1")
_REMEDIES: Final = {
    "is empty": "send a text with at least one character that is no white space",
    "contains NUL": "remove the NUL characters",
    "contains a control character": "remove the control characters",
    "contains half a surrogate pair": "send whole characters, in valid UTF-8",
}


class WrongInput(ValueError):
    """What came from outside cannot be taken. `field`, what is wrong with it, and the `remedy`."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field} {problem}: {remedy}")
        self.field = field
        self.problem = problem
        self.remedy = remedy


class Sender(NamedTuple):
    """Of which conversation an event is. `deadline`: seconds in which an answer is of use on this channel."""

    tenant: str
    session: str
    channel: str = "api"
    deadline: float = 10.0


def check_text(field: str, text: str) -> None:
    """Raises WrongInput unless a message may have this text."""
    _check_encodable(field, text)
    if wrong := wrong_text(text):
        raise WrongInput(field, wrong, _REMEDIES.get(wrong, f"split it into messages of up to {MAX_TEXT} characters"))


def check_name(field: str, value: str) -> None:
    """Raises WrongInput unless a session, channel, message or customer may be called this."""
    _check_encodable(field, value)
    if wrong := wrong_name(value):
        remedy = "give it" if not value else _REMEDIES.get(wrong, f"use at most {MAX_NAME} characters")
        raise WrongInput(field, wrong, remedy)


def _check_encodable(field: str, value: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            problem = "contains half a surrogate pair"
            raise WrongInput(field, problem, _REMEDIES[problem]) from None


def check_short(field: str, value: str, most: int = MAX_NAME) -> None:
    """Raises WrongInput unless an optional short text, such as a comment, may be this."""
    _check_encodable(field, value)
    if "\x00" in value:
        raise WrongInput(field, "contains NUL", _REMEDIES["contains NUL"])
    if len(value) > most:
        raise WrongInput(field, f"has {len(value)} characters; at most {most} are taken", "shorten it")


def check_customer(customer: Customer) -> None:
    """Raises WrongInput unless a customer may be described so."""
    check_name("customer.id", customer.id)
    check_short("customer.tier", customer.tier, 64)
    if len(customer.attributes) > MAX_ATTRIBUTES:
        problem = f"has {len(customer.attributes)} entries; at most {MAX_ATTRIBUTES} are taken"
        raise WrongInput("customer.attributes", problem, "send those that the policy uses")
    for name, value in customer.attributes.items():
        check_name("customer.attributes", name)
        check_short(f"customer.attributes.{name}", value)


def message(
    sender: Sender,
    text: str,
    channel_message_id: str,
    now: int,
    customer: Customer = ANONYMOUS,
    entry_path: str = "",
    traceparent: str | None = None,
) -> MessageReceived:
    """A customer's message as it comes in at `now` (microseconds UTC). Raises WrongInput."""
    check_name("session", sender.session)
    check_name("channel", sender.channel)
    check_name("channel_message_id", channel_message_id)
    check_short("entry_path", entry_path)
    check_text("text", text)
    if customer is not ANONYMOUS:
        check_customer(customer)
    id_ = message_id(sender.tenant, sender.channel, channel_message_id)
    deadline = now + round(sender.deadline * SECOND)
    meta = Meta(id_, sender.tenant, sender.session, id_, now, LIVE, None, now, deadline, CHANNEL, traceparent)
    return _checked(MessageReceived(meta, text, sender.channel, channel_message_id, customer, entry_path), now)


def feedback(
    sender: Sender, turn_id: str, turn_started_at: int | None, score: int, comment: str, request: str, now: int
) -> FeedbackGiven:
    """What a customer thinks of a turn's reply. `request`: the caller's id of it, so that a repeat is one."""
    check_name("session", sender.session)
    check_name("turn_id", turn_id)
    check_short("comment", comment, MAX_COMMENT)
    if not -2 <= score <= 2:
        raise WrongInput("score", f"is {score}", "give a score from -2 (useless) to 2 (perfect)")
    id_ = uuid5(f"{LIVE}|feedback|{sender.tenant}|{turn_id}|{request}")
    meta = Meta(id_, sender.tenant, sender.session, turn_id, turn_started_at, LIVE, turn_id, now, None, CHANNEL)
    return _checked(FeedbackGiven(meta, score, comment), now)


def closed(sender: Sender, reason: str, request: str, now: int) -> SessionClosed:
    """The end of a conversation, as its channel tells it."""
    check_name("session", sender.session)
    check_short("reason", reason)
    return _checked(SessionClosed(_outside(sender, "close", request, now, CHANNEL), reason), now)


def returned(sender: Sender, agent_id: str, request: str, now: int) -> SessionReturned:
    """A human agent hands the session back to the bot."""
    check_name("session", sender.session)
    check_name("agent_id", agent_id)
    return _checked(SessionReturned(_outside(sender, "desk-return", request, now, DESK), agent_id), now)


def answer(
    sender: Sender, turn_id: str, turn_started_at: int | None, text: str, agent_id: str, request: str, now: int
) -> AgentReplied:
    """What a human agent answers to a turn. `request`: the desk's own id of it, so that a repeat is one."""
    check_name("session", sender.session)
    check_name("turn_id", turn_id)
    check_name("agent_id", agent_id)
    check_text("text", text)
    id_ = derived_id(LIVE, "desk", f"{turn_id}|{request}")
    meta = Meta(id_, sender.tenant, sender.session, turn_id, turn_started_at, LIVE, turn_id, now, None, DESK)
    return AgentReplied(meta, text, agent_id)


def _outside(sender: Sender, what: str, request: str, now: int, made_by: MadeBy) -> Meta:
    id_ = uuid5(f"{LIVE}|{what}|{sender.tenant}|{sender.session}|{request}")
    return Meta(id_, sender.tenant, sender.session, None, None, LIVE, None, now, None, made_by)


def _checked(event: E, now: int) -> E:
    """The same rules as every stage's, so that nothing is acknowledged that would become a dead letter."""
    if wrong := wrong_event(event, now):
        field, _, problem = wrong.partition(" ")
        raise WrongInput(field, problem, "see docs/wire-format.md")
    return event
