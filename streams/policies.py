"""The policies in force, made ready to decide with: compiled once, kept by fingerprint.

A version that does not compile is refused, and the one before it keeps serving.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from processors.policy import Problem, Rules, rules_of
from processors.ports import Knowledge
from schemas.events import Article, DialogueState, PolicyActivated
from streams.control import ControlView
from streams.experiments import ALWAYS, Experiments
from streams.search import ArticleSearch

Search = Callable[[Sequence[Article], str], Knowledge]
Compile = Callable[[PolicyActivated], Rules | tuple[Problem, ...]]

FRESH: Final = 5.0
"""Seconds within which the end of the control log must have been seen: as long as an activation is announced ahead."""

log = logging.getLogger(__name__)


class Horizons(NamedTuple):
    """Microseconds of log time after the last turn, while the bot has the dialogue, and while a human has it."""

    bot: int
    human: int


class Version:
    """One activation, compiled. Articles are indexed when they are first searched."""

    __slots__ = ("_activated", "_index", "_knowledge", "effective_at", "knowledge_fingerprint", "rules")

    def __init__(self, activated: PolicyActivated, rules: Rules, index: Callable[[PolicyActivated], Knowledge]) -> None:
        self.rules = rules
        self.knowledge_fingerprint = activated.knowledge_fingerprint
        self.effective_at = activated.effective_at
        self._activated = activated
        self._index = index
        self._knowledge: Knowledge | None = None

    def is_over(self, state: DialogueState, at: int) -> bool:
        """Whether nothing of a dialogue in this state matters to a message of log time `at`."""
        rules = self.rules
        timeout = max(rules.timeout, rules.handoff_timeout) if state.handed_off else rules.timeout
        return at - state.last_turn_at > timeout

    def knowledge(self) -> Knowledge:
        """The tenant's articles, searchable."""
        if self._knowledge is None:
            self._knowledge = self._index(self._activated)
        return self._knowledge


class Policies:
    """What stages ask. Stages of a process may share it: a change is compiled under a lock, reading needs none."""

    def __init__(self, control: ControlView, search: Search = ArticleSearch, compile_: Compile = rules_of) -> None:
        self._control = control
        self._search = search
        self._compile = compile_
        self._lock = threading.RLock()
        self._seen = -1
        self._versions: Mapping[str, tuple[Version, ...]] = {}
        self._experiments = Experiments(())
        self._arms: Mapping[str, tuple[Version, ...]] = {}
        """Each tenant's versions that only arms of experiments have."""
        self._made: dict[str, Version | None] = {}
        self._indexes: dict[tuple[str, str], Knowledge] = {}
        self._horizons = Horizons(0, 0)
        self._prepared = -1

    def fresh(self) -> bool:
        """Whether an activation that holds by now can not have been missed."""
        return self._control.fresh(FRESH)

    def in_force(self, tenant: str, appended_at: int, session: str = "") -> Version | None:
        """The version for a message that the log took at `appended_at`; the earliest one for what came before it.

        session: whose; while an experiment holds, a session may be in an arm with a version of its own. Without one:
        what is live. None: there is no such tenant, or nothing of it that compiles.
        """
        versions = self._current().get(tenant)
        if versions is None:
            return None
        if session and self._arms.get(tenant):
            arm = self._experiments.arm(tenant, session, appended_at)
            if arm is not None and arm.policy is not None and (version := self._version(arm.policy)) is not None:
                return version
        for version in versions:
            if version.effective_at <= appended_at:
                return version
        return versions[-1]

    def version(self, tenant: str, policy: str, knowledge: str) -> Version | None:
        """The version with these fingerprints; None if this process has not seen it."""
        live = self._current().get(tenant, ())
        for version in (*live, *self._arms.get(tenant, ())):
            if version.rules.fingerprint == policy and version.knowledge_fingerprint == knowledge:
                return version
        return None

    def prepare(self) -> None:
        """Indexes the articles of each tenant's latest version, and of the arms of an experiment that has no end yet,
        so that no customer waits for it. Cheap when done."""
        versions = self._current()
        if self._prepared != self._seen:
            self._prepared = self._seen
            for latest, *_ in versions.values():
                latest.knowledge()
            running = (e for e in self._experiments if e.until == ALWAYS)
            arms = (self._version(arm.policy) for e in running for arm in e.arms if arm.policy is not None)
            for version in arms:
                if version is not None:
                    version.knowledge()

    @property
    def horizons(self) -> Horizons:
        """After what time no dialogue matters any more to any version."""
        self._current()
        return self._horizons

    def _current(self) -> Mapping[str, tuple[Version, ...]]:
        """Each tenant's versions that compile, the latest first."""
        if self._control.version != self._seen:
            with self._lock:
                self._follow()
        return self._versions

    def _follow(self) -> None:
        seen = self._control.version
        found: dict[str, tuple[Version, ...]] = {}
        for tenant in self._control.tenants():
            made = (self._version(activated) for activated in reversed(self._control.policies(tenant)))
            if versions := tuple(v for v in made if v is not None):
                found[tenant] = versions
        experiments = Experiments.of(self._control)
        arms: dict[str, tuple[Version, ...]] = {}
        for experiment in experiments:
            made = (self._version(arm.policy) for arm in experiment.arms if arm.policy is not None)
            arms[experiment.tenant] = (*arms.get(experiment.tenant, ()), *(v for v in made if v is not None))
        rules = [v.rules for versions in (*found.values(), *arms.values()) for v in versions]
        timeout = max((r.timeout for r in rules), default=0)
        self._horizons = Horizons(timeout, max((r.handoff_timeout for r in rules), default=timeout))
        self._experiments, self._arms, self._versions = experiments, arms, found
        self._seen = seen

    def _version(self, activated: PolicyActivated) -> Version | None:
        id_ = activated.meta.event_id
        if id_ not in self._made:
            rules = self._compile(activated)
            if isinstance(rules, Rules):
                self._made[id_] = Version(activated, rules, self._indexed)
            else:
                self._made[id_] = None
                problems = "; ".join(map(str, rules))
                log.error("%s is refused: %s", activated.policy_fingerprint, problems)
        return self._made[id_]

    def _indexed(self, activated: PolicyActivated) -> Knowledge:
        """Versions that differ in rules alone share an index."""
        key = (activated.meta.tenant_id, activated.knowledge_fingerprint)
        with self._lock:
            if key not in self._indexes:
                self._indexes[key] = self._search(activated.articles, activated.knowledge_fingerprint)
            return self._indexes[key]
