"""Who plays in a replay: the candidate in place of what it replaces, and what the record names for the rest."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from infra.candidates.generating import check_models, generating_of
from infra.candidates.model import Candidate, ModelChoice
from infra.candidates.playing import control_as_played
from infra.candidates.recorded_models import RecordedModels
from infra.local.errors import StackError
from infra.models.loading import runners
from infra.models.store import ModelStore
from infra.settings import Settings
from infra.wiring import SIGNAL_WAIT
from schemas.events import Record
from streams.control import ControlFold, ControlView
from streams.models.bundle import BundleRefused, load_bundle
from streams.models.in_force import EVERY_TENANT, Timeline
from streams.models.manifest import read_manifest
from streams.models.runner import CannotRun
from streams.replay.cast import Cast
from streams.replay.stretch import Window

LIVE_AGAIN: Final = Candidate("live-again")
"""What was live, once more."""


class Replaced(NamedTuple):
    """What a candidate replaces, for people. `what`: intent, sentiment, policy, knowledge, prompt, small_model,
    large_model. `tenant`: `*` for every one.

    `before`: the fingerprints in force in the window, in the order of time; `after`: the candidate's.
    """

    what: str
    tenant: str
    before: tuple[str, ...]
    after: str


def settled(candidate: Candidate, settings: Settings) -> Candidate:
    """The candidate with every bundle named by fingerprint and found by every worker: those in folders of their own are
    verified and copied to the model store. Models that generate must be served. Blocks for as long as that takes.
    Raises StackError.
    """
    check_models(candidate, settings)
    store = ModelStore(settings.model_store)
    chosen = {task: _settled(task, choice, store, settings) for task, choice in candidate.models.items()}
    return replace(candidate, models=chosen)


def cast_of(candidate: Candidate, control: Sequence[Record], settings: Settings) -> Cast:
    """The cast of a replay, in this process. `control`: chat.control from its beginning.

    The candidate's models are loaded now, those of the record when they are first asked for. Raises StackError where
    one of the candidate's cannot be used here.
    """
    recorded = RecordedModels(control, settings)
    store = ModelStore(settings.model_store)
    models = {task: _model(task, choice, recorded, store) for task, choice in sorted(candidate.models.items())}
    played = control_as_played(control, candidate.tenants)
    here = settings.models.runtime == "cpu"
    clock = time.thread_time if here else time.perf_counter
    generating = generating_of(candidate, played, settings)
    return Cast(played, models, recorded, SIGNAL_WAIT, candidate.changed, clock, generating)


def replacements(
    candidate: Candidate, control: Sequence[Record], settings: Settings, window: Window
) -> tuple[Replaced, ...]:
    """What replaces what, over a window of log time. Loads nothing."""
    fold = ControlFold()
    for record in control:
        fold.take(record)
    found = [
        Replaced(task, "*", _models_before(task, fold, settings, window), choice.fingerprint or choice.reference)
        for task, choice in sorted(candidate.models.items())
    ]
    for tenant, change in sorted(candidate.tenants.items()):
        versions = _versions_before(fold, tenant, window)
        if change.policy is not None:
            found.append(Replaced("policy", tenant, _once(p for p, _ in versions), change.policy_fingerprint))
        if change.articles is not None:
            found.append(Replaced("knowledge", tenant, _once(k for _, k in versions), change.knowledge_fingerprint))
    if candidate.prompt is not None:
        found.append(Replaced("prompt", EVERY_TENANT, (), candidate.prompt.fingerprint))
    found += [Replaced(rung, EVERY_TENANT, (), name) for rung, name in sorted(candidate.generation.items())]
    return tuple(found)


def _settled(task: str, choice: ModelChoice, store: ModelStore, settings: Settings) -> ModelChoice:
    folder = store.find(choice.reference)
    try:
        manifest = read_manifest(folder)
        if manifest.task != task:
            raise StackError(f"{choice.reference} is for {manifest.task}; name a bundle for {task}")
        if choice.fingerprint and manifest.fingerprint != choice.fingerprint:
            raise StackError(f"{folder} has {manifest.fingerprint} now, not {choice.fingerprint}; read the file again")
        if _shipped(folder, store):
            return choice._replace(fingerprint=manifest.fingerprint)
        load_bundle(folder, runners=runners(settings.models))
        return choice._replace(fingerprint=manifest.fingerprint, location=store.add(folder))
    except (BundleRefused, CannotRun) as err:
        raise StackError(f"{choice.reference} cannot be used: {err}") from err
    except OSError as err:
        raise StackError(f"{choice.reference} cannot be copied to {store.root}: {err}; mend its permissions") from err


def _shipped(folder: Path, store: ModelStore) -> bool:
    return any(found.shipped and found.folder == folder for found in store.bundles())


def _model(task: str, choice: ModelChoice, recorded: RecordedModels, store: ModelStore) -> Any:
    """By its fingerprint, wherever it lies by now; by its reference alone while that is all there is."""
    if not choice.fingerprint:
        try:
            choice = choice._replace(fingerprint=read_manifest(store.find(choice.reference)).fingerprint)
        except BundleRefused as err:
            raise StackError(f"{choice.reference} cannot be used: {err}") from err
    return recorded.load(task, choice.fingerprint, (choice.reference,))


def _models_before(task: str, control: ControlView, settings: Settings, window: Window) -> tuple[str, ...]:
    """Those in force for any tenant; the one of the settings where nothing was activated."""
    timeline = Timeline.of(control, task)
    found: list[str] = []
    for tenant in (EVERY_TENANT, *timeline.tenants):
        at = window.start
        while at < window.end:
            standing = timeline.standing(tenant, at)
            activations = standing.activations
            found.append(activations[0].fingerprint if activations else _of_settings(task, settings))
            at = standing.until
    return _once(found)


def _of_settings(task: str, settings: Settings) -> str:
    named = settings.models.intent if task == "intent" else settings.models.sentiment
    try:
        return read_manifest(ModelStore(settings.model_store).find(named)).fingerprint
    except (StackError, BundleRefused):
        return named


def _versions_before(control: ControlView, tenant: str, window: Window) -> list[tuple[str, str]]:
    """The fingerprints of the policies and articles in force in the window, the earliest first."""
    every = [a for a in control.policies(tenant) if a.effective_at < window.end]
    earlier = sum(a.effective_at <= window.start for a in every)
    return [(a.policy_fingerprint, a.knowledge_fingerprint) for a in every[max(0, earlier - 1) :]]


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
