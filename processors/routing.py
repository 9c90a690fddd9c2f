"""What is done about a turn: a pure function of the policy, the dialogue's state, the message and its signals.

Time is the log's (`appended_at`); neither load nor a clock enters, so a turn decided twice is decided the same.
Read `decide` from top to bottom: where the dialogue stands, what the customer wants, whether a human takes over, and
else who answers with what.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from processors.policy.compile import Rules
from processors.policy.model import GENERATING, Step
from processors.scenarios import ASIDES, Wish, wish_of
from schemas.events import (
    DialogueChanged,
    DialogueState,
    EntitiesExtracted,
    IntentDetected,
    MessageReceived,
    Meta,
    Record,
    ScenarioRouted,
    SentimentScored,
    SessionClosed,
    SessionReturned,
    SignalsUsed,
)
from schemas.identity import follow
from schemas.validation import MAX_NAME

STAGE: Final = "routing"
MEMORY: Final = 5
"""Scenarios kept in a state's history."""
FADING: Final = 0.3
"""How much of the anger so far is left in the anger of the next turn."""
ASK_BACK: Final = "ask_back"


class Signals(NamedTuple):
    """What was understood of a message by the time that counts; None: not there."""

    intent: IntentDetected | None = None
    sentiment: SentimentScored | None = None
    entities: EntitiesExtracted | None = None


class Plan(NamedTuple):
    """What is to be said."""

    step: str
    template: str | None
    rungs: tuple[str, ...]


def decide(
    rules: Rules, knowledge: str, state: DialogueState | None, record: Record, signals: Signals, now: int
) -> ScenarioRouted:
    """The whole decision on the turn that `record` (a MessageReceived) begins, and the state after it.

    state: of the session so far. knowledge: fingerprint of the articles in force with `rules`.
    """
    message = _message(record)
    meta, at = message.meta, record.appended_at
    before = _standing(rules, state, meta.event_id, at)
    intent, anger = signals.intent, _anger(before, signals.sentiment)
    slots = _slots(signals.entities)
    wish = wish_of(rules, before, message, intent)
    step, stalled = _step(rules, before, wish, intent, slots)
    failures = before.failures + 1 if wish.failed or stalled else 0
    reason = None if before.handed_off else _handoff(rules, before, message, signals, wish, anger, failures)
    plan = _plan(rules, before.handed_off, reason, wish, step)
    after = _after(before, wish, plan, failures, anger, reason, meta.deadline_at, at)
    upset = signals.sentiment is not None and signals.sentiment.anger >= rules.policy.soothing.above
    return ScenarioRouted(
        follow(meta, STAGE, rules.fingerprint, now),
        message.text,
        _answer_language(rules, message, intent),
        message.channel,
        message.customer.id,
        wish.scenario.name,
        plan.step,
        wish.trigger,
        "human" if before.handed_off else owner_of(plan.rungs),
        reason is not None,
        reason,
        plan.rungs,
        plan.template,
        rules.policy.soothing.template if upset and not before.handed_off else None,
        wish.scenario.knowledge if wish.understood else (),
        knowledge,
        rules.fingerprint,
        _used(signals),
        slots,
        None if state is None else state.deadline_at,
        None,
        after,
        message.customer.tier,
    )


def owner_of(rungs: tuple[str, ...]) -> str:
    """The stage that answers by these rungs: `generation` where a model is one of them, else `reply`."""
    return "reply" if frozenset(GENERATING).isdisjoint(rungs) else "generation"


