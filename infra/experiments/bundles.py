"""A candidate's bundles made ready for the workers: verified, and copied to the model store."""

from __future__ import annotations

import time
from collections.abc import Mapping

from infra.candidates.model import ModelChoice
from infra.local.errors import StackError
from infra.models.loading import runners
from infra.models.store import ModelStore
from infra.settings import Settings
from schemas.events import ArmModel
from streams.models.bundle import BundleRefused, load_bundle
from streams.models.runner import CannotRun


def stored(models: Mapping[str, ModelChoice], settings: Settings) -> tuple[tuple[ArmModel, ...], float]:
    """The bundles as an arm names them, by task, and the seconds that the slowest took to load.

    Blocks for as long as loading takes. Raises StackError where one is refused, or the store cannot be written.
    """
    store = ModelStore(settings.model_store)
    found, slowest = [], 0.0
    for task, choice in sorted(models.items()):
        began = time.perf_counter()
        folder = store.find(choice.reference)
        try:
            manifest = load_bundle(folder, runners=runners(settings.models)).manifest
            if manifest.task != task:
                raise StackError(f"{choice.reference} is for {manifest.task}; name a bundle for {task}")
            slowest = max(slowest, time.perf_counter() - began)
            location = store.add(folder)
        except (BundleRefused, CannotRun) as err:
            raise StackError(f"{choice.reference} cannot be used: {err}") from err
        except OSError as err:
            raise StackError(f"{store.root}: {err}; run this where the workers' data can be written") from err
        found.append(ArmModel(task, manifest.name, manifest.version, manifest.fingerprint, location))
    return tuple(found), slowest
