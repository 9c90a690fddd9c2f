"""A bundle as a model repository, the folder that a Triton server loads its models from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from streams.models.bundle_files import BundleFiles, backbone_name, graph_name
from streams.models.manifest import EncoderPart, Manifest, read_manifest
from streams.models.triton import SHA256, served_name


def write_repository(folder: Path, out: Path) -> tuple[str, ...]:
    """Adds the graphs of the bundle in `folder` to the repository `out`; the names they are served under.

    What is there already stays: several bundles, and several versions of one, share a repository, and a backbone that
    two of them use is there once. Raises BundleRefused for a bundle whose files are not as listed.
    """
    manifest = read_manifest(folder)
    names = []
    for name, content in _graphs(BundleFiles(folder, manifest), manifest):
        served = served_name(name, content)
        model = out / served
        (model / "1").mkdir(parents=True, exist_ok=True)
        (model / "1" / "model.onnx").write_bytes(content)
        (model / "config.pbtxt").write_text(_config(served, hashlib.sha256(content).hexdigest()), encoding="utf-8")
        names.append(served)
    return tuple(dict.fromkeys(names))


def _graphs(files: BundleFiles, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    for part in manifest.parts:
        yield graph_name(manifest, part.model), files.read(part.model)[1]
        if isinstance(part, EncoderPart):
            yield backbone_name(part.backbone.name), files.backbone(part.backbone)[1]
            if part.grams is not None:
                yield graph_name(manifest, part.grams.model), files.read(part.grams.model)[1]


def _config(name: str, sha256: str) -> str:
    """Inputs and outputs are read from the graph by the server. A request is a batch already: 0 takes it as it is."""
    return (
        f'name: "{name}"\n'
        'backend: "onnxruntime"\n'
        "max_batch_size: 0\n"
        f'parameters {{ key: "{SHA256}" value {{ string_value: "{sha256}" }} }}\n'
    )
