"""What a policy says. Plain immutable data; docs/policies.md explains each field to the people who write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from json import dumps
from typing import Any, Final

from schemas.identity import fingerprint

LANGUAGES: Final = ("zh", "en")
"""Those that the language recogniser tells apart."""
GENERATING: Final = ("small_model", "large_model")
"""The rungs that models make, by a prompt."""
POLICY_RUNGS: Final = ("cache", "template", "knowledge", *GENERATING, "fallback")
"""Those that a policy may name; `human` comes from its handoff rules."""
KEPT: Final = ("never", "feedback", "always")
"""When a generated answer is kept for the next customer who asks the same."""
DEFAULT_DEADLINE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Trigger:
    """Conditions that must all hold; one that names nothing does not ask."""

    intents: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    verified: bool | None = None
    entry_paths: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A place within a scenario.

    intents: the intents that enter here. until: kinds of entity that must have been named before the step is done.
    next: the step that follows then. template: what is said here. rungs: instead of the scenario's.
    """

    name: str
    intents: tuple[str, ...] = ()
    template: str | None = None
    until: tuple[str, ...] = ()
    next: str | None = None
    rungs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Handover:
    """When a scenario's turns go to a human, besides what holds for all. None: what holds for all."""

    always: bool = False
    intents: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    anger: float | None = None
    failures: int | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """How one family of wishes is served. `knowledge`: tags of the articles that may answer; none: all.

    prompt: of its generating rungs; None: the policy's."""

    name: str
    priority: int = 0
    triggers: tuple[Trigger, ...] = ()
    knowledge: tuple[str, ...] = ()
    rungs: tuple[str, ...] = ("cache", "knowledge", "template", "fallback")
    template: str | None = None
    steps: tuple[Step, ...] = ()
    handoff: Handover = Handover()
    prompt: str | None = None

    @property
    def generates(self) -> bool:
        """Whether a model may answer here, or in one of the steps."""
        return any(rung in GENERATING for rungs in (self.rungs, *(s.rungs for s in self.steps)) for rung in rungs)


@dataclass(frozen=True, slots=True)
class Understanding:
    """When a message counts as not understood, and what is done then. Thresholds are 0 to 1.

    switch_confidence: below it an intent does not lead out of the task that the dialogue is in.
    """

    min_confidence: float = 0.3
    switch_confidence: float = 0.55
    out_of_scope: float = 0.7
    ask_back: str = ""
    rungs: tuple[str, ...] = ("knowledge", "template", "fallback")
    acknowledge: str = ""


@dataclass(frozen=True, slots=True)
class HandoffRules:
    """What holds for every scenario. `timeout`: seconds of log time until the bot speaks again by itself."""

    notice: str = ""
    timeout: float = 3600.0
    anger: float = 0.8
    low_confidence: int = 3
    failures: int = 3


@dataclass(frozen=True, slots=True)
class Soothing:
    """Said before the answer when the anger of a message is at least `above`."""

    above: float = 0.5
    template: str | None = None


@dataclass(frozen=True, slots=True)
class KnowledgeRules:
    """How well a passage must fit before it is an answer, 0 to 1, and how many are quoted."""

    min_score: float = 0.4
    passages: int = 1


@dataclass(frozen=True, slots=True)
class Generation:
    """What holds for every generating rung. `max_tokens`: of an answer, where the prompt does not say less.

    cache: one of KEPT. `feedback`: once a customer found it good, and nobody bad."""

    prompt: str = "answer"
    max_tokens: int = 220
    cache: str = "feedback"


@dataclass(frozen=True, slots=True)
class Template:
    """A text in each of the policy's languages, with {slots}; `defaults`: slot to language to what stands for it."""

    name: str
    text: Mapping[str, str]
    defaults: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of a tenant's policy. `languages`: the first is the default. `session_timeout`: seconds of silence
    after which the next message begins a new episode. `channels`: name to seconds until an answer is of no use."""

    tenant: str
    version: str
    languages: tuple[str, ...]
    session_timeout: float
    fallback: str
    scenarios: Mapping[str, Scenario]
    templates: Mapping[str, Template]
    about: str = ""
    cache: bool = True
    channels: Mapping[str, float] = field(default_factory=dict)
    understanding: Understanding = Understanding()
    handoff: HandoffRules = HandoffRules()
    soothing: Soothing = Soothing()
    knowledge: KnowledgeRules = KnowledgeRules()
    generation: Generation = Generation()

    def deadline(self, channel: str) -> float:
        """Seconds that an answer on this channel may take; `default` speaks for channels that are not named."""
        return self.channels.get(channel) or self.channels.get("default", DEFAULT_DEADLINE)

    def prompt_of(self, scenario: Scenario) -> str:
        """The name of the prompt by which a scenario's turns are generated; empty where none is."""
        asks_back = any(rung in GENERATING for rung in self.understanding.rungs)
        return (scenario.prompt or self.generation.prompt) if scenario.generates or asks_back else ""

    @property
    def prompts(self) -> tuple[str, ...]:
        """The names of the prompts that its generating rungs use, each once."""
        return tuple(sorted({self.prompt_of(s) for s in self.scenarios.values()} - {""}))

    def fingerprint(self, prompts: Sequence[str] = ()) -> str:
        """Who this version is; the order of scenarios counts, comments and layout do not.

        prompts: the fingerprints of those it uses. What says nothing about generation is called as it always was.
        """
        content = asdict(self)
        if self.generation == Generation():
            del content["generation"]
        for name, scenario in self.scenarios.items():
            if scenario.prompt is None:
                del content["scenarios"][name]["prompt"]
        if prompts:
            content["prompts"] = sorted(prompts)
        return fingerprint(self.tenant, self.version, canonical(content))


def canonical(content: Any) -> bytes:
    """The same bytes for the same content."""
    return dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