def reject(
    rules: Rules, knowledge: str, state: DialogueState | None, record: Record, why: str, now: int
) -> ScenarioRouted:
    """The turn of a message that cannot be worked on: the customer gets the fallback. Its times become the log's."""
    message = _message(record)
    at = record.appended_at
    deadline = at + int(rules.policy.deadline(message.channel) * 1_000_000)
    meta = message.meta._replace(
        turn_id=message.meta.event_id, turn_started_at=at, occurred_at=at, deadline_at=deadline
    )
    before = _standing(rules, state, meta.event_id, at)
    after = before._replace(last_turn_at=at, deadline_at=max(before.deadline_at or 0, deadline))
    return ScenarioRouted(
        follow(meta, STAGE, rules.fingerprint, now),
        "",
        rules.policy.languages[0],
        _name(message.channel),
        _name(message.customer.id),
        "other",
        "",
        "rejected",
        "reply",
        False,
        None,
        ("fallback",),
        None,
        None,
        (),
        knowledge,
        rules.fingerprint,
        SignalsUsed(missing=("intent", "sentiment", "entities")),
        {},
        None if state is None else state.deadline_at,
        why,
        after,
        _name(message.customer.tier),
    )


def after_return(state: DialogueState | None, record: Record, now: int) -> DialogueChanged | None:
    """The desk gave the session back to the bot; None where no human had it, or has it only since."""
    event = record.event
    if not isinstance(event, SessionReturned) or state is None or not state.handed_off:
        return None
    if record.appended_at < (state.handed_off_at or 0):
        return None  # read again after a crash, and of an earlier handoff
    after = state._replace(seq=state.seq + 1, handed_off=False, handed_off_at=None, failures=0, anger=0.0)
    return DialogueChanged(_changed(event.meta, now), "returned", after)


def after_close(state: DialogueState | None, record: Record, now: int) -> DialogueChanged | None:
    """The channel ended the conversation: the next message begins a new episode. None where none is open."""
    event = record.event
    if not isinstance(event, SessionClosed) or state is None or state.turn_seq == 0:
        return None
    if record.appended_at < state.last_turn_at:
        return None  # read again after a crash: the conversation has gone on since
    after = DialogueState(
        state.seq + 1, state.episode_id, state.episode_started_at, 0, "", "", 0, False, None, 0.0,
        state.last_turn_at, state.deadline_at, (),
    )  # fmt: skip
    return DialogueChanged(_changed(event.meta, now), "closed", after)


def _message(record: Record) -> MessageReceived:
    if not isinstance(record.event, MessageReceived):
        raise TypeError(f"a turn begins with a message, not with {type(record.event).__name__}")
    return record.event


def _name(given: str) -> str:
    """What can be kept of a name that may be anything."""
    return "".join(filter(str.isprintable, given[:MAX_NAME]))


def _changed(meta: Meta, now: int) -> Meta:
    return follow(meta, STAGE, meta.made_by.fingerprint, now)


def _standing(rules: Rules, state: DialogueState | None, turn_id: str, at: int) -> DialogueState:
    """The state as this turn finds it, the turn already counted: a new episode after a pause, the bot back in time."""
    if state is None:
        return DialogueState(1, turn_id, at, 1, "", "", 0, False, None, 0.0, at, None, ())
    handed_off = state.handed_off and at - (state.handed_off_at or 0) <= rules.handoff_timeout
    since = state.handed_off_at if handed_off else None
    if state.turn_seq == 0 or at - state.last_turn_at > rules.timeout:
        return DialogueState(
            state.seq + 1, turn_id, at, 1, "", "", 0, handed_off, since, 0.0, at, state.deadline_at, ()
        )
    return state._replace(
        seq=state.seq + 1, turn_seq=state.turn_seq + 1, handed_off=handed_off, handed_off_at=since
    )


def _anger(before: DialogueState, sentiment: SentimentScored | None) -> float:
    if sentiment is None:
        return before.anger
    return round(FADING * before.anger + (1 - FADING) * sentiment.anger, 4)


def _slots(entities: EntitiesExtracted | None) -> dict[str, str]:
    """The first entity of each kind."""
    slots: dict[str, str] = {}
    for entity in entities.entities if entities is not None else ():
        slots.setdefault(entity.kind, entity.value)
    return slots


def _step(
    rules: Rules, before: DialogueState, wish: Wish, intent: IntentDetected | None, slots: dict[str, str]
) -> tuple[Step | None, bool]:
    """The step that this turn is in, and whether the dialogue is stuck in a step that waits for something."""
    name = wish.scenario.name
    if wish.goes_on:
        current = rules.step(name, before.step)
        if current is None or current.next is None:
            return None, False
        if all(kind in slots for kind in current.until):
            return _forward(rules, name, rules.step(name, current.next), slots), False
        return current, True
    entered = rules.entry(name, intent.label) if intent is not None and wish.understood else None
    return _forward(rules, name, entered, slots), False


