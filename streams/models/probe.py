"""The probe set: texts with the answers they got when the bundle was made, so that loading can compare."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from processors.documents import NotReadable, json_value
from streams.models.classifier import Classifier, Prediction
from streams.models.fields import BundleRefused, Fields
from streams.models.manifest import Head, Manifest
from streams.models.runner import CannotRun

TOLERANCE: Final = 0.02
"""Of a probability: int8 differs a little between processors."""
MARGIN: Final = 0.05
"""Below this lead over the second label, either may be on top."""


_TRIALS: Final = ("", "order 1", "我的订单")
_REMEDY: Final = "a file or the runtime differs from what it was made with: copy the bundle again, or train it again"


class Probe(NamedTuple):
    """A text and the default head's answer: its top label, and that label's probability."""

    text: str
    label: str
    probability: float


class Predicts(Protocol):
    """The one thing a bundle is asked for here."""

    manifest: Manifest

    def predict(self, texts: Sequence[str]) -> Prediction:
        """By the default head."""
        ...


def make_probe(bundle: Predicts, texts: Sequence[str]) -> bytes:
    """The content of probe.json with the bundle's present answers."""
    labels = bundle.manifest.heads[bundle.manifest.default_head].labels
    probabilities = bundle.predict(texts).probabilities
    entries = [
        {"text": text, "label": labels[top], "probability": round(float(row[top]), 4)}
        for text, row, top in zip(texts, probabilities, probabilities.argmax(1).tolist(), strict=True)
    ]
    return (json.dumps(entries, indent=1) + "\n").encode()


def read_probe(path: Path, content: bytes, manifest: Manifest) -> tuple[Probe, ...]:
    """The probe set. Raises BundleRefused for one that is not as it should be."""
    try:
        document: Any = json_value(content)
    except NotReadable as error:
        raise BundleRefused(path, f"is not JSON: {error}", "train or copy the bundle again") from error
    labels = manifest.heads[manifest.default_head].labels
    probes = []
    if not isinstance(document, list) or not document:
        raise BundleRefused(path, "is not a list of texts with answers", "train or copy the bundle again")
    for number, entry in enumerate(document):
        fields = Fields(path, f"[{number}]", entry)
        text = fields.values().get("text")
        if not isinstance(text, str):
            raise fields.wrong("text", "is not text", "train or copy the bundle again")
        probe = Probe(text, fields.one_of("label", labels), fields.number("probability"))
        probes.append(probe)
    return tuple(probes)


def check_answers(classifier: Classifier, path: Path, heads: Mapping[str, Head]) -> None:
    """Raises BundleRefused unless each head of a part, whose graph is at `path`, makes a figure for each label."""
    for name, head in heads.items():
        try:
            probabilities, second = classifier.classify(_TRIALS, name)
        except CannotRun as error:
            raise BundleRefused(path, f"cannot be run: {error}", _REMEDY) from error
        if probabilities.shape != (len(_TRIALS), len(head.labels)) or second.shape != (len(_TRIALS),):
            shapes = f"{probabilities.shape} and {second.shape}"
            wrong = f"gives {len(_TRIALS)} texts the shapes {shapes} for the {len(head.labels)} labels of head {name}"
            raise BundleRefused(path, wrong, _REMEDY)


def check_probe(bundle: Predicts, probes: Sequence[Probe], path: Path) -> None:
    """Raises BundleRefused if an answer is not a distribution, or not the one it was."""
    labels = bundle.manifest.heads[bundle.manifest.default_head].labels
    try:
        prediction = bundle.predict([probe.text for probe in probes])
    except CannotRun as error:
        raise BundleRefused(path, f"cannot be worked off: {error}", _REMEDY) from error
    for probe, row, second in zip(probes, prediction.probabilities, prediction.second, strict=True):
        shown = repr(probe.text if len(probe.text) <= 40 else probe.text[:40] + "…")
        if not (np.isfinite(row).all() and row.min() >= 0 and abs(float(row.sum()) - 1) < 1e-3 and 0 <= second <= 1):
            raise BundleRefused(path, f"{shown} gets figures that are no probabilities", _REMEDY)
        found = float(row[labels.index(probe.label)])
        if abs(found - probe.probability) > TOLERANCE:
            wrong = f"{shown} gets {probe.label} with {found:.3f}, not {probe.probability:.3f}"
            raise BundleRefused(path, wrong, _REMEDY)
        top = int(row.argmax())
        if labels[top] != probe.label and float(row[top]) - found > MARGIN:
            raise BundleRefused(path, f"{shown} gets {labels[top]}, not {probe.label}", _REMEDY)
