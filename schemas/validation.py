"""What a readable event from outside must hold before anything is done with it."""

from __future__ import annotations

import re
from typing import Final

from schemas.events import Event, FeedbackGiven, MessageReceived, ModelActivated, SessionClosed, SessionReturned
from schemas.identity import SEPARATOR

MAX_TEXT: Final = 16_384
"""Characters of a message; a channel that takes more splits it."""
MAX_NAME: Final = 256
MAX_PAST: Final = 30 * 86_400 * 1_000_000
MAX_FUTURE: Final = 3_600 * 1_000_000
MAX_DEADLINE: Final = 86_400 * 1_000_000
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}").fullmatch
_BUNDLE: Final = re.compile(r"([a-z0-9-]+)@([^\s@#]+)#([0-9a-f]{12})").fullmatch
_FOLDER: Final = re.compile(r"[a-z0-9-]+/[0-9a-f]{12}").fullmatch
TASKS: Final = ("intent", "sentiment")
"""What a model bundle can be for; each is also the name of the stage that does it."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]").search


def wrong_name(value: str) -> str | None:
    """What is wrong with a tenant's session, channel, or customer id; None if nothing is."""
    if not value:
        return "is empty"
    if len(value) > MAX_NAME:
        return f"has {len(value)} characters; at most {MAX_NAME} are taken"
    return "contains a control character" if _CONTROL(value) or SEPARATOR in value else None


def wrong_text(text: str) -> str | None:
    """What is wrong with a message's text; None if nothing is."""
    if len(text) > MAX_TEXT:
        return f"has {len(text)} characters; at most {MAX_TEXT} are taken"
    if "\x00" in text:
        return "contains NUL"
    return None if text.strip() else "is empty"


def wrong_event(event: Event, appended_at: int) -> str | None:
    """What is wrong with an event from outside that the log took at `appended_at`; None if nothing is.

    Events that Spillway's own stages make are not looked at: their input was.
    """
    if not isinstance(event, MessageReceived | FeedbackGiven | SessionClosed | SessionReturned):
        return None
    meta = event.meta
    if not _UUID(meta.event_id):
        return f"meta.event_id {meta.event_id[:50]!r} is no UUID"
    if not _TENANT(meta.tenant_id):
        return f"meta.tenant_id {meta.tenant_id[:50]!r} is no tenant's name"
    if wrong := wrong_name(meta.session_id):
        return f"meta.session_id {wrong}"
    if not -MAX_PAST <= meta.occurred_at - appended_at <= MAX_FUTURE:
        return f"meta.occurred_at {meta.occurred_at} is far from log time {appended_at}: microseconds UTC are meant"
    return _wrong_message(event) if isinstance(event, MessageReceived) else None


def _wrong_message(event: MessageReceived) -> str | None:
    meta = event.meta
    if meta.turn_id != meta.event_id:
        return "meta.turn_id of a message is its event_id"
    if meta.turn_started_at != meta.occurred_at:
        return "meta.turn_started_at of a message is its occurred_at"
    if meta.deadline_at is None:
        return "meta.deadline_at is missing: the channel sets until when an answer is of use"
    if not 0 < meta.deadline_at - meta.occurred_at <= MAX_DEADLINE:
        return f"meta.deadline_at is {meta.deadline_at - meta.occurred_at} microseconds after the message"
    names = {"channel": event.channel, "channel_message_id": event.channel_message_id, "customer.id": event.customer.id}
    for field, value in names.items():
        if wrong := wrong_name(value):
            return f"{field} {wrong}"
    wrong = wrong_text(event.text)
    return f"text {wrong}" if wrong else None


def wrong_activation(event: ModelActivated) -> str | None:
    """What is wrong with an activation of a model; None if nothing is. A tenant that is empty means every tenant."""
    if event.task not in TASKS:
        return f"task {event.task[:50]!r} is none of {', '.join(TASKS)}"
    if event.meta.tenant_id and not _TENANT(event.meta.tenant_id):
        return f"meta.tenant_id {event.meta.tenant_id[:50]!r} is no tenant's name; empty means every tenant"
    if is_withdrawal(event):
        return None
    named = _BUNDLE(event.fingerprint)
    if named is None:
        return f"fingerprint {event.fingerprint[:80]!r} is not name@version#hash"
    if named.groups()[:2] != (event.name, event.version):
        return f"fingerprint {event.fingerprint} is not that of {event.name[:50]}@{event.version[:50]}"
    if not _FOLDER(event.location):
        return f"location {event.location[:80]!r} is not name/hash, relative to the model store"
    return None


def is_withdrawal(event: ModelActivated) -> bool:
    """Whether the event ends what the ones before it began: what holds without them holds again."""
    return not (event.fingerprint or event.location or event.name or event.version)
