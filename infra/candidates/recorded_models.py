"""The models that the record names, loaded again: by fingerprint, from the shipped bundles and the model store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from infra.local.errors import StackError
from infra.models.loading import load_intents, load_sentiments, runners
from infra.models.store import ModelStore
from infra.settings import Settings
from processors.entities import PatternEntities
from schemas.events import ExperimentChanged, ModelActivated, Record
from streams.models.bundle import BundleRefused
from streams.models.provider import Fingerprinted
from streams.models.runner import CannotRun, Runners

_LOADERS: Final[dict[str, Callable[[Path, Runners], Fingerprinted]]] = {
    "intent": load_intents,
    "sentiment": load_sentiments,
}


class RecordedModels:
    """Called with a task and a fingerprint: the model, or None where it cannot be had here. Each is tried once.

    `refused`: of those that cannot be had, why. Not for several threads.
    """

    def __init__(self, control: Iterable[Record], settings: Settings) -> None:
        self.refused: dict[tuple[str, str], str] = {}
        self._store = ModelStore(settings.model_store)
        self._named = {"intent": settings.models.intent, "sentiment": settings.models.sentiment}
        self._runners = runners(settings.models)
        self._places = dict(_places(control))
        self._loaded: dict[tuple[str, str], Any | None] = {}

    def __call__(self, task: str, fingerprint: str) -> Any | None:
        asked = (task, fingerprint)
        if asked not in self._loaded:
            try:
                self._loaded[asked] = self.load(task, fingerprint)
            except StackError as err:
                self._loaded[asked], self.refused[asked] = None, str(err)
        return self._loaded[asked]

    def load(self, task: str, fingerprint: str, also: Sequence[str] = ()) -> Any:
        """A model, loaded anew. `also`: further references to where it may lie.

        Raises StackError where it is not here, or is another one, or is refused.
        """
        if task == "entities":
            return _of_fingerprint(PatternEntities(), fingerprint, "this version of the product")
        if task not in _LOADERS:
            raise StackError(f"nothing here understands {task}")
        wrong: list[str] = []
        for folder in self._folders(fingerprint, (fingerprint, *also, self._named[task]), wrong):
            try:
                return _of_fingerprint(_LOADERS[task](folder, self._runners), fingerprint, str(folder))
            except (StackError, BundleRefused, CannotRun) as err:
                wrong.append(str(err))
        raise StackError(f"{fingerprint} cannot be loaded: {'; '.join(dict.fromkeys(wrong))}")

    def _folders(self, fingerprint: str, references: Iterable[str], wrong: list[str]) -> Iterable[Path]:
        """Where it may lie: where the control log says, then by each reference. Those that name none: in `wrong`."""
        if location := self._places.get(fingerprint):
            try:
                yield self._store.folder(location)
            except BundleRefused as err:
                wrong.append(str(err))
        for reference in references:
            try:
                yield self._store.find(reference)
            except StackError as err:
                wrong.append(str(err))


def _places(control: Iterable[Record]) -> Iterable[tuple[str, str]]:
    """Fingerprint and place in the model store, of all that was ever activated or tried."""
    for record in control:
        event = record.event
        if isinstance(event, ModelActivated) and event.location:
            yield event.fingerprint, event.location
        elif isinstance(event, ExperimentChanged):
            yield from ((model.fingerprint, model.location) for arm in event.arms for model in arm.models)


def _of_fingerprint(model: Fingerprinted, fingerprint: str, place: str) -> Fingerprinted:
    if model.fingerprint != fingerprint:
        raise StackError(f"{place} has {model.fingerprint}, not {fingerprint}")
    return model
