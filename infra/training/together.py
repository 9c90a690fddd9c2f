"""Hashed n-grams beside an encoder, trained on the same text: they err on other texts, so both know more than one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.training.calibration import Floats, Ints, fit_temperature, softmax
from infra.training.fast import train_part
from infra.training.job import Job, PartPlan, Report
from streams.models.classifier import HashedClassifier, logits_of_both
from streams.models.features import Features
from streams.models.runner import OnnxRuntime

SHARE: Final = 0.5
"""Of the n-grams in what both say: an even one, since the text that would tell better is the text to be judged by."""
_AT_ONCE: Final = 256


class Grams(NamedTuple):
    """Trained n-grams. `manifest`: their entry in model.yaml, without temperatures."""

    file: str
    content: bytes
    manifest: Mapping[str, Any]
    classifier: HashedClassifier

    def beside(self, head: str, texts: Sequence[str], logits: Floats, temperature: float) -> NDArray[np.float64]:
        """[n, classes]: of what both say, before their own temperature. `logits`, `temperature`: the encoder's."""
        said = [
            self.classifier.classify(texts[start : start + _AT_ONCE], head).probabilities
            for start in range(0, len(texts), _AT_ONCE)
        ]
        return logits_of_both(softmax(logits, temperature), np.concatenate(said), SHARE)


def train_grams(job: Job, plan: PartPlan, settings: Mapping[str, Any], report: Report) -> Grams:
    """On all heads of the part that answer; `settings` are those of the fast size."""
    heads = tuple(head._replace(settings={}) for head in plan.heads if not head.settings.get("auxiliary"))
    trained = train_part(job, plan._replace(settings=settings, heads=heads), report)
    file, content = f"{plan.name}.grams.onnx", trained.files[trained.model]
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in trained.manifest["features"].items()}
    features = Features(**given)
    runner = OnnxRuntime(threads=1).runner(Path(file), content, file)
    entry = {"model": file, "features": trained.manifest["features"], "share": SHARE}
    return Grams(file, content, entry, HashedClassifier(job.task, features, runner))


def together(logits: Floats, labels: Ints) -> float:
    """The temperature of what both say, four decimals as it is written."""
    return round(fit_temperature(logits, labels), 4)
