"""A bundle, loaded: what it says of texts, after every check that it may say anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from processors.language import language
from streams.models.bundle_files import BundleFiles, backbone_name, graph_name
from streams.models.classifier import Classifier, EncoderClassifier, HashedClassifier, Prediction, Together
from streams.models.encoder import Encoder, Tokens
from streams.models.features import Features
from streams.models.fields import BundleRefused
from streams.models.graph import check_backbone, check_heads, check_opset
from streams.models.manifest import EncoderPart, HashedPart, Head, Manifest, Part, read_manifest
from streams.models.probe import check_answers, check_probe, read_probe
from streams.models.runner import Device, OnnxRuntime, Runner, Runners

__all__ = ["Bundle", "BundleRefused", "Head", "Prediction", "load_bundle"]


class Bundle:
    """What a bundle's folder computes. Does not change, holds no state between calls; several threads may share it."""

    def __init__(self, manifest: Manifest, classifiers: Sequence[Classifier]) -> None:
        self.manifest = manifest
        self.fingerprint = manifest.fingerprint
        self.heads: Mapping[str, Head] = manifest.heads
        self.default_head = manifest.default_head
        self._classifiers = classifiers

    def predict(
        self, texts: Sequence[str], head: str | None = None, langs: Sequence[str] | None = None
    ) -> Prediction:
        """One row a text, in order, for any text whatever, in bounded time. `head`: the default one if None.

        `langs`: the texts' languages, if known already. A text goes to the first part that has the head and the
        language; failing that, to the first that has the head. Neighbours make no difference. Raises KeyError for a
        head that is not there.
        """
        name = head if head is not None else self.default_head
        having = self.heads[name].parts
        if not texts:
            return Prediction(np.zeros((0, len(self.heads[name].labels)), np.float32), np.zeros(0, np.float32))
        if len(having) == 1:
            return self._classifiers[having[0]].classify(texts, name)
        routes = self._routes(name)
        parts = [routes.get(lang, having[0]) for lang in (langs if langs is not None else map(language, texts))]
        if len(set(parts)) == 1:
            return self._classifiers[parts[0]].classify(texts, name)
        return self._by_part(texts, name, parts)

    def _routes(self, head: str) -> Mapping[str, int]:
        """Part by language."""
        routes: dict[str, int] = {}
        for number in reversed(self.heads[head].parts):
            routes.update(dict.fromkeys(self.manifest.parts[number].langs, number))
        return routes

    def _by_part(self, texts: Sequence[str], head: str, parts: Sequence[int]) -> Prediction:
        probabilities = np.empty((len(texts), len(self.heads[head].labels)), np.float32)
        second = np.empty(len(texts), np.float32)
        for number in sorted(set(parts)):
            rows = [row for row, part in enumerate(parts) if part == number]
            found = self._classifiers[number].classify([texts[row] for row in rows], head)
            probabilities[rows], second[rows] = found
        return Prediction(probabilities, second)


def load_bundle(
    folder: Path, *, device: Device = "cpu", probe: bool = True, threads: int = 1, runners: Runners | None = None
) -> Bundle:
    """The bundle in `folder`, if it may serve.

    Checked: the manifest, the SHA-256 of every file (backbones too), operator sets, inputs, outputs and their widths
    against the labels, the tokenizers, and that the probe texts get the answers they got when the bundle was made
    (`probe`: switch that off only to look at a bundle). `threads`: of one run. `runners`: where graphs are run; by
    default onnxruntime in this process, on `device`. Raises BundleRefused, naming file and remedy.
    """
    manifest = read_manifest(folder)
    files = BundleFiles(folder, manifest)
    where = runners if runners is not None else OnnxRuntime(device, threads)
    bundle = Bundle(manifest, [_classifier(files, number, part, where) for number, part in enumerate(manifest.parts)])
    entries = read_probe(*files.probe(), manifest)
    if probe:
        check_probe(bundle, entries, files.path_of_probe)
    return bundle


def load_encoders(folder: Path, runners: Runners | None = None) -> tuple[tuple[EncoderPart, Encoder], ...]:
    """The parts of the bundle in `folder` that have a backbone, without what is after it: embeddings of texts.

    None for a bundle of hashed parts alone. Raises BundleRefused as `load_bundle`; the probe texts are not asked.
    """
    manifest = read_manifest(folder)
    files = BundleFiles(folder, manifest)
    where = runners if runners is not None else OnnxRuntime()
    return tuple((p, _encoder(files, p, where, None)) for p in manifest.parts if isinstance(p, EncoderPart))


def _classifier(files: BundleFiles, number: int, part: Part, runners: Runners) -> Classifier:
    manifest = files.manifest
    heads = {name: head for name, head in manifest.heads.items() if number in head.parts}
    path = files.folder / part.model
    if isinstance(part, HashedPart):
        classifier = _hashed(files, part.model, part.features, heads, runners)
    else:
        runner = _runner(files, part.model, runners)
        width = check_heads(runner, path, "embedding", manifest.task, heads)
        classifier = EncoderClassifier(manifest.task, _encoder(files, part, runners, width), runner)
        if part.grams is not None:
            grams = _hashed(files, part.grams.model, part.grams.features, heads, runners)
            classifier = Together(classifier, grams, part.grams.share, part.grams.temperatures)
    check_answers(classifier, path, heads)
    return classifier


def _hashed(
    files: BundleFiles, model: str, features: Features, heads: Mapping[str, Head], runners: Runners
) -> Classifier:
    runner = _runner(files, model, runners)
    check_heads(runner, files.folder / model, "ids", files.manifest.task, heads)
    return HashedClassifier(files.manifest.task, features, runner)


def _encoder(files: BundleFiles, part: EncoderPart, runners: Runners, width: int | None) -> Encoder:
    path, content = files.backbone(part.backbone)
    check_opset(path, content)
    backbone = runners.runner(path, content, backbone_name(part.backbone.name))
    check_backbone(backbone, path, width)
    tokens = Tokens(files.tokenizer(part.tokenizer), part.max_tokens, files.words(part.words))
    return Encoder(part, tokens, backbone)


def _runner(files: BundleFiles, name: str, runners: Runners) -> Runner:
    path, content = files.read(name)
    check_opset(path, content)
    return runners.runner(path, content, graph_name(files.manifest, name))
