"""Whether a graph is what a bundle's part needs: operator sets, inputs, outputs, widths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streams.models.classifier import outputs
from streams.models.fields import BundleRefused
from streams.models.manifest import Head, Task
from streams.models.onnx_file import opsets
from streams.models.runner import Runner, Tensor

OPSETS: Final = range(13, 18)
"""ONNX's own operator sets that every runtime and server we support knows."""
DOMAINS: Final = ("", "ai.onnx.ml", "com.microsoft")
_AGAIN: Final = "train the bundle again with this version of Spillway"


def check_opset(path: Path, content: bytes) -> None:
    """Raises BundleRefused for an operator set that not every runtime has."""
    try:
        found = opsets(content)
    except ValueError as error:
        raise BundleRefused(path, f"is no ONNX file: {error}", "train or copy the bundle again") from error
    for domain, version in found.items():
        if domain not in DOMAINS:
            raise BundleRefused(path, f"uses operators of {domain!r}", "export it with ONNX's own operators")
        if domain == "" and version not in OPSETS:
            wrong = f"has opset {version}, not one of {OPSETS[0]} to {OPSETS[-1]}"
            raise BundleRefused(path, wrong, f"export it with opset {OPSETS[-1]}")


def check_heads(runner: Runner, path: Path, given: str, task: Task, heads: Mapping[str, Head]) -> int | None:
    """Raises BundleRefused unless the graph makes of input `given` what the heads need. The input's width, if fixed."""
    _input(runner, path, {given: "int32" if given == "ids" else "float32"}, rank=2)
    for name, head in heads.items():
        probabilities, second = outputs(task, name)
        found = _output(runner, path, probabilities, rank=2)
        width = found.shape[1]
        if width is not None and width != len(head.labels):
            wrong = f"output {probabilities} has {width} columns for the {len(head.labels)} labels of head {name}"
            raise BundleRefused(path, wrong, _AGAIN)
        _output(runner, path, second, rank=1)
    return runner.inputs[given].shape[1]


def check_backbone(runner: Runner, path: Path, width: int | None) -> None:
    """Raises BundleRefused unless the graph makes an embedding as wide as the heads expect."""
    _input(runner, path, {"input_ids": "int64", "attention_mask": "int64"}, rank=2)
    found = _output(runner, path, "embedding", rank=2).shape[1]
    if None not in (found, width) and found != width:
        raise BundleRefused(path, f"makes embeddings of width {found}; the heads expect {width}", _AGAIN)


def _input(runner: Runner, path: Path, wanted: Mapping[str, str], rank: int) -> None:
    if runner.inputs.keys() != wanted.keys():
        wrong = f"has the inputs {', '.join(sorted(runner.inputs))}; expected {', '.join(sorted(wanted))}"
        raise BundleRefused(path, wrong, _AGAIN)
    for name, kind in wanted.items():
        found = runner.inputs[name]
        if found.type != kind or len(found.shape) != rank:
            wrong = f"input {name} is {found.type} of {len(found.shape)} dimensions; expected {kind} of {rank}"
            raise BundleRefused(path, wrong, _AGAIN)


def _output(runner: Runner, path: Path, name: str, rank: int) -> Tensor:
    found = runner.outputs.get(name)
    if found is None:
        raise BundleRefused(path, f"lacks the output {name} (has {', '.join(sorted(runner.outputs))})", _AGAIN)
    if found.type != "float32" or len(found.shape) != rank:
        wrong = f"output {name} is {found.type} of {len(found.shape)} dimensions; expected float32 of {rank}"
        raise BundleRefused(path, wrong, _AGAIN)
    return found
