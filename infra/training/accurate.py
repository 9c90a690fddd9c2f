"""The accurate size: an encoder, tuned on all heads of a part at once, and a linear head a label set over it."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from infra.training.backbone import Backbone, backbone_names, fetch
from infra.training.calibration import Floats, fit_temperature, threshold
from infra.training.data import Row, plain
from infra.training.encoder_heads import Head, Linear, fitted, fitted_yes, heads_model, scope
from infra.training.encoder_texts import Texts
from infra.training.figures import Judged, figures
from infra.training.job import HeadData, Job, PartPlan, Report, TrainedPart, TrainedParts
from infra.training.refusal import TrainingRefused
from infra.training.together import Grams, together, train_grams
from streams.models.bundle_files import SHIPPED, backbone_places

PRETRAINED: Final = {"en": "minilm-l6", "zh": "bge-small-zh"}
MAX_ROWS: Final = 32
"""Texts that one run may hold: the exported encoder gives a text the same embedding in any company."""
STRENGTH: Final = {"intent": 10.0, "sentiment": 1.0}
_HEAD_SETTINGS: Final = {"epochs", "auxiliary"}


@dataclass(frozen=True, slots=True)
class AccurateSettings:
    """What a recipe may set for a part.

    `backbone`: the pretrained encoder, by default the one for the part's languages. `layers`: how many of its upper
    layers learn; with 0 it stays as published. `reuse`: take the encoder that another bundle was trained with, as it
    lies among the backbones, instead of training one. `share`: put the trained encoder among the backbones beside the
    bundle, for others to use, instead of into the bundle. `texts`: how many texts of a head are seen, in one to ten
    passes over them; a head's own setting `epochs` says the passes. `rate`: the learning rate. `strength`: how freely
    heads fit; 0 is 10 for intents, and 1 for sentiments, whose few classes would follow the text too closely.
    `outside_share`: the share of out-of-scope text among what a head teaches the encoder, at least. `mended`: in how
    many texts a word must be for others to be mended to it (streams.models.mending); 0 mends none, and Chinese text,
    whose few words of Latin letters are names, has 0 unless a recipe says otherwise. `grams`: hashed n-grams beside the
    encoder (infra.training.together): true, or settings of the fast size for them; false is none.
    """

    backbone: str = ""
    layers: int = 3
    reuse: bool = False
    share: bool = False
    texts: int = 30_000
    rate: float = 3e-4
    strength: float = 0.0
    outside_share: float = 0.06
    max_tokens: int = 128
    mended: int = 3
    grams: bool | Mapping[str, Any] = True


Fetch = Callable[..., Backbone]
"""As infra.training.backbone.fetch: by name, with `positions`."""


def train_accurate(job: Job, fetched: Fetch = fetch) -> TrainedParts:
    """Every part of the job, one after the other. `fetched` gives the pretrained encoders."""
    _limit_threads(job.threads)
    parts: list[TrainedPart] = []
    sources: dict[str, Mapping[str, Any]] = {}
    for number, plan in enumerate(job.parts):

        def report(what: str, share: float, plan: PartPlan = plan, first: int = number) -> None:
            job.report(f"{plan.name}: {what}", (first + share) / len(job.parts))

        settings = settings_of(plan)
        if not settings.strength:
            settings = replace(settings, strength=STRENGTH[job.task])
        report("fetching the pretrained encoder", 0.0)
        pretrained = fetched(settings.backbone, positions=settings.max_tokens)
        parts.append(_part(job, plan, settings, pretrained, report))
        sources[pretrained.name] = {
            "name": pretrained.title,
            "licence": pretrained.licence,
            "attribution": pretrained.attribution,
            "sha256": pretrained.sha256,
        }
    used = ("jax", "jaxlib", "numpy", "onnx", "onnxruntime", "scipy", "tokenizers")
    versions = {"python": platform.python_version(), **{name: version(name) for name in used}}
    return TrainedParts(tuple(parts), versions, tuple(sources.values()))


def settings_of(plan: PartPlan) -> AccurateSettings:
    """The settings of a part, a recipe's in place of the defaults. Raises TrainingRefused for one that is none."""
    known = {field.name: field.type for field in fields(AccurateSettings)}
    for name, value in plan.settings.items():
        if name not in known:
            raise TrainingRefused(f"recipe: part {plan.name}: unknown setting {name!r}; known are {', '.join(known)}")
        if isinstance(value, str) != (name == "backbone") or (isinstance(value, Mapping) and name != "grams"):
            raise TrainingRefused(f"recipe: part {plan.name}: {name} is {value!r}, which is no {known[name]}")
    for head in plan.heads:
        unknown = sorted(set(head.settings) - _HEAD_SETTINGS)
        if unknown:
            remedy = f"known are {', '.join(sorted(_HEAD_SETTINGS))}"
            raise TrainingRefused(f"recipe: head {head.name}: unknown setting {unknown[0]!r}; {remedy}")
    settings = replace(AccurateSettings(), **plan.settings)
    spoken = [row.lang for head in plan.heads for row in head.train]
    chinese = sum(lang in ("zh", "mixed") for lang in spoken) > len(spoken) / 2
    if not settings.backbone:
        settings = replace(settings, backbone=PRETRAINED["zh" if chinese else "en"])
    if chinese and "mended" not in plan.settings:
        settings = replace(settings, mended=0)
    if settings.backbone not in backbone_names():
        wrong = f"recipe: part {plan.name}: unknown backbone {settings.backbone!r}"
        raise TrainingRefused(f"{wrong}; known are {', '.join(backbone_names())}")
    return settings


