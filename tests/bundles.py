"""Tiny real bundles for tests, made in a folder in milliseconds: real ONNX graphs, tokenizers, hashes and probe sets.

    folder = a_hashed_bundle(tmp_path / "tiny")                    # two hashed parts' worth of words, intents
    bundle = load_bundle(folder)
    bundle.predict(["where is my order"])

`a_hashed_bundle` counts the n-grams of a few examples a label; `an_encoder_bundle` has a backbone (in
`<folder>/../backbones/tiny/model.onnx`, shared by all encoder bundles with one vocabulary) and a tokenizer. They answer
their own examples rightly; other texts get some answer. To spoil one: change a file, or `rewrite` its manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from streams.models.bundle import load_bundle
from streams.models.features import Features, hash_features
from streams.models.probe import make_probe

Examples = Mapping[str, tuple[str, ...]]

INTENTS: Examples = {
    "order_status": ("where is my order", "my order has not come", "我的订单到哪了", "查一下订单"),
    "refund": ("i want a refund", "give me my money back please", "我要退款", "把钱退给我"),
    "greeting": ("hello", "hi there good morning", "你好", "在吗"),
    "off_topic": ("what is the weather", "sing me a song", "今天天气怎么样", "唱首歌"),
}
SCENARIOS = {
    "order_status": "order_query",
    "refund": "returns_exchange",
    "greeting": "chit_chat",
    "off_topic": "out_of_scope",
}
SENTIMENTS: Examples = {
    "negative": ("this is terrible", "i hate it so slow", "太差了", "垃圾"),
    "neutral": ("where is my order", "the parcel is blue", "什么时候到", "我要查订单"),
    "positive": ("i love it", "great thank you", "很好 谢谢", "非常满意"),
}
PROBE_TEXTS = (
    *(text for texts in (*INTENTS.values(), *SENTIMENTS.values()) for text in texts),
    "", " ", "😡😡", "order 订单 where", "ＷＨＥＲＥ　ｉｓ", "привет", "x" * 10_000, "好" * 10_000,
)  # fmt: skip
FEATURES: Mapping[str, Any] = {"buckets": 4096, "words": [1, 2], "characters": [2, 4], "limit": 500}
BACKBONE = "tiny"
WIDTH = 64


def a_hashed_bundle(
    folder: Path,
    *,
    task: str = "intent",
    name: str = "",
    version: str = "1.0.0",
    heads: Mapping[str, Examples] | None = None,
    sharpness: float = 6.0,
    opset: int = 17,
) -> Path:
    """A bundle with one hashed part for all languages, in `folder` (made). `heads`: examples by label, by head; the
    first is the default. `sharpness`: another figure makes another model of the same examples."""
    heads = heads or _heads(task)
    folder.mkdir(parents=True)
    features = Features(4096, words=(1, 2), characters=(2, 4), limit=500)
    (folder / "all.onnx").write_bytes(hashed_graph(task, heads, features, sharpness, opset))
    part = {"langs": ["zh", "en", "mixed", "und"], "kind": "hashed", "model": "all.onnx", "features": dict(FEATURES)}
    return _finish(folder, task, name, version, heads, part, ["all.onnx"])


def an_encoder_bundle(
    folder: Path,
    *,
    task: str = "intent",
    name: str = "",
    version: str = "1.0.0",
    heads: Mapping[str, Examples] | None = None,
    sharpness: float = 8.0,
    max_rows: int = 1,
) -> Path:
    """A bundle with one encoder part for all languages, in `folder` (made), and its backbone in the folder's
    neighbour `backbones/tiny`."""
    heads = heads or _heads(task)
    folder.mkdir(parents=True)
    tokenizer = a_tokenizer()
    tokenizer.save(str(folder / "all.tokenizer.json"))
    backbone = backbone_graph(tokenizer.get_vocab_size())
    place = folder.parent / "backbones" / BACKBONE / "model.onnx"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(backbone)
    (folder / "all.onnx").write_bytes(_encoder_heads(task, heads, tokenizer, sharpness))
    part = {
        "langs": ["zh", "en", "mixed", "und"],
        "kind": "encoder",
        "model": "all.onnx",
        "backbone": {"name": BACKBONE, "sha256": _sha256(backbone), "max_rows": max_rows},
        "tokenizer": "all.tokenizer.json",
        "max_tokens": 32,
    }
    return _finish(folder, task, name, version, heads, part, ["all.onnx", "all.tokenizer.json"])


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None], *, rehash: bool = False) -> None:
    """Changes the manifest. `rehash`: afterwards the manifest lists the files as they are now."""
    path = folder / "model.yaml"
    document = yaml.safe_load(path.read_bytes())
    change(document)
    if rehash:
        document["files"] = {name: _sha256((folder / name).read_bytes()) for name in document["files"]}
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")


def hashed_graph(
    task: str, heads: Mapping[str, Examples], features: Features, sharpness: float = 6.0, opset: int = 17
) -> bytes:
    """ids → the outputs of every head: means of how much each n-gram speaks for each label."""
    nodes = [
        helper.make_node("Cast", ["ids"], ["ids64"], to=TensorProto.INT64),
        helper.make_node("Greater", ["ids", "zero"], ["real"]),
        helper.make_node("Cast", ["real"], ["real_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["real_float", "axis"], ["count"], keepdims=1),
        helper.make_node("Max", ["count", "one"], ["divisor"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "zero": np.array(0, np.int32),
        "axis": np.array([1], np.int64),
        "one": np.array(1, np.float32),
    }
    for head, examples in heads.items():
        weights = np.zeros((features.buckets + 1, len(examples)), np.float32)
        for label, texts in enumerate(examples.values()):
            ids = hash_features(texts, features)
            np.add.at(weights[:, label], ids[ids > 0], 1)
        weights = np.log((weights + 0.1) / (weights.sum(1, keepdims=True) + 0.1 * len(examples)))
        weights[0] = 0
        constants[f"{head}.weights"] = weights.astype(np.float32)
        nodes += [
            helper.make_node("Gather", [f"{head}.weights", "ids64"], [f"{head}.each"]),
            helper.make_node("ReduceSum", [f"{head}.each", "axis"], [f"{head}.sum"], keepdims=0),
            helper.make_node("Div", [f"{head}.sum", "divisor"], [f"{head}.mean"]),
        ]
    ids_info = helper.make_tensor_value_info("ids", TensorProto.INT32, ["B", "L"])
    return _graph(nodes, constants, [ids_info], task, heads, sharpness, opset)


def backbone_graph(vocabulary: int) -> bytes:
    """input_ids, attention_mask → embedding: the mean of random vectors, always the same ones."""
    table = np.random.default_rng(7).standard_normal((vocabulary, WIDTH)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["each"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
        helper.make_node("Mul", ["each", "mask3"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "axis"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "axis"], ["count"], keepdims=1),
        helper.make_node("Max", ["count", "one"], ["divisor"]),
        helper.make_node("Div", ["sum", "divisor"], ["embedding"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "table": table,
        "last": np.array([-1], np.int64),
        "axis": np.array([1], np.int64),
        "one": np.array(1, np.float32),
    }
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["B", "L"]) for name in ("input_ids", "attention_mask")
    ]
    outputs = [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["B", WIDTH])]
    return _model(nodes, constants, inputs, outputs, 17)


def a_tokenizer() -> Tokenizer:
    """Words, and Chinese character by character, of the examples; whatever else is [UNK]."""
    characters = pre_tokenizers.Split(Regex("[\u4e00-\u9fff]"), "isolated")
    splitting = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), characters])
    texts = [text for examples in (*INTENTS.values(), *SENTIMENTS.values()) for text in examples]
    words = sorted({word for text in texts for word, _ in splitting.pre_tokenize_str(text.lower())})
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = splitting
    return tokenizer



def _encoder_heads(task: str, heads: Mapping[str, Examples], tokenizer: Tokenizer, sharpness: float) -> bytes:
    """embedding → the outputs of every head, by a fit to its examples."""
    table = np.random.default_rng(7).standard_normal((tokenizer.get_vocab_size(), WIDTH)).astype(np.float32)
    constants: dict[str, NDArray[Any]] = {}
    nodes = []
    for head, examples in heads.items():
        embedded = [(table[tokenizer.encode(t).ids].mean(0), n) for n, ts in enumerate(examples.values()) for t in ts]
        wanted = np.eye(len(examples))[[number for _, number in embedded]]
        weights, *_ = np.linalg.lstsq(np.array([vector for vector, _ in embedded]), wanted)
        constants[f"{head}.weights"] = weights.astype(np.float32)
        nodes.append(helper.make_node("MatMul", ["embedding", f"{head}.weights"], [f"{head}.mean"]))
    info = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["B", WIDTH])
    return _graph(nodes, constants, [info], task, heads, sharpness, 17)


def _graph(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    inputs: Sequence[onnx.ValueInfoProto],
    task: str,
    heads: Mapping[str, Examples],
    sharpness: float,
    opset: int,
) -> bytes:
    """From `<head>.mean` on, every head is the same: sharpened, softmax, and how little the best label has."""
    second = "outside" if task == "intent" else "anger"
    nodes = list(nodes)
    outputs = []
    for head, examples in heads.items():
        nodes += [
            helper.make_node("Mul", [f"{head}.mean", "sharpness"], [f"{head}.logits"]),
            helper.make_node("Softmax", [f"{head}.logits"], [f"probabilities.{head}"], axis=1),
            helper.make_node("ReduceMax", [f"probabilities.{head}"], [f"{head}.best"], axes=[1], keepdims=0),
            helper.make_node("Sub", ["whole", f"{head}.best"], [f"{second}.{head}"]),
        ]
        outputs += [
            helper.make_tensor_value_info(f"probabilities.{head}", TensorProto.FLOAT, ["B", len(examples)]),
            helper.make_tensor_value_info(f"{second}.{head}", TensorProto.FLOAT, ["B"]),
        ]
    more = {"sharpness": np.array(sharpness, np.float32), "whole": np.array(1, np.float32)}
    return _model(nodes, {**constants, **more}, inputs, outputs, opset)


def _model(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    opset: int,
) -> bytes:
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def _finish(
    folder: Path,
    task: str,
    name: str,
    version: str,
    heads: Mapping[str, Examples],
    part: dict[str, Any],
    files: Sequence[str],
) -> Path:
    """Writes the manifest twice: the probe set can be made only by the bundle itself."""
    document: dict[str, Any] = {
        "format": 1,
        "name": name or folder.name,
        "version": version,
        "task": task,
        "release": True,
        "parts": [part],
        "heads": {head: _head(task, examples) for head, examples in heads.items()},
        "default_head": next(iter(heads)),
        "data": [{"name": "own", "licence": "Apache-2.0", "attribution": "", "sha256": "0" * 64, "rows": 16}],
        "training": {"command": "none", "seed": 7, "seconds": 0.0, "versions": {}},
        "metrics": {},
        "files": dict.fromkeys([*files, "probe.json"], ""),
    }
    (folder / "README.md").write_text(f"# {folder.name}\nMade for a test.\n", encoding="utf-8")
    first_label = next(iter(next(iter(heads.values()))))
    (folder / "probe.json").write_text(f'[{{"text": "", "label": "{first_label}", "probability": 0}}]')
    (folder / "model.yaml").write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    rewrite(folder, lambda _: None, rehash=True)
    (folder / "probe.json").write_bytes(make_probe(load_bundle(folder, probe=False), PROBE_TEXTS))
    rewrite(folder, lambda _: None, rehash=True)
    return folder


def _head(task: str, examples: Examples) -> dict[str, Any]:
    labels = list(examples)
    if task != "intent":
        return {"labels": labels, "parts": [0]}
    scenarios = {label: SCENARIOS[label] for label in labels if label in SCENARIOS}
    return {"labels": labels, "scenarios": scenarios, "parts": [0]}


def _heads(task: str) -> Mapping[str, Examples]:
    return {"service": INTENTS} if task == "intent" else {"sentiment": SENTIMENTS}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