def _forward(rules: Rules, scenario: str, step: Step | None, slots: dict[str, str]) -> Step | None:
    """Past every step that waits for what this turn already names."""
    seen = 0
    while step is not None and step.next and step.until and all(kind in slots for kind in step.until) and seen < 20:
        step, seen = rules.step(scenario, step.next), seen + 1
    return step


def _handoff(
    rules: Rules,
    before: DialogueState,
    message: MessageReceived,
    signals: Signals,
    wish: Wish,
    anger: float,
    failures: int,
) -> str | None:
    """Why a human takes over with this turn; None when the bot goes on."""
    rule, common = wish.scenario.handoff, rules.policy.handoff
    label = signals.intent.label if signals.intent is not None else ""
    if wish.scenario.name == "human_handoff":
        return "asked_for"
    if rule.always or label in rule.intents or message.customer.tier in rule.tiers:
        return "policy"
    if anger >= (common.anger if rule.anger is None else rule.anger):
        return "anger"
    if not wish.understood:
        return "low_confidence" if wish.failed and failures >= common.low_confidence else None
    if failures >= (common.failures if rule.failures is None else rule.failures):
        return "repeated_failure"
    return None


def _plan(rules: Rules, with_human: bool, reason: str | None, wish: Wish, step: Step | None) -> Plan:
    understanding = rules.policy.understanding
    if with_human:
        return Plan("", None, ("human",))
    if reason is not None:
        return Plan("", rules.policy.handoff.notice, ("human",))
    if not wish.understood:
        return Plan(ASK_BACK, understanding.ask_back, understanding.rungs)
    if step is not None:
        template = step.template or wish.scenario.template
        return Plan(step.name, template, step.rungs or wish.scenario.rungs)
    if wish.failed:
        return Plan("", understanding.ask_back, ("template", "fallback"))
    if wish.goes_on and wish.trigger != "no_signal":
        return Plan("", understanding.acknowledge, ("template", "fallback"))
    return Plan("", wish.scenario.template, wish.scenario.rungs)


def _after(
    before: DialogueState,
    wish: Wish,
    plan: Plan,
    failures: int,
    anger: float,
    reason: str | None,
    deadline: int | None,
    at: int,
) -> DialogueState:
    aside = wish.scenario.name in ASIDES or not wish.understood
    latest = max(before.deadline_at or 0, deadline or 0) or None
    return DialogueState(
        before.seq,
        before.episode_id,
        before.episode_started_at,
        before.turn_seq,
        before.scenario if aside else wish.scenario.name,
        before.step if aside else plan.step,
        0 if reason is not None or before.handed_off else failures,
        before.handed_off or reason is not None,
        at if reason is not None else before.handed_off_at,
        anger,
        at,
        latest,
        (*before.history, wish.scenario.name)[-MEMORY:],
    )


def _used(signals: Signals) -> SignalsUsed:
    intent, sentiment, _ = signals
    missing = tuple(name for name, signal in zip(Signals._fields, signals, strict=True) if signal is None)
    return SignalsUsed(
        intent.label if intent is not None else "",
        intent.confidence if intent is not None else 0.0,
        intent.out_of_scope if intent is not None else 0.0,
        sentiment.score if sentiment is not None else 0.0,
        sentiment.anger if sentiment is not None else 0.0,
        missing,
    )


def _answer_language(rules: Rules, message: MessageReceived, intent: IntentDetected | None) -> str:
    """The text's language where the policy answers in it, else the customer's, else the policy's default."""
    spoken = intent.lang if intent is not None else "und"
    wanted = ("zh" if spoken == "mixed" else spoken, message.customer.attributes.get("lang", ""))
    languages = rules.policy.languages
    return next((lang for lang in wanted if lang in languages), languages[0])
