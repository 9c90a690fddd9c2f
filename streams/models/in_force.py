"""Which activations of a task's models hold when, for whom. Nothing is loaded here.

A tenant's own activation goes before those for every tenant, and of each kind the latest that is effective by the
message's log time goes first. The ones behind it stand in where it cannot be used, down to the shipped bundle.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple, Self

from schemas.events import ModelActivated
from schemas.validation import is_withdrawal
from streams.control import ControlView

EVERY_TENANT: Final = ""
ALWAYS: Final = 1 << 62


class Standing(NamedTuple):
    """What holds for messages that the log took at or after `since` and before `until` (microseconds UTC).

    `activations`: the one in force, then those that stand in for it, in this order; after them the shipped bundle.
    """

    since: int
    until: int
    activations: tuple[ModelActivated, ...]


class Timeline:
    """The activations of one task as the control log has them at one version. Immutable, and cheap to ask."""

    def __init__(self, general: Sequence[ModelActivated], own: Mapping[str, Sequence[ModelActivated]]) -> None:
        self._general, self._own = general, own
        self.tenants = tuple(own)
        """Those with activations of their own."""
        self.empty = not general and not own
        self._bounds = {
            tenant: sorted({a.effective_at for a in chain(general, events)})
            for tenant, events in {EVERY_TENANT: (), **own}.items()
        }

    @classmethod
    def of(cls, control: ControlView, task: str) -> Self:
        """Everything that the control log says of a task's models."""
        return cls(control.models(task), {t: control.models(task, t) for t in control.model_tenants(task)})

    def standing(self, tenant: str, at: int) -> Standing:
        """What holds for a tenant's message that the log took at `at`; an empty tenant: for one without its own."""
        own = self._own.get(tenant, ())
        bounds = self._bounds[tenant if own else EVERY_TENANT]
        place = bisect_right(bounds, at)
        since = bounds[place - 1] if place else -ALWAYS
        until = bounds[place] if place < len(bounds) else ALWAYS
        return Standing(since, until, (*_held(own, at), *_held(self._general, at)))

    def upcoming(self, at: int) -> Iterator[ModelActivated]:
        """What is announced for later than `at`, the earliest first."""
        every = chain(self._general, *self._own.values())
        later = (a for a in every if a.effective_at > at and not is_withdrawal(a))
        yield from sorted(later, key=lambda a: a.effective_at)


def _held(activations: Sequence[ModelActivated], at: int) -> Iterator[ModelActivated]:
    """Of those in the order in which they take effect: the ones effective by `at`, newest first, since a withdrawal."""
    for activated in reversed(activations):
        if activated.effective_at <= at:
            if is_withdrawal(activated):
                return
            yield activated
