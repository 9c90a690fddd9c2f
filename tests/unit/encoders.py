"""Encoders small enough for tests: random weights, a tokeniser of a few words."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from infra.training.encoder import Params, Shape, params_of

SHAPE: Final = Shape(layers=3, hidden=16, heads=4, inner=32, pooling="mean")
WORDS: Final = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]"),
    *("where", "is", "my", "order", "the", "parcel", "i", "want", "to", "return", "shoes", "coat", "back", "send"),
    *("sing", "a", "song", "weather"),
)


def shape(pooling: Literal["mean", "cls"] = "mean") -> Shape:
    """The tiny encoder's shape."""
    return Shape(SHAPE.layers, SHAPE.hidden, SHAPE.heads, SHAPE.inner, pooling)


def weights(seed: int = 0, words: int = len(WORDS), positions: int = 24) -> dict[str, NDArray[np.float32]]:
    """Random weights by a BERT's names; one channel is ten times as large as the others, as in real ones."""
    random = np.random.default_rng(seed)

    def some(*size: int) -> NDArray[np.float32]:
        return (random.standard_normal(size) * 0.3).astype(np.float32)

    hidden, inner = SHAPE.hidden, SHAPE.inner
    found = {
        "embeddings.word_embeddings.weight": some(words, hidden),
        "embeddings.position_embeddings.weight": some(positions, hidden),
        "embeddings.token_type_embeddings.weight": some(2, hidden),
    }
    found |= _norm("embeddings.LayerNorm", some)
    for number in range(SHAPE.layers):
        prefix = f"encoder.layer.{number}"
        sizes = {
            **{f"{prefix}.attention.self.{part}": (hidden, hidden) for part in ("query", "key", "value")},
            f"{prefix}.attention.output.dense": (hidden, hidden),
            f"{prefix}.intermediate.dense": (hidden, inner),
            f"{prefix}.output.dense": (inner, hidden),
        }
        for name, (before, after) in sizes.items():
            found[f"{name}.weight"], found[f"{name}.bias"] = some(before, after), some(after)
        found |= _norm(f"{prefix}.attention.output.LayerNorm", some) | _norm(f"{prefix}.output.LayerNorm", some)
    return found


def published(path: Path, named: dict[str, NDArray[np.float32]]) -> Path:
    """An ONNX file as exporters write it: dense weights are numbered, and only their nodes name the layer."""
    stored, nodes = [], []
    for number, (name, value) in enumerate(named.items()):
        is_dense = name.startswith("encoder") and name.endswith(".weight") and "LayerNorm" not in name
        stored.append(numpy_helper.from_array(value, f"onnx::MatMul_{number}" if is_dense else name))
        if is_dense:
            node = "/" + name.removesuffix(".weight").replace(".", "/").replace("layer/", "layer.") + "/MatMul"
            nodes.append(helper.make_node("MatMul", ["x", stored[-1].name], [f"y{number}"], name=node))
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", None])
    graph = helper.make_graph(nodes, "bert", [given], [], stored)
    onnx.save(helper.make_model(graph), str(path))
    return path


def params(seed: int = 0) -> Params:
    """The parameters of a tiny random encoder, for up to 24 tokens."""
    return params_of(weights(seed), SHAPE, positions=24)


def tokens(*lengths: int, seed: int = 1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Random token ids and their mask, padded to the longest."""
    random = np.random.default_rng(seed)
    ids = np.zeros((len(lengths), max(lengths)), np.int64)
    mask = np.zeros_like(ids)
    for row, length in enumerate(lengths):
        ids[row, :length] = random.integers(4, len(WORDS), length)
        mask[row, :length] = 1
    return ids, mask


def tokenizer() -> bytes:
    """A tokenizer.json of WORDS."""
    made = Tokenizer(WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return bytes(made.to_str().encode())


def run(model: bytes, given: dict[str, Any], outputs: list[str] | None = None) -> list[NDArray[np.float32]]:
    """The outputs of an ONNX file."""
    import onnxruntime

    session: Any = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found: list[NDArray[np.float32]] = session.run(outputs, given)
    return found


def _norm(name: str, some: Any) -> dict[str, NDArray[np.float32]]:
    scale = 1 + some(SHAPE.hidden)
    scale[3] *= 10
    return {f"{name}.weight": scale, f"{name}.bias": some(SHAPE.hidden)}
