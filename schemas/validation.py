"""What a readable event from outside must hold before anything is done with it."""

from __future__ import annotations

import re
from typing import Final

from schemas.events import (
    LIVE,
    ArmModel,
    Event,
    ExperimentArm,
    ExperimentChanged,
    FeedbackGiven,
    MessageReceived,
    ModelActivated,
    SessionClosed,
    SessionReturned,
)
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
_SERVED: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,99})@([^\s@#]+)#([0-9a-f]{12})").fullmatch
_FOLDER: Final = re.compile(r"[a-z0-9-]+/[0-9a-f]{12}").fullmatch
TASKS: Final = ("intent", "sentiment")
"""What a model bundle can be for; each is also the name of the stage that does it."""
GENERATING: Final = ("small_model", "large_model")
"""The rungs that a model on a generating server stands for; such a model is activated by its name there."""
CONTROL_ARM: Final = "control"
"""The arm of an experiment that is as it is live."""
MAX_EXCLUDED: Final = 20_000
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}").fullmatch
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]").search


def wrong_name(value: str) -> str | None:
    """What is wrong with a tenant's session, channel, or customer id; None if nothing is."""
    if not value:
        return "is empty"
    if len(value) > MAX_NAME:
        return f"has {len(value)} characters; at most {MAX_NAME} are taken"
    if value.isprintable():  # as nearly all are: quicker than to look for what is not
        return None
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


def wrong_run(event: Event) -> str | None:
    """Why an event has no place in the log: it is of a replay, which must never answer a customer. None: it has one."""
    run_id = event.meta.run_id
    return None if run_id == LIVE else f"meta.run_id is {run_id[:50]!r}: the log takes only the run {LIVE}"


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
    if wrong := wrong_name(event.channel):
        return f"channel {wrong}"
    if wrong := wrong_name(event.channel_message_id):
        return f"channel_message_id {wrong}"
    if wrong := wrong_name(event.customer.id):
        return f"customer.id {wrong}"
    wrong = wrong_text(event.text)
    return f"text {wrong}" if wrong else None


def wrong_activation(event: ModelActivated) -> str | None:
    """What is wrong with an activation of a model; None if nothing is. A tenant that is empty means every tenant."""
    if event.task not in (*TASKS, *GENERATING):
        return f"task {event.task[:50]!r} is none of {', '.join((*TASKS, *GENERATING))}"
    if event.meta.tenant_id and not _TENANT(event.meta.tenant_id):
        return f"meta.tenant_id {event.meta.tenant_id[:50]!r} is no tenant's name; empty means every tenant"
    if is_withdrawal(event):
        return None
    return _wrong_served(event) if event.task in GENERATING else _wrong_bundle(event)


def _wrong_served(event: ModelActivated) -> str | None:
    parts = _SERVED(event.fingerprint)
    if parts is None:
        return f"fingerprint {event.fingerprint[:80]!r} is not name@version#hash"
    if parts.groups()[:2] != (event.name, event.version):
        return f"fingerprint {event.fingerprint[:80]} is not that of {event.name[:50]}@{event.version[:50]}"
    if event.location:
        return f"location {event.location[:80]!r} must be empty: the server knows where its models lie"
    return None


def _wrong_bundle(named: ModelActivated | ArmModel) -> str | None:
    parts = _BUNDLE(named.fingerprint)
    if parts is None:
        return f"fingerprint {named.fingerprint[:80]!r} is not name@version#hash"
    if parts.groups()[:2] != (named.name, named.version):
        return f"fingerprint {named.fingerprint} is not that of {named.name[:50]}@{named.version[:50]}"
    if not _FOLDER(named.location):
        return f"location {named.location[:80]!r} is not name/hash, relative to the model store"
    return None


def is_withdrawal(event: ModelActivated) -> bool:
    """Whether the event ends what the ones before it began: what holds without them holds again."""
    return not (event.fingerprint or event.location or event.name or event.version)


def wrong_experiment(event: ExperimentChanged) -> str | None:
    """What is wrong with the start or stop of an experiment; None if nothing is."""
    if not _TENANT(event.meta.tenant_id):
        return f"meta.tenant_id {event.meta.tenant_id[:50]!r} is no tenant's name"
    if not _SLUG(event.name):
        return f"name {event.name[:50]!r} is not 1 to 40 of a-z, 0-9 and -, beginning with a letter or digit"
    if event.status not in ("started", "stopped"):
        return f"status {event.status[:50]!r} is neither started nor stopped"
    if event.status == "stopped":
        return None
    if not event.salt or event.sessions < 1:
        return "salt is empty" if not event.salt else f"sessions is {event.sessions}; plan at least one"
    if len(event.excluded) > MAX_EXCLUDED:
        return f"excluded has {len(event.excluded)} names; at most {MAX_EXCLUDED} are taken: end a name with *"
    for place, name in enumerate(event.excluded):
        if name.startswith("*") or (wrong_name(name) is not None):
            return f"excluded[{place}] {name[:50]!r} is no session's name, nor the beginning of some before a *"
    return _wrong_arms(event.arms)


def _wrong_arms(arms: tuple[ExperimentArm, ...]) -> str | None:
    if len(arms) < 2 or arms[0].name != CONTROL_ARM:
        return f"arms are {[arm.name for arm in arms]}; the first is {CONTROL_ARM}, and one more at least is compared"
    if len({arm.name for arm in arms}) < len(arms):
        return f"arms are {[arm.name for arm in arms]}; each has a name of its own"
    for arm in arms:
        if not _SLUG(arm.name):
            return f"the arm's name {arm.name[:50]!r} is not 1 to 40 of a-z, 0-9 and -"
        if not 0 < arm.weight < float("inf"):
            return f"the weight of arm {arm.name} is {arm.weight}; more than 0 is wanted"
        if wrong := _wrong_overrides(arm):
            return f"arm {arm.name}: {wrong}"
    return None


def _wrong_overrides(arm: ExperimentArm) -> str | None:
    if arm.name == CONTROL_ARM and (arm.policy or arm.models):
        return "it is as it is live, and changes nothing"
    if arm.name != CONTROL_ARM and not (arm.policy or arm.models):
        return "it changes nothing, so that there is nothing to compare"
    if bool(arm.policy) != bool(arm.policy_fingerprint) or bool(arm.policy) != bool(arm.knowledge_fingerprint):
        return "policy, policy_fingerprint and knowledge_fingerprint go together"
    if arm.articles and not arm.policy:
        return "articles go with a policy"
    if arm.prompts and not arm.policy:
        return "prompts go with a policy"
    if len({model.task for model in arm.models}) < len(arm.models):
        return "two models are for one task"
    for model in arm.models:
        wrong = _wrong_bundle(model) if model.task in TASKS else f"is none of {', '.join(TASKS)}"
        if wrong:
            return f"model for {model.task[:50]!r}: {wrong}"
    return None