def _part(
    job: Job, plan: PartPlan, settings: AccurateSettings, pretrained: Backbone, report: Callable[[str, float], None]
) -> TrainedPart:
    texts = Texts(plan, pretrained, settings.max_tokens, settings.mended)
    model = _reused(job, settings) if settings.reuse else _encoder(job, plan, settings, pretrained, texts, report)
    files = {**_kept(job, settings, model), f"{plan.name}.tokenizer.json": pretrained.tokenizer}
    report("reading the text with the tuned encoder", 0.75)
    embeddings = texts.embeddings(model, job.threads)
    heads, metrics = [], {}
    answering = [head for head in plan.heads if not head.settings.get("auxiliary")]
    grams = _grams(job, plan, settings, lambda what, share: report(f"n-grams: {what}", 0.8 + 0.1 * share))
    warmth: dict[str, float] = {}
    for number, head in enumerate(answering):
        report(f"fitting the head {head.name}", 0.9 + 0.1 * number / len(answering))
        made, metrics[head.name] = _head(job, head, texts, embeddings, settings, grams, warmth)
        heads.append(made)
    files[f"{plan.name}.onnx"] = heads_model(job.task, embeddings.shape[1], heads)
    entry: dict[str, Any] = {
        "backbone": {"name": settings.backbone, "sha256": hashlib.sha256(model).hexdigest(), "max_rows": MAX_ROWS},
        "tokenizer": f"{plan.name}.tokenizer.json",
        "max_tokens": settings.max_tokens,
    }
    if grams is not None:
        entry["grams"] = {**grams.manifest, "temperatures": warmth}
        files[grams.file] = grams.content
    if texts.words:
        entry["words"] = f"{plan.name}.words.txt"
        files[entry["words"]] = "".join(f"{word}\n" for word in texts.words).encode()
    return TrainedPart(plan, "encoder", f"{plan.name}.onnx", files, entry, metrics)


def _encoder(
    job: Job,
    plan: PartPlan,
    settings: AccurateSettings,
    pretrained: Backbone,
    texts: Texts,
    report: Callable[[str, float], None],
) -> bytes:
    """The file of the encoder, tuned if the settings say so."""
    from infra.training.encoder_export import backbone_model
    from infra.training.encoder_tuning import Tuning, tuned

    params = pretrained.params
    if settings.layers:
        lessons = [_lesson(head, texts, settings, job.seed) for head in plan.heads if head.train]
        how = Tuning(layers=min(settings.layers, pretrained.shape.layers), rate=settings.rate)
        done = tuned(params, pretrained.shape, lessons, how, job.seed, lambda what, share: report(what, 0.75 * share))
        params = done.params
    return bytes(backbone_model(params, pretrained.shape).SerializeToString(deterministic=True))


def _grams(job: Job, plan: PartPlan, settings: AccurateSettings, report: Report) -> Grams | None:
    if not settings.grams:
        return None
    own = settings.grams if isinstance(settings.grams, Mapping) else {}
    return train_grams(job, plan, own, report)


def _reused(job: Job, settings: AccurateSettings) -> bytes:
    places = _places(job, settings)
    for place in places:
        if place.is_file():
            return place.read_bytes()
    looked = " or ".join(str(place) for place in places)
    remedy = "train the bundle that shares it first, or leave reuse out"
    raise TrainingRefused(f"recipe: reuse: no trained encoder {settings.backbone} lies at {looked}; {remedy}")


