"""Which experiment holds when, and which arm of it a session has. Nothing is compiled or loaded here.

A tenant has one experiment at a time: the later start ends the one before it. From its `effective_at` on every message
of a session that takes part gets the session's arm, until the experiment stops (docs/adr/0089).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Self

from processors.assignment import Exclusion, fraction, upper_bounds
from schemas.events import ExperimentArm, ExperimentChanged, ModelActivated, PolicyActivated
from schemas.identity import uuid5
from streams.control import ControlView

ALWAYS: Final = 1 << 62
"""Log time that never comes."""


class Experiment:
    """One experiment, with the stretch of log time in which it holds: at or after `since`, before `until`."""

    __slots__ = ("_bounds", "_excluded", "arms", "since", "started", "until")

    def __init__(self, started: ExperimentChanged, until: int = ALWAYS) -> None:
        self.started, self.since, self.until = started, started.effective_at, until
        self.arms: tuple[Arm, ...] = tuple(Arm(started, arm) for arm in started.arms)
        self._bounds = upper_bounds([arm.weight for arm in started.arms])
        self._excluded = Exclusion(started.excluded)

    @property
    def name(self) -> str:
        return self.started.name

    @property
    def tenant(self) -> str:
        return self.started.meta.tenant_id

    def takes_part(self, session: str) -> bool:
        """Whether the session is compared: excluded ones are not, and have what the control has."""
        return session not in self._excluded

    def arm(self, session: str) -> Arm:
        """The session's arm; the control where it takes no part."""
        if session in self._excluded:
            return self.arms[0]
        started = self.started
        place = bisect_right(self._bounds, fraction(started.salt, self.tenant, session))
        return self.arms[place]


class Arm:
    """What an arm changes, as the events that would put the same in force for everyone."""

    __slots__ = ("id", "models", "name", "policy")

    def __init__(self, started: ExperimentChanged, arm: ExperimentArm) -> None:
        self.name = arm.name
        self.id = uuid5(f"{started.meta.event_id}|{arm.name}")
        meta = started.meta._replace(event_id=self.id)
        at = started.effective_at
        self.policy: PolicyActivated | None = None
        """None: the one that is live."""
        if arm.policy:
            versions = (arm.policy, arm.policy_fingerprint, arm.articles, arm.knowledge_fingerprint)
            self.policy = PolicyActivated(meta, *versions, at, arm.prompts)
        self.models: Mapping[str, ModelActivated] = {m.task: ModelActivated(meta, *m, at) for m in arm.models}
        """By task; a task that is not there has the model that is live."""


class ArmScope(NamedTuple):
    """The sessions of one arm of one tenant's experiment."""

    tenant: str
    experiment: str
    arm: str

    def __str__(self) -> str:
        return "/".join(self)


class Experiments:
    """Every experiment that the control log has at one version. Immutable, and cheap to ask."""

    def __init__(self, experiments: Iterable[Experiment]) -> None:
        """experiments: each tenant's in the order in which they hold."""
        self._by_tenant: dict[str, list[Experiment]] = {}
        for experiment in experiments:
            self._by_tenant.setdefault(experiment.tenant, []).append(experiment)

    @classmethod
    def of(cls, control: ControlView) -> Self:
        """What the control log says."""
        return cls(e for tenant in control.experiment_tenants() for e in folded(control.experiments(tenant)))

    def __bool__(self) -> bool:
        return bool(self._by_tenant)

    def __iter__(self) -> Iterator[Experiment]:
        for experiments in self._by_tenant.values():
            yield from experiments

    def of_tenant(self, tenant: str) -> Sequence[Experiment]:
        """A tenant's, in the order in which they hold."""
        return self._by_tenant.get(tenant, ())

    def in_force(self, tenant: str, at: int) -> Experiment | None:
        """The experiment for messages that the log took at `at` (microseconds UTC); None: there is none."""
        for experiment in reversed(self._by_tenant.get(tenant, ())):
            if experiment.since <= at:
                return experiment if at < experiment.until else None
        return None

    def arm(self, tenant: str, session: str, at: int) -> Arm | None:
        """The arm of a session for a message that the log took at `at`; None: no experiment holds then."""
        experiment = self.in_force(tenant, at)
        return None if experiment is None else experiment.arm(session)


def folded(changes: Iterable[ExperimentChanged]) -> list[Experiment]:
    """A tenant's experiments from its starts and stops, which come by the time from which they hold.

    A start ends the experiment before it. A stop ends the one of its name that runs, and is nothing otherwise.
    """
    found: list[Experiment] = []
    for change in changes:
        running = found[-1] if found and found[-1].until == ALWAYS else None
        if change.status == "stopped" and (running is None or running.name != change.name):
            continue
        if running is not None:
            found[-1] = Experiment(running.started, change.effective_at)
        if change.status == "started":
            found.append(Experiment(change))
    return found
