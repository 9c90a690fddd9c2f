"""A bundle as a model repository, the folder that a Triton server loads its models from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from streams.models.bundle_files import BundleFiles, backbone_name, graph_name
from streams.models.manifest import EncoderPart, Manifest, read_manifest
from streams.models.triton import SHA256, served_name


class Serving(NamedTuple):
    """How a server runs the graphs. `cuda`: on its GPUs, by onnxruntime's CUDA provider; else on its processors.

    `largest_batch`: it joins requests of several clients, of equal shape, to batches of at most so many texts, and
    refuses a larger request; 0: each request is run as it comes.
    """

    cuda: bool = False
    largest_batch: int = 0


AS_IT_COMES = Serving()
BATCH_DELAY_US = 2_000
"""How long a request may wait for others to join, in microseconds."""
BATCH_PATIENCE_US = 2_000_000
"""How long a request may wait in all before the server refuses it, in microseconds."""
BATCH_WAITING = 1_024
"""Requests that may wait; one more is refused."""


def write_repository(folder: Path, out: Path, serving: Serving = AS_IT_COMES) -> tuple[str, ...]:
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
        config = _config(served, hashlib.sha256(content).hexdigest(), serving)
        (model / "config.pbtxt").write_text(config, encoding="utf-8")
        names.append(served)
    return tuple(dict.fromkeys(names))


def _graphs(files: BundleFiles, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    for part in manifest.parts:
        yield graph_name(manifest, part.model), files.read(part.model)[1]
        if isinstance(part, EncoderPart):
            yield backbone_name(part.backbone.name), files.backbone(part.backbone)[1]
            if part.grams is not None:
                yield graph_name(manifest, part.grams.model), files.read(part.grams.model)[1]


def _config(name: str, sha256: str, serving: Serving) -> str:
    """Inputs and outputs are read from the graph by the server. A request is a batch already: 0 takes it as it is."""
    lines = [
        f'name: "{name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {serving.largest_batch}",
        f'parameters {{ key: "{SHA256}" value {{ string_value: "{sha256}" }} }}',
    ]
    if serving.cuda:
        lines.append("instance_group [ { count: 1 kind: KIND_GPU } ]")
    if serving.largest_batch:
        waiting = f"max_queue_size: {BATCH_WAITING} default_timeout_microseconds: {BATCH_PATIENCE_US}"
        policy = f"default_queue_policy {{ {waiting} timeout_action: REJECT }}"
        lines.append(f"dynamic_batching {{ max_queue_delay_microseconds: {BATCH_DELAY_US} {policy} }}")
    return "\n".join([*lines, ""])
