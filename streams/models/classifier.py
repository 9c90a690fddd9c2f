"""Texts through one part of a bundle: the probabilities of a head's labels, and the second figure of its task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streams.models.encoder import Encoder
from streams.models.features import Features, hash_features
from streams.models.manifest import Task
from streams.models.runner import Runner

SECOND: Final[dict[Task, str]] = {"intent": "outside", "sentiment": "anger"}
"""The task's second output, before the head's name."""
_WIDTHS: Final = np.array([size << power for power in range(5, 20) for size in (2, 3)])
"""What a row is padded to: 64, 96, 128, 192 …; few, since every run costs, and close, since padding costs."""
_SMALLEST: Final = 1e-7
_IDS_A_RUN: Final = 1 << 13
"""What a run computes on should stay in the processor's cache."""


class Prediction(NamedTuple):
    """Of n texts. `probabilities`: [n, labels], each row sums to 1. `second`: [n], 0 to 1: for an intent how surely
    the text is outside (from 0.5 on it is), for a sentiment the anger."""

    probabilities: NDArray[np.float32]
    second: NDArray[np.float32]


class Classifier(Protocol):
    """One part of a bundle."""

    def classify(self, texts: Sequence[str], head: str) -> Prediction:
        """At least one text. `head`: one that this part has."""
        ...


def outputs(task: Task, head: str) -> list[str]:
    """The names of a head's outputs in a graph."""
    return [f"probabilities.{head}", f"{SECOND[task]}.{head}"]


class HashedClassifier:
    """Hashed n-grams into a graph."""

    def __init__(self, task: Task, features: Features, runner: Runner) -> None:
        self._task: Task = task
        self._features = features
        self._runner = runner

    def classify(self, texts: Sequence[str], head: str) -> Prediction:
        """In runs of about equally long texts, so that a short one does not pay for a long neighbour."""
        ids = hash_features(texts, self._features)
        names = outputs(self._task, head)
        runs = list(_runs(ids))
        if len(runs) == 1:
            return _run(self._runner, "ids", runs[0][1], names)
        found = [(rows, _run(self._runner, "ids", own, names)) for rows, own in runs]
        probabilities = np.empty((len(texts), found[0][1].probabilities.shape[1]), np.float32)
        second = np.empty(len(texts), np.float32)
        for rows, part in found:
            probabilities[rows], second[rows] = part
        return Prediction(probabilities, second)


class EncoderClassifier:
    """A backbone's embedding into the heads."""

    def __init__(self, task: Task, encoder: Encoder, runner: Runner) -> None:
        self._task: Task = task
        self._encoder = encoder
        self._runner = runner

    def classify(self, texts: Sequence[str], head: str) -> Prediction:
        """The heads see all texts at once."""
        return _run(self._runner, "embedding", self._encoder.encode(texts), outputs(self._task, head))


class Together:
    """An encoder and hashed n-grams, which err on other texts: the product of what both say, each to the power of its
    share, is surer than either. The second figure is the encoder's."""

    def __init__(self, encoder: Classifier, grams: Classifier, share: float, temperatures: Mapping[str, float]) -> None:
        self._encoder = encoder
        self._grams = grams
        self._share = share
        self._temperatures = temperatures

    def classify(self, texts: Sequence[str], head: str) -> Prediction:
        """As the trainer does it, which finds the temperature: see `logits_of_both`."""
        own, beside = self._encoder.classify(texts, head), self._grams.classify(texts, head)
        both = logits_of_both(own.probabilities, beside.probabilities, self._share)
        logits = both / self._temperatures.get(head, 1.0)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return Prediction((raised / raised.sum(axis=1, keepdims=True)).astype(np.float32), own.second)


def logits_of_both(own: NDArray[Any], beside: NDArray[Any], share: float) -> NDArray[np.float64]:
    """[n, labels]: the logarithms of two answers' probabilities, weighed; `share` is that of `beside`."""
    logs = [np.log(np.asarray(found, np.float64) + _SMALLEST) for found in (own, beside)]
    return np.asarray((1 - share) * logs[0] + share * logs[1])


def _run(runner: Runner, name: str, given: NDArray[Any], wanted: Sequence[str]) -> Prediction:
    """One row alone is summed in another order than rows together, so it is never alone: answers stay bit for bit
    the same whatever the batch."""
    if len(given) == 1:
        probabilities, second = runner.run({name: np.repeat(given, 2, axis=0)}, wanted)
        return Prediction(probabilities[:1], second[:1])
    probabilities, second = runner.run({name: given}, wanted)
    return Prediction(probabilities, second)


def _runs(ids: NDArray[np.int32]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int32]]]:
    """Rows that go together, cut to what they need: a width that depends on the text alone."""
    sizes = np.searchsorted(_WIDTHS, np.count_nonzero(ids, axis=1))
    for size in np.unique(sizes).tolist():
        width = int(_WIDTHS[size])
        rows = np.flatnonzero(sizes == size)
        most = max(2, _IDS_A_RUN // width)
        for start in range(0, len(rows), most):
            own = rows[start : start + most]
            if width <= ids.shape[1]:
                yield own, ids[own, :width]
            else:
                padded = np.zeros((len(own), width), np.int32)
                padded[:, : ids.shape[1]] = ids[own]
                yield own, padded
