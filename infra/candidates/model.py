"""A candidate: what replaces what was live, whole and plain, so that any worker on any host can play it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from infra.candidates.gate import Rule, parse_rule
from infra.local.errors import StackError
from processors.policy import Problem
from processors.policy.model import canonical
from schemas.events import Article, PromptFile
from schemas.identity import fingerprint

SEED: Final = 7
NAME: Final = r"[a-z0-9][a-z0-9-]{0,39}"
"""As of runs, since a run is called after its candidate where nothing else is said."""


class CandidateRefused(StackError):
    """A candidate file is wrong. `problems`: everything that is, each by file, line, field and remedy."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class ModelChoice(NamedTuple):
    """Which bundle takes a task. `reference`: a folder, or as ModelStore.find takes it.

    `fingerprint`: empty until the bundle was looked up. `location`: its place in the model store; empty for a shipped
    bundle, or before it was settled.
    """

    reference: str
    fingerprint: str = ""
    location: str = ""


class TenantChange(NamedTuple):
    """What a tenant gets instead. None: as it was live. The fingerprints are empty where nothing is replaced.

    prompts: those that go with the policy; of no meaning without one.
    """

    tenant: str
    policy: str | None = None
    policy_fingerprint: str = ""
    articles: tuple[Article, ...] | None = None
    knowledge_fingerprint: str = ""
    prompts: tuple[PromptFile, ...] = ()


class PromptChoice(NamedTuple):
    """The prompt by which every generated reply is made. `text`: its whole file."""

    name: str
    fingerprint: str
    text: str


@dataclass(frozen=True)
class Candidate:
    """A candidate file, read: nothing in it refers to another file any more, but for bundles and served models.

    `text`: the file as it was. `models`: by task. `tenants`: by name. `metrics`: those to show, empty for all; the
    gate's are always among them. `generation`: by rung, the name of a model on the Triton server.
    """

    name: str
    text: str = ""
    about: str = ""
    models: Mapping[str, ModelChoice] = field(default_factory=dict)
    tenants: Mapping[str, TenantChange] = field(default_factory=dict)
    seed: int = SEED
    metrics: tuple[str, ...] = ()
    gate: tuple[Rule, ...] = ()
    prompt: PromptChoice | None = None
    generation: Mapping[str, str] = field(default_factory=dict)

    @property
    def generates(self) -> bool:
        """Whether generated replies are made anew; else the record's are served."""
        return self.prompt is not None or bool(self.generation)

    @property
    def changed(self) -> frozenset[str]:
        """What differs from live: tasks of models, `policy`, `knowledge`, `prompt`, `generation`."""
        policy = {"policy" for t in self.tenants.values() if t.policy is not None}
        knowledge = {"knowledge" for t in self.tenants.values() if t.articles is not None}
        replies = {*(["prompt"] if self.prompt is not None else []), *(["generation"] if self.generation else [])}
        return frozenset({*self.models, *policy, *knowledge, *replies})

    @property
    def fingerprints(self) -> dict[str, str]:
        """What is put in place of live, by `intent`, `sentiment`, `policy.TENANT`, `knowledge.TENANT`, `prompt`,
        `generation.RUNG`; of a served model its name, since what it is now only the server knows."""
        found = {task: choice.fingerprint or choice.reference for task, choice in self.models.items()}
        for tenant, change in self.tenants.items():
            found |= {f"policy.{tenant}": change.policy_fingerprint} if change.policy is not None else {}
            found |= {f"knowledge.{tenant}": change.knowledge_fingerprint} if change.articles is not None else {}
        found |= {"prompt": self.prompt.fingerprint} if self.prompt is not None else {}
        found |= {f"generation.{rung}": name for rung, name in self.generation.items()}
        return dict(sorted(found.items()))

    @property
    def fingerprint(self) -> str:
        """Who this candidate is: what it plays, wherever that lies, and its seed; not its gate, metrics and words."""
        return fingerprint(self.name, "candidate", canonical({**self.fingerprints, "seed": self.seed}))

    def to_json(self) -> dict[str, Any]:
        """Fit for JSON; `from_json` makes the same candidate of it."""
        return {
            "name": self.name,
            "text": self.text,
            "about": self.about,
            "models": {task: choice._asdict() for task, choice in sorted(self.models.items())},
            "tenants": {name: _change_to_json(change) for name, change in sorted(self.tenants.items())},
            "seed": self.seed,
            "metrics": list(self.metrics),
            "gate": [str(rule) for rule in self.gate],
            "prompt": self.prompt._asdict() if self.prompt is not None else None,
            "generation": dict(sorted(self.generation.items())),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` was made of. Raises RuleRefused for a rule of a metric that there is no more."""
        return cls(
            name=content["name"],
            text=content["text"],
            about=content["about"],
            models={task: ModelChoice(**choice) for task, choice in content["models"].items()},
            tenants={name: _change_of_json(change) for name, change in content["tenants"].items()},
            seed=content["seed"],
            metrics=tuple(content["metrics"]),
            gate=tuple(map(parse_rule, content["gate"])),
            prompt=PromptChoice(**prompt) if (prompt := content.get("prompt")) is not None else None,
            generation=content.get("generation", {}),
        )


def _change_to_json(change: TenantChange) -> dict[str, Any]:
    articles = None if change.articles is None else [article._asdict() for article in change.articles]
    return {**change._asdict(), "articles": articles, "prompts": [prompt._asdict() for prompt in change.prompts]}


def _change_of_json(content: Mapping[str, Any]) -> TenantChange:
    articles = content["articles"]
    made = None if articles is None else tuple(Article(**{**a, "tags": tuple(a["tags"])}) for a in articles)
    prompts = tuple(PromptFile(**prompt) for prompt in content.get("prompts", ()))
    return TenantChange(**{**content, "articles": made, "prompts": prompts})
