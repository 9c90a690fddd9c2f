"""A policy made ready to decide with: scenarios in the order they are asked, keywords as one pattern each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from processors.policy.model import Policy, Scenario, Step, Template, Trigger
from processors.text import normalise

if TYPE_CHECKING:  # templates are read with this package's readers, so that its modules cannot need theirs to load
    from processors.prompting.template import PromptTemplate

_HAN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


class Condition(NamedTuple):
    """A trigger, ready to ask. None: not asked for."""

    intents: frozenset[str] | None
    families: frozenset[str] | None
    keywords: Callable[[str], re.Match[str] | None] | None
    tiers: frozenset[str] | None
    verified: bool | None
    entry_paths: tuple[str, ...] | None
    after: frozenset[str] | None


class Rules:
    """One version of a tenant's policy, ready to decide with. Nothing in it changes."""

    def __init__(
        self,
        policy: Policy,
        fingerprint: str | None = None,
        prompts: Mapping[str, PromptTemplate] = MappingProxyType({}),
    ) -> None:
        """fingerprint: what the log calls this version, where it comes from the log. prompts: by the policy's names."""
        self.policy = policy
        self.tenant = policy.tenant
        self._prompts = {name: prompts[name] for name in policy.prompts if name in prompts}
        self.fingerprint = fingerprint or policy.fingerprint([p.fingerprint for p in self._prompts.values()])
        self.timeout = int(policy.session_timeout * 1_000_000)
        self.handoff_timeout = int(policy.handoff.timeout * 1_000_000)
        ranked = sorted(policy.scenarios.values(), key=lambda s: -s.priority)
        self.triggers: tuple[tuple[Scenario, Condition], ...] = tuple(
            (scenario, condition(trigger)) for scenario in ranked for trigger in scenario.triggers
        )
        self.uses_keywords = any(c.keywords for _, c in self.triggers)
        self._entries = {(s.name, i): step for s in ranked for step in reversed(s.steps) for i in step.intents}
        self._steps = {(s.name, step.name): step for s in ranked for step in s.steps}

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name, or `other`, which is always there."""
        return self.policy.scenarios.get(name) or self.policy.scenarios["other"]

    def entry(self, scenario: str, intent: str) -> Step | None:
        """The step that an intent enters in a scenario."""
        return self._entries.get((scenario, intent))

    def step(self, scenario: str, name: str | None) -> Step | None:
        """A step by name; None where this version has none of that name."""
        return self._steps.get((scenario, name or ""))

    def prompt(self, scenario: str) -> PromptTemplate | None:
        """The prompt by which turns of a scenario are generated; None where no model may answer them."""
        return self._prompts.get(self.policy.prompt_of(self.scenario(scenario)))

    def template(self, name: str | None) -> Template | None:
        """A template by name."""
        return self.policy.templates.get(name or "")


def condition(trigger: Trigger) -> Condition:
    """A trigger, ready to ask."""

    def some(names: Sequence[str]) -> frozenset[str] | None:
        return frozenset(names) or None

    return Condition(
        some(trigger.intents),
        some(trigger.families),
        _pattern(trigger.keywords),
        some(trigger.tiers),
        trigger.verified,
        trigger.entry_paths or None,
        some(trigger.after),
    )


def _pattern(keywords: Sequence[str]) -> Any:
    """Latin keywords as whole words, Chinese ones anywhere, since Chinese puts no spaces between words."""
    words = sorted(filter(None, map(normalise, keywords)), key=len, reverse=True)
    if not words:
        return None
    parts = [re.escape(w) if _HAN.search(w) else rf"(?<!\w){re.escape(w)}(?!\w)" for w in words]
    return re.compile("|".join(parts)).search
