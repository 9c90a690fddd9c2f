"""The fast size: hashed n-grams into one small graph a part, trained in minutes on one core."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray

from infra.training.bag import Floats, HeadText, Linear, Pace, Second, Trained, rarity, train, weighed
from infra.training.bag_graph import HeadGraph, model, quantised, table_of
from infra.training.calibration import fit_calibration, fit_temperature, threshold
from infra.training.data import Row, Task, plain
from infra.training.figures import Judged, figures
from infra.training.job import HeadData, Job, PartPlan, Report, TrainedPart, TrainedParts
from infra.training.refusal import TrainingRefused
from infra.training.straight import Straight, train_straight
from streams.models.features import Features, hash_features

_TEXTS_AT_ONCE: Final = 256
_STEEPNESS: Final = 2.0
"""Of the out-of-scope score, where there is no outside text to fit it by."""


@dataclass(frozen=True, slots=True)
class FastSettings:
    """What a recipe may set for a part (`epochs` and `straight` for a head too).

    `rarity`: the power of an n-gram's weight. `at_least`: in how many texts an n-gram must be to count. `straight`: the
    cost of an error for the votes beside the bag (infra.training.straight); 0 is no votes. The rest are of
    streams.models.features.Features and infra.training.bag.Pace.
    """

    buckets: int = 2**18
    words: tuple[int, int] = (1, 2)
    characters: tuple[int, int] = (2, 5)
    han: tuple[int, int] = (1, 3)
    shape: bool = False
    fold_digits: bool = False
    limit: int = 2000
    width: int = 128
    batch: int = 64
    rate: float = 0.03
    drop: float = 0.5
    smooth: float = 0.1
    scale: float = 10.0
    outside_share: float = 0.0625
    rarity: float = 0.5
    at_least: int = 1
    epochs: float = 20.0
    straight: float = 1.0

    def features(self) -> Features:
        """What of a text counts."""
        return Features(
            buckets=self.buckets,
            words=self.words,
            characters=self.characters,
            han=self.han,
            shape=self.shape,
            fold_digits=self.fold_digits,
            limit=self.limit,
        )

    def pace(self) -> Pace:
        """How the table is trained."""
        return Pace(self.width, self.batch, self.rate, self.drop, self.smooth, self.scale, self.outside_share)


DEFAULTS: Final[Mapping[Task, FastSettings]] = {
    "intent": FastSettings(),
    "sentiment": FastSettings(han=(1, 2), width=32, rate=0.005, epochs=8.0),
}
"""A sentiment has few labels and many texts: a narrow table, taught slowly, or it learns its texts by heart."""


def settings_of(given: Mapping[str, Any], where: str, task: Task = "intent") -> FastSettings:
    """The settings with a recipe's in place of the defaults. Raises TrainingRefused for one that is none."""
    known = {field.name: field for field in fields(FastSettings)}
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise TrainingRefused(f"recipe: {where}: unknown setting {name!r}; known are {', '.join(known)}")
        read[name] = tuple(value) if isinstance(value, list) else value
    try:
        settings = replace(DEFAULTS[task], **read)
        settings.features()
    except (TypeError, ValueError) as err:
        raise TrainingRefused(f"recipe: {where}: {err}") from err
    return settings


def train_fast(job: Job) -> TrainedParts:
    """Every part of the job, one after the other. The same job gives the same bytes on the same machine."""
    parts = []
    for number, plan in enumerate(job.parts):

        def report(what: str, share: float, first: int = number) -> None:
            job.report(what, (first + share) / len(job.parts))

        parts.append(train_part(job, plan, report))
    versions = {
        "python": platform.python_version(),
        **{n: version(n) for n in ("numpy", "onnx", "scikit-learn", "scipy")},
    }
    return TrainedParts(tuple(parts), versions)


def train_part(job: Job, plan: PartPlan, report: Report) -> TrainedPart:
    """One part of a job."""
    settings = settings_of(plan.settings, f"part {plan.name}", job.task)
    spec = settings.features()
    report(f"{plan.name}: reading text", 0.0)
    texts = _Texts(plan)
    counts = ids_counted(texts.all, spec)
    weights = rarity(counts[: texts.taught], settings.rarity, settings.at_least)
    kept = np.flatnonzero(weights)
    features = weighed(counts[:, kept], weights[kept])
    heads = [_head_text(job, head, texts, settings) for head in plan.heads]
    trained = train(
        features, heads, settings.pace(), job.seed, lambda share: report(f"{plan.name}: training", 0.05 + 0.85 * share)
    )
    scorer = _Scorer(job, settings, texts, features, trained)
    graphs, metrics = [], {}
    for number, (head, text) in enumerate(zip(plan.heads, heads, strict=True)):
        report(f"{plan.name}: calibrating {head.name}", 0.9 + 0.1 * number / len(heads))
        graph, metrics[head.name] = scorer.judged(head, text)
        graphs.append(graph)
    content = model(job.task, table_of(kept, spec.buckets, trained.table, weights[kept]), graphs)
    file = f"{plan.name}.onnx"
    entry = {"features": {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(spec).items()}}
    return TrainedPart(plan, "hashed", file, {file: content}, entry, metrics)


class _Texts:
    """All texts of a part, each once, those to train on first; and which row of the features is whose."""

    def __init__(self, plan: PartPlan) -> None:
        self._at: dict[str, int] = {}
        for head in plan.heads:
            self._add(head.train)
            self._add(head.outside)
        self.taught = len(self._at)
        for head in plan.heads:
            self._add(head.dev)
            self._add(head.outside_dev)
        self.all = list(self._at)

    def _add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._at.setdefault(row.text, len(self._at))

    def places(self, rows: Sequence[Row]) -> NDArray[np.intp]:
        """The rows of the feature matrix."""
        return np.array([self._at[row.text] for row in rows], np.intp)


