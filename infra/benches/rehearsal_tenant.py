"""The tenants of a rehearsal: each a customer's double, so that nothing that is rehearsed reaches anybody.

Channel adapters read the replies of their own tenant, and the human desk shows the sessions of its own. A rehearsal
speaks only as `rehearsal-NAME`, whose policy is the one in force for NAME without what costs others: no rung that a
model makes, and no handoff. No adapter and no desk is given its key.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from infra.announcing import announce
from infra.benches.frame import BenchError, Say
from infra.benches.recorded_stretch import REHEARSAL
from infra.settings import Settings
from infra.wiring import build_codec, open_control
from processors.policy import Policy, rules_of
from processors.policy.model import GENERATING
from schemas.events import LIVE, MadeBy, Meta, PolicyActivated
from schemas.identity import uuid5

AHEAD: Final = 5.0
"""Seconds until a policy that was just written is in force."""
LONGEST: Final = 64
NEVER: Final = 100
"""In a row, as many as a policy may say."""
NO_HANDOFF: Final = {"anger": 1.0, "low_confidence": NEVER, "failures": NEVER}
HANDED_OVER: Final = "human_handoff"


def double_of(tenant: str) -> str:
    """The name under which a tenant's traffic is rehearsed. Raises BenchError for one that is too long."""
    name = f"{REHEARSAL}{tenant}"
    if len(name) > LONGEST:
        raise BenchError(f"tenant {tenant!r}: {name!r} is longer than the {LONGEST} characters that a tenant may have")
    return name


def double_policy(text: str, name: str) -> str:
    """A policy (YAML) under another tenant's name, without models and without handoffs."""
    policy: dict[str, Any] = yaml.safe_load(text)
    policy["tenant"] = name
    policy.pop("generation", None)
    policy["handoff"] = {**(policy.get("handoff") or {}), **NO_HANDOFF}
    scenarios = policy.get("scenarios") or {}
    scenarios.pop(HANDED_OVER, None)
    for scenario in scenarios.values():
        scenario.pop("handoff", None)
        scenario.pop("prompt", None)
        for trigger in list(scenario.get("triggers") or ()):
            if HANDED_OVER in (trigger.get("after") or ()):
                scenario["triggers"].remove(trigger)
        if not scenario.get("triggers", True):
            del scenario["triggers"]
        for place in (scenario, *(scenario.get("steps") or {}).values()):
            _fast(place)
    _fast(policy.get("understanding") or {})
    return yaml.safe_dump(policy, allow_unicode=True, sort_keys=False)


def _fast(place: dict[str, Any]) -> None:
    if rungs := place.get("rungs"):
        fast = [rung for rung in rungs if rung not in GENERATING]
        place["rungs"] = fast or ["knowledge"]


def double(activated: PolicyActivated, effective_at: int, now: int) -> PolicyActivated:
    """The event that puts a tenant's double in force; times in microseconds UTC. Raises BenchError."""
    name = double_of(activated.meta.tenant_id)
    text = double_policy(activated.policy, name)
    made_by = MadeBy("operators", "rehearsal")
    identity = f"{name}|{activated.policy_fingerprint}|{activated.knowledge_fingerprint}|{effective_at}"
    meta = Meta(uuid5(identity), name, "", None, None, LIVE, None, now, None, made_by)
    fingerprint = f"{REHEARSAL}{activated.policy_fingerprint}"
    event = activated._replace(
        meta=meta, policy=text, policy_fingerprint=fingerprint, effective_at=effective_at, prompts=()
    )
    rules = rules_of(event)
    if isinstance(rules, tuple):
        wrong = "; ".join(map(str, rules))
        raise BenchError(f"the policy of {activated.meta.tenant_id!r} cannot be rehearsed: {wrong}")
    return event


def put_in_force(settings: Settings, tenants: Sequence[str], say: Say) -> Mapping[str, float]:
    """Makes each tenant's double serve by the policy in force now. Of each double: its deadline in seconds, on web.

    Returns when every stage has them. Raises BenchError where a tenant has no policy.
    """
    control = open_control(settings, build_codec(settings))
    try:
        now = time.time_ns() // 1000
        missing, deadlines = [], {}
        for tenant in tenants:
            in_force = [each for each in control.policies(tenant) if each.effective_at <= now]
            if not in_force:
                raise BenchError(f"tenant {tenant!r} has no policy in force; see: spillway policy list")
            event = double(in_force[-1], now + round(AHEAD * 1e6), now)
            there = control.policies(event.meta.tenant_id)
            if not there or there[-1].policy != event.policy or there[-1].articles != event.articles:
                missing.append(event)
            deadlines[event.meta.tenant_id] = _deadline(event)
    finally:
        control.close()
    for event in missing:
        say(f"activating {event.meta.tenant_id}, the double of a tenant")
        announce(settings, event, "the policy", f"the policy of {event.meta.tenant_id} is too large for chat.control")
    if missing:
        threading.Event().wait(AHEAD + 1)
    return deadlines


def _deadline(event: PolicyActivated) -> float:
    rules = rules_of(event)
    assert not isinstance(rules, tuple), "double() has checked it"
    policy: Policy = rules.policy
    return policy.deadline("web")
