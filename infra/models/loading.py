"""Loads the models that understand: the shipped ones, and those that are activated, by the installation's settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from infra.local.errors import StackError
from infra.models.settings import TRITON, ModelSettings
from infra.models.store import ModelStore
from infra.settings import Settings
from processors.ports import IntentModel, SentimentModel
from streams.control import ControlView
from streams.models.active import ActiveModels
from streams.models.bundle import Bundle, BundleRefused, load_bundle
from streams.models.intent import BundleIntents
from streams.models.known_texts import KnownIntents, KnownSentiments
from streams.models.provider import Fingerprinted
from streams.models.runner import CannotRun, OnnxRuntime, Runners
from streams.models.sentiment import BundleSentiments

M = TypeVar("M", bound=Fingerprinted)

_ANOTHER: Final = "name one that is for it, or activate it for its own task"


def active_intents(control: ControlView, settings: Settings) -> ActiveModels[IntentModel]:
    """What understands wishes, loaded and following the control log. Raises StackError if the shipped one is refused.

    Blocks for as long as the loading takes.
    """

    where = runners(settings.models)

    def load(folder: Path) -> IntentModel:
        return KnownIntents(load_intents(folder, where))

    return _active("intent", settings.models.intent, control, settings, load)


def active_sentiments(control: ControlView, settings: Settings) -> ActiveModels[SentimentModel]:
    """The same for moods."""

    where = runners(settings.models)

    def load(folder: Path) -> SentimentModel:
        return KnownSentiments(load_sentiments(folder, where))

    return _active("sentiment", settings.models.sentiment, control, settings, load)


def load_intents(folder: Path, where: Runners) -> BundleIntents:
    """The intent model in a folder. Raises BundleRefused, or CannotRun where its server is away."""
    return BundleIntents(_bundle(folder, "intent", where))


def load_sentiments(folder: Path, where: Runners) -> BundleSentiments:
    """The sentiment model in a folder. Raises as `load_intents`."""
    return BundleSentiments(_bundle(folder, "sentiment", where))


def runners(models: ModelSettings) -> Runners:
    """What runs the graphs of bundles: onnxruntime in this process, or a Triton server."""
    if models.runtime.startswith(TRITON):
        from streams.models.triton import Triton  # a client that most installations do without

        return Triton(models.runtime.removeprefix(TRITON))
    return OnnxRuntime("cuda" if models.runtime == "cuda" else "cpu")


def _active(
    task: str, named: str, control: ControlView, settings: Settings, load: Callable[[Path], M]
) -> ActiveModels[M]:
    store = ModelStore(settings.model_store)
    active = ActiveModels(task, control, _shipped(task, named, store, load), lambda at: load(store.folder(at)))
    active.start()
    return active


def _shipped(task: str, named: str, store: ModelStore, load: Callable[[Path], M]) -> M:
    folder = store.find(named)
    try:
        return load(folder)
    except (BundleRefused, CannotRun) as err:
        raise StackError(f"SPILLWAY_{task.upper()}_MODEL={named} cannot be used: {err}") from err


def _bundle(folder: Path, task: str, where: Runners) -> Bundle:
    bundle = load_bundle(folder, runners=where)
    if bundle.manifest.task != task:
        raise BundleRefused(folder / "model.yaml", f"is for {bundle.manifest.task}, not for {task}", _ANOTHER)
    return bundle