def ids_counted(texts: Sequence[str], spec: Features) -> sparse.csr_matrix:
    """[texts, buckets]: how often each n-gram is in each text; column `i` is id `i + 1`."""
    order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
    found: list[NDArray[np.int32]] = [np.zeros(0, np.int32)] * len(texts)
    for start in range(0, len(order), _TEXTS_AT_ONCE):
        chosen = order[start : start + _TEXTS_AT_ONCE]
        for place, ids in zip(chosen, hash_features([texts[n] for n in chosen], spec), strict=True):
            found[place] = ids[ids > 0] - 1
    ends = np.cumsum([0, *(len(ids) for ids in found)])
    columns = np.concatenate(found) if found else np.zeros(0, np.int32)
    counts = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, ends), (len(texts), spec.buckets))
    counts.sum_duplicates()
    return counts


def _head_text(job: Job, head: HeadData, texts: _Texts, settings: FastSettings) -> HeadText:
    number = {label: n for n, label in enumerate(head.labels)}
    anger = np.array([np.nan if row.anger is None else row.anger for row in head.train], np.float32)
    second: Second = ""
    if job.task == "intent" and head.outside:
        second = "outside"
    elif job.task == "sentiment" and not np.isnan(anger).all():
        second = "anger"
    unknown = sorted(set(head.settings) - {"epochs", "straight"})
    if unknown:
        raise TrainingRefused(f"recipe: head {head.name}: unknown setting {unknown[0]!r}; known: epochs, straight")
    return HeadText(
        head.name,
        texts.places(head.train),
        np.array([number[row.label] for row in head.train], np.intp),
        len(head.labels),
        texts.places(head.outside),
        anger,
        second,
        float(head.settings.get("epochs", settings.epochs)),
    )


class _Scorer:
    """Gives each head its votes, temperature and threshold, from its dev rows, and its figures on them."""

    def __init__(
        self, job: Job, settings: FastSettings, texts: _Texts, features: sparse.csr_matrix, trained: Trained
    ) -> None:
        self._job = job
        self._settings = settings
        self._texts = texts
        self._features = features
        self._trained = trained
        ints, scales = quantised(trained.table)
        self._shipped: Floats = ints.astype(np.float32) * scales[:, None]

    def judged(self, head: HeadData, text: HeadText) -> tuple[HeadGraph, Mapping[str, float]]:
        """As the graph will answer, with what int8 takes away."""
        linear, scale, classes = self._trained.heads[head.name], np.float32(self._settings.scale), len(head.labels)
        number = {label: n for n, label in enumerate(head.labels)}
        own = head.dev or head.train
        labels = np.array([number[row.label] for row in own], np.intp)
        linear = Linear(linear.weights * scale, linear.bias)
        straight = self._straight(head, text)
        if straight is not None:
            linear, straight = self._evened(own, labels, linear, straight, classes)
        inside, outside = (self._logits(rows, linear, straight) for rows in (own, head.outside_dev))
        temperature, chance = fit_calibration(inside[:, :classes], labels)
        scores, others = (_scope(x, classes, text.second, temperature) for x in (inside, outside))
        graph = HeadGraph(
            head.name, linear, classes, text.second, temperature, threshold(scores), _STEEPNESS, straight, chance
        )
        angry = np.array([np.nan if row.anger is None else row.anger for row in own])
        anger = inside[:, -1] if text.second == "anger" else None
        found = figures(Judged(inside[:, :classes], labels, scores, others, anger, angry, True))
        taught = {plain(row.text) for row in head.train}
        return graph, {**found, "seen_before": sum(plain(row.text) in taught for row in own)}

    def _straight(self, head: HeadData, text: HeadText) -> Straight | None:
        cost = float(head.settings.get("straight", self._settings.straight))
        if not cost or len(np.unique(text.classes)) < 2:
            return None
        own = self._features[text.rows]
        at_least = self._settings.at_least
        return train_straight(own, text.classes, text.classes_in_all, cost, at_least, self._job.seed)

    def _evened(
        self, rows: Sequence[Row], labels: NDArray[np.intp], linear: Linear, straight: Straight, classes: int
    ) -> tuple[Linear, Straight]:
        """Both as if each were calibrated, at half the say: neither drowns the other. Anger is the bag's alone."""
        half = np.float32(0.5)
        bag = self._logits(rows, linear, None)[:, :classes]
        votes = straight.scores(self._features[self._texts.places(rows)])
        cool = half / np.float32(fit_temperature(votes, labels))
        warm = np.full(linear.bias.shape[0], half / np.float32(fit_temperature(bag, labels)), np.float32)
        if self._job.task == "sentiment":
            warm[classes:] = 1
        return (
            Linear(linear.weights * warm, linear.bias * warm),
            Straight(straight.columns, straight.weights * cool, straight.bias * cool),
        )

    def _logits(self, rows: Sequence[Row], linear: Linear, straight: Straight | None) -> Floats:
        features = self._features[self._texts.places(rows)]
        found = np.asarray((features @ self._shipped) @ linear.weights + linear.bias, np.float32)
        if straight is not None:
            found[:, : straight.bias.shape[0]] += straight.scores(features)
        return found


def _scope(logits: Floats, classes: int, second: Second, temperature: float) -> Floats:
    """How much a text is in scope: what the graph compares with the threshold."""
    if len(logits) == 0:
        return np.zeros(0, np.float32)
    if second == "outside":
        return np.asarray((logits[:, :classes].max(axis=1) - logits[:, -1]) / temperature)
    own = logits[:, :classes] / temperature
    return np.asarray(-np.log(np.exp(own - own.max(axis=1, keepdims=True)).sum(axis=1)))
