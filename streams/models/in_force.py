"""Which activations of a task's models hold when, for whom. Nothing is loaded here.

A tenant's own activation goes before those for every tenant, and of each kind the latest that is effective by the
message's log time goes first. The ones behind it stand in where it cannot be used, down to the shipped bundle. While an
experiment holds, the sessions of an arm have the arm's model, if it has one; what is live stands in for it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple, Self

from schemas.events import ModelActivated
from schemas.validation import is_withdrawal
from streams.control import ControlView
from streams.experiments import ALWAYS, ArmScope, Experiment, Experiments

EVERY_TENANT: Final = ""
Scope = str | ArmScope
"""Whose messages: a tenant's (empty: of those without activations of their own), or those of an arm's sessions."""


class Standing(NamedTuple):
    """What holds for messages that the log took at or after `since` and before `until` (microseconds UTC).

    `activations`: the one in force, then those that stand in for it, in this order; after them the shipped bundle.
    """

    since: int
    until: int
    activations: tuple[ModelActivated, ...]


class Timeline:
    """What the control log has of one task's models at one version. Immutable, and cheap to ask."""

    def __init__(
        self,
        general: Sequence[ModelActivated],
        own: Mapping[str, Sequence[ModelActivated]],
        experiments: Sequence[Experiment] = (),
        task: str = "",
    ) -> None:
        self._general, self._own, self._task = general, own, task
        self._experiments = Experiments(experiments)
        self.tenants = tuple(own)
        """Those with activations of their own."""
        self.empty = not general and not own and not self._experiments
        self._bounds = {
            tenant: sorted({a.effective_at for a in chain(general, events)})
            for tenant, events in {EVERY_TENANT: (), **own}.items()
        }

    @classmethod
    def of(cls, control: ControlView, task: str) -> Self:
        """Everything that the control log says of a task's models; experiments that leave them alone are left out."""
        own = {t: control.models(task, t) for t in control.model_tenants(task)}
        experiments = [e for e in Experiments.of(control) if any(task in arm.models for arm in e.arms)]
        return cls(control.models(task), own, experiments, task)

    def scope(self, tenant: str, session: str, at: int) -> Scope:
        """Whose model a session's message gets that the log took at `at`."""
        experiment = self._experiments.in_force(tenant, at) if self._experiments else None
        if experiment is None:
            return tenant
        arm = experiment.arm(session)
        return ArmScope(tenant, experiment.name, arm.name) if self._task in arm.models else tenant

    def scopes(self, at: int) -> tuple[Scope, ...]:
        """Whoever may have a model of their own at `at`."""
        arms = [
            ArmScope(experiment.tenant, experiment.name, arm.name)
            for experiment in self._experiments
            if experiment.since <= at < experiment.until
            for arm in experiment.arms
            if self._task in arm.models
        ]
        return (EVERY_TENANT, *self.tenants, *arms)

    def standing(self, scope: Scope, at: int) -> Standing:
        """What holds for a message of `scope` that the log took at `at`."""
        if isinstance(scope, str):
            return self._live(scope, at)
        since, until, activations = self._live(scope.tenant, at)
        experiment = self._experiments.in_force(scope.tenant, at)
        if experiment is None:
            return Standing(since, until, activations)
        models = (arm.models[self._task] for arm in experiment.arms if arm.name == scope.arm)
        return Standing(max(since, experiment.since), min(until, experiment.until), (*models, *activations))

    def _live(self, tenant: str, at: int) -> Standing:
        own = self._own.get(tenant, ())
        bounds = self._bounds[tenant if own else EVERY_TENANT]
        place = bisect_right(bounds, at)
        since = bounds[place - 1] if place else -ALWAYS
        until = bounds[place] if place < len(bounds) else ALWAYS
        return Standing(since, until, (*_held(own, at), *_held(self._general, at)))

    def upcoming(self, at: int) -> Iterator[ModelActivated]:
        """What is announced for later than `at`, the earliest first."""
        every = chain(self._general, *self._own.values())
        later = [a for a in every if a.effective_at > at and not is_withdrawal(a)]
        announced = (e for e in self._experiments if at < e.since < e.until)
        later += [arm.models[self._task] for e in announced for arm in e.arms if self._task in arm.models]
        yield from sorted(later, key=lambda a: a.effective_at)


def _held(activations: Sequence[ModelActivated], at: int) -> Iterator[ModelActivated]:
    """Of those in the order in which they take effect: the ones effective by `at`, newest first, since a withdrawal."""
    for activated in reversed(activations):
        if activated.effective_at <= at:
            if is_withdrawal(activated):
                return
            yield activated
