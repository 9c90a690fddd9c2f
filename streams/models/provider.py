"""Where a stage gets its models: one for everything, or for each record the one in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from processors.outcomes import Retry
from schemas.events import Record


class Fingerprinted(Protocol):
    """Whatever its events are traced to."""

    fingerprint: str


M = TypeVar("M", bound=Fingerprinted)
M_co = TypeVar("M_co", covariant=True)


class Models(Protocol[M_co]):
    """Where a stage gets its models."""

    def models(self, records: Sequence[Record]) -> Sequence[M_co] | Retry:
        """The model for each record: the one in force for its tenant at the log's time. Retry: it is not there yet."""
        ...

    def status(self) -> dict[str, Any]:
        """What is in force now, by tenant (`*`: every other), and what is wrong, for people and JSON."""
        ...


class _Always(Generic[M]):
    def __init__(self, model: M) -> None:
        self._model = model

    def models(self, records: Sequence[Record]) -> Sequence[M]:
        return [self._model] * len(records)

    def status(self) -> dict[str, Any]:
        return {"in_force": {"*": self._model.fingerprint}}


def always(model: M) -> Models[M]:
    """One model for everything."""
    return _Always(model)
