"""Bundles that must be refused, each for one reason, with what the refusal says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bundles import a_hashed_bundle, an_encoder_bundle, rewrite


def wrong_hash(folder: Path) -> Path:
    """A graph that is not the one that the manifest lists."""
    a_hashed_bundle(folder)
    with (folder / "all.onnx").open("ab") as graph:
        graph.write(b"\x00")
    return folder


def wrong_labels(folder: Path) -> Path:
    """One label more than the graph has answers."""
    a_hashed_bundle(folder)
    rewrite(folder, lambda document: document["heads"]["service"]["labels"].append("more"))
    return folder


def wrong_opset(folder: Path) -> Path:
    """Operators of a set that servers do not know yet."""
    newer = a_hashed_bundle(folder.with_name(f"{folder.name}-newer"), opset=17)
    graph = bytearray((newer / "all.onnx").read_bytes())
    place = graph.rindex(b"\x10\x11")  # the last field of the file is the opset: number 2, value 17
    graph[place + 1] = 99
    (newer / "all.onnx").write_bytes(bytes(graph))
    rewrite(newer, lambda document: document.update(name=folder.name), rehash=True)
    return newer.rename(folder)


def wrong_tokenizer(folder: Path) -> Path:
    """A file that is JSON, and no tokenizer."""
    an_encoder_bundle(folder)
    (folder / "all.tokenizer.json").write_text("{}", encoding="utf-8")
    rewrite(folder, lambda _: None, rehash=True)
    return folder


def wrong_answers(folder: Path) -> Path:
    """A probe set with other answers than the graph gives."""
    a_hashed_bundle(folder)
    probes = json.loads((folder / "probe.json").read_text("utf-8"))
    for probe in probes:
        probe["probability"] = 0.001
    (folder / "probe.json").write_text(json.dumps(probes), encoding="utf-8")
    rewrite(folder, lambda _: None, rehash=True)
    return folder


def no_backbone(folder: Path) -> Path:
    """An encoder without what it stands on."""
    an_encoder_bundle(folder)
    (folder.parent / "backbones" / "tiny" / "model.onnx").unlink()
    return folder


SPOILED: Mapping[str, tuple[Callable[[Path], Path], str]] = {
    "hash": (wrong_hash, r"all\.onnx: has the SHA-256 .*, but model\.yaml lists .*; copy the bundle again"),
    "labels": (wrong_labels, r"all\.onnx: output probabilities\.service has 4 columns for the 5 labels of head serv"),
    "opset": (wrong_opset, r"all\.onnx: has opset 99, not one of 13 to 17; export it with opset 17"),
    "tokenizer": (wrong_tokenizer, r"all\.tokenizer\.json: is no tokenizer: .*; train or copy the bundle again"),
    "answers": (wrong_answers, r"probe\.json: "),
    "backbone": (no_backbone, r"model\.onnx: is not there; backbone tiny .*; put it there"),
}
"""What makes each, and a pattern of what is said of it."""
