"""Which scenario a message belongs to: by the policy's triggers, and by the task that the dialogue is in."""

from __future__ import annotations

from typing import Final, NamedTuple

from processors.policy.compile import Condition, Rules
from processors.policy.model import Scenario
from processors.text import normalise
from schemas.events import DIALOGUE_ACT, DialogueState, IntentDetected, MessageReceived

ASIDES: Final = frozenset({"chit_chat", "out_of_scope", "human_handoff"})
"""Scenarios that leave the dialogue's task where it was."""
NOT_HELPED: Final = "not_helped"
DETAILS: Final = "give_details"


class Wish(NamedTuple):
    """What the customer wants: the scenario, and what in the policy led there.

    understood: False asks back. failed: the turn counts as one that found no answer. goes_on: it continues the task.
    """

    scenario: Scenario
    trigger: str
    understood: bool = True
    failed: bool = False
    goes_on: bool = False


def wish_of(rules: Rules, before: DialogueState, message: MessageReceived, intent: IntentDetected | None) -> Wish:
    """What a message asks for, given where the dialogue stands; without an intent only by what else is known."""
    understanding = rules.policy.understanding
    family = intent.scenario if intent is not None else ""
    confidence = intent.confidence if intent is not None else 0.0
    sure = confidence >= understanding.min_confidence
    # Details are often a bare number: within a task they are worth a look even where the model is not sure.
    if intent is not None and family == DIALOGUE_ACT and (sure or (before.scenario and intent.label == DETAILS)):
        failed = intent.label == NOT_HELPED
        if before.scenario:
            return Wish(rules.scenario(before.scenario), f"continues:{intent.label}", True, failed, True)
        return Wish(rules.scenario("other"), f"intent:{intent.label}", False, failed)
    outside = intent is not None and intent.out_of_scope >= understanding.out_of_scope
    stays = bool(before.scenario) and confidence < understanding.switch_confidence and family not in ASIDES
    triggered = _triggered(rules, before, message, intent if sure and not stays and not outside else None)
    if triggered is not None:
        return triggered
    if outside and "out_of_scope" in rules.policy.scenarios:
        return Wish(rules.scenario("out_of_scope"), "out_of_scope")
    if intent is None:
        if before.scenario:
            return Wish(rules.scenario(before.scenario), "no_signal", True, False, True)
        return Wish(rules.scenario("other"), "no_signal", False)
    task = rules.scenario(before.scenario or "other")
    if sure:
        return Wish(task, f"{'stays' if stays else 'intent'}:{intent.label}")
    return Wish(task, "low_confidence", False, True)


def _triggered(
    rules: Rules, before: DialogueState, message: MessageReceived, intent: IntentDetected | None
) -> Wish | None:
    """The first scenario, by priority, one of whose triggers holds."""
    text = normalise(message.text) if rules.uses_keywords else ""
    for scenario, condition in rules.triggers:
        led = _holds(condition, text, before, message, intent)
        if led is not None:
            return Wish(scenario, led)
    return None


def _holds(
    c: Condition, text: str, before: DialogueState, message: MessageReceived, intent: IntentDetected | None
) -> str | None:
    """What led here, where every condition holds; else None."""
    led = ""
    if c.intents is not None or c.families is not None:
        if intent is None or (c.intents is not None and intent.label not in c.intents):
            return None
        if c.families is not None and intent.scenario not in c.families:
            return None
        led = f"intent:{intent.label}"
    customer = message.customer
    if c.tiers is not None and customer.tier not in c.tiers:
        return None
    if c.verified is not None and customer.verified is not c.verified:
        return None
    if c.after is not None and (not before.history or before.history[-1] not in c.after):
        return None
    if c.entry_paths is not None and not message.entry_path.startswith(c.entry_paths):
        return None
    if c.keywords is not None:
        found = c.keywords(text)
        return f"keyword:{found.group()}" if found is not None else None
    return led or _circumstance(c, before, message)


def _circumstance(c: Condition, before: DialogueState, message: MessageReceived) -> str:
    if c.entry_paths is not None:
        return f"entry_path:{next(p for p in c.entry_paths if message.entry_path.startswith(p))}"
    if c.tiers is not None:
        return f"tier:{message.customer.tier}"
    return f"after:{before.history[-1]}" if c.after is not None else f"verified:{str(c.verified).lower()}"