def _places(job: Job, settings: AccurateSettings) -> list[Path]:
    """Where trained encoders lie that bundles share."""
    return [folder / settings.backbone / "model.onnx" for folder in (*job.backbones, SHIPPED / "backbones")]


def _kept(job: Job, settings: AccurateSettings, model: bytes) -> dict[str, bytes]:
    """The encoder as a file of the bundle; or none, where it lies among the backbones."""
    if settings.share and job.backbones:
        place = job.backbones[0] / settings.backbone / "model.onnx"
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_suffix(".new")
        fresh.write_bytes(model)
        fresh.replace(place)
        return {}
    if settings.reuse or any(p.is_file() and p.read_bytes() == model for p in _places(job, settings)):
        return {}
    return {backbone_places(Path(), settings.backbone)[0].name: model}


def _lesson(head: HeadData, texts: Texts, settings: AccurateSettings, seed: int) -> Any:
    """What a head teaches the encoder: each text once a label, whatever its frequency; other text as a class more."""
    from infra.training.encoder_lessons import Lesson

    number = {label: n for n, label in enumerate(head.labels)}
    pairs = list({(plain(row.text), row.label): row for row in head.train}.values())
    classes = [number[row.label] for row in pairs]
    rows = list(pairs)
    if head.outside:
        others = list({plain(row.text): row for row in head.outside}.values())
        times = max(1, round(settings.outside_share * len(pairs) / len(others)))
        rows += others * times
        classes += [len(number)] * (len(others) * times)
    epochs = float(head.settings.get("epochs", np.clip(settings.texts / len(rows), 1, 10)))
    seen = np.arange(len(rows))
    if epochs < 1:
        seen, epochs = np.random.default_rng(seed).permutation(seen)[: round(epochs * len(rows))], 1.0
    tokens = [texts.tokens[place] for place in texts.places(rows[n] for n in seen)]
    return Lesson(head.name, tokens, np.array(classes, np.int32)[seen], len(number) + bool(head.outside), epochs)


def _head(
    job: Job,
    head: HeadData,
    texts: Texts,
    embeddings: Floats,
    settings: AccurateSettings,
    grams: Grams | None,
    warmth: dict[str, float],
) -> tuple[Head, Mapping[str, float]]:
    """The head, with its temperature and threshold from its dev rows, and its figures on them; the temperature of both
    with `grams` is put into `warmth`."""
    number = {label: n for n, label in enumerate(head.labels)}
    classes = len(head.labels)

    def of(rows: Sequence[Row]) -> Floats:
        found: Floats = embeddings[texts.places(rows)]
        return found

    targets = np.array([number[row.label] for row in head.train], np.intp)
    linear = fitted(of(head.train), targets, classes, settings.strength)
    angry = _anger(job, head, of, settings)
    own = head.dev or head.train
    labels = np.array([number[row.label] for row in own], np.intp)
    inside = linear.logits(of(own))
    outside = linear.logits(of(head.outside_dev)) if head.outside_dev else inside[:0]
    temperature = fit_temperature(inside, labels)
    scores, others = (scope(logits, temperature) for logits in (inside, outside))
    anger = np.array([np.nan if row.anger is None else row.anger for row in own])
    told = inside
    if grams is not None and len(own):
        told = grams.beside(head.name, [row.text for row in own], inside, temperature)
        warmth[head.name] = together(told, labels)
    judged = Judged(told, labels, scores, others, angry.logits(of(own))[:, 0] if angry else None, anger)
    unseen = {plain(row.text) for row in head.train}
    counted = {**figures(judged), "seen_before": sum(plain(row.text) in unseen for row in own)}
    both = linear.beside(angry) if angry else linear
    return Head(head.name, both, classes, temperature, threshold(scores), angry is not None), counted


def _anger(
    job: Job, head: HeadData, of: Callable[[Sequence[Row]], Floats], settings: AccurateSettings
) -> Linear | None:
    """The column of anger, for a sentiment whose text says how angry its writers are."""
    known = [row for row in head.train if row.anger is not None]
    if job.task != "sentiment" or not known:
        return None
    return fitted_yes(of(known), np.array([row.anger for row in known], np.float32), settings.strength)


def _limit_threads(threads: int) -> None:
    """Read by the compiler when it starts; a session that has started it keeps what it has."""
    if threads == 1:
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
