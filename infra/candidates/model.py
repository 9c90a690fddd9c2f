"""A candidate: what replaces what was live, whole and plain, so that any worker on any host can play it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self

from infra.candidates.gate import Rule, parse_rule
from infra.local.errors import StackError
from processors.policy import Problem
from processors.policy.model import canonical
from schemas.events import Article
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
    """What a tenant gets instead. None: as it was live. The fingerprints are empty where nothing is replaced."""

    tenant: str
    policy: str | None = None
    policy_fingerprint: str = ""
    articles: tuple[Article, ...] | None = None
    knowledge_fingerprint: str = ""


@dataclass(frozen=True)
class Candidate:
    """A candidate file, read: nothing in it refers to another file any more, but for bundles.

    `text`: the file as it was. `models`: by task. `tenants`: by name. `metrics`: those to show, empty for all; the
    gate's are always among them.
    """

    name: str
    text: str = ""
    about: str = ""
    models: Mapping[str, ModelChoice] = field(default_factory=dict)
    tenants: Mapping[str, TenantChange] = field(default_factory=dict)
    seed: int = SEED
    metrics: tuple[str, ...] = ()
    gate: tuple[Rule, ...] = ()

    @property
    def changed(self) -> frozenset[str]:
        """What differs from live: tasks of models, `policy`, `knowledge`."""
        policy = {"policy" for t in self.tenants.values() if t.policy is not None}
        knowledge = {"knowledge" for t in self.tenants.values() if t.articles is not None}
        return frozenset({*self.models, *policy, *knowledge})

    @property
    def fingerprints(self) -> dict[str, str]:
        """What is put in place of live, by `intent`, `sentiment`, `policy.TENANT`, `knowledge.TENANT`."""
        found = {task: choice.fingerprint or choice.reference for task, choice in self.models.items()}
        for tenant, change in self.tenants.items():
            found |= {f"policy.{tenant}": change.policy_fingerprint} if change.policy is not None else {}
            found |= {f"knowledge.{tenant}": change.knowledge_fingerprint} if change.articles is not None else {}
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
        )


def _change_to_json(change: TenantChange) -> dict[str, Any]:
    articles = None if change.articles is None else [article._asdict() for article in change.articles]
    return {**change._asdict(), "articles": articles}


def _change_of_json(content: Mapping[str, Any]) -> TenantChange:
    articles = content["articles"]
    made = None if articles is None else tuple(Article(**{**a, "tags": tuple(a["tags"])}) for a in articles)
    return TenantChange(**{**content, "articles": made})
