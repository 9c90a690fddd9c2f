"""A small BERT in JAX: weights read from an ONNX file, the forward pass as pure functions.

Only what fine-tuning needs: no dropout inside, no decoder, no second segment. Parameters are a plain tree of float32
arrays that `jax.grad` can walk:

    {"words": [V, H], "positions": [P, H], "norm": {"scale", "shift"}, "layers": [layer, ...]}

`words` are token embeddings, `positions` already contain the embedding of the first segment. Dense weights are
[in, out]; queries, keys and values are one matrix, in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jax import Array

Params = dict[str, Any]
"""The tree above; a leaf is a numpy or a JAX array."""

Layer = dict[str, dict[str, Any]]
"""`qkv`, `attended`, `inner`, `outer` (dense: `weight`, `bias`), `attended_norm`, `outer_norm` (`scale`, `shift`)."""


Product = Callable[["Array", "Array"], "Array"]
"""How hidden states [..., in] are multiplied by a dense weight [in, out]: `exact`, or something quicker."""


class NotABert(Exception):
    """An ONNX file is not the BERT encoder that was expected; the message names the file and what is missing."""


@dataclass(frozen=True)
class Shape:
    """What the weights alone do not say, and the sizes for a check of them."""

    layers: int
    hidden: int
    heads: int
    inner: int
    pooling: Literal["mean", "cls"]
    epsilon: float = 1e-12


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The weights of an exported BERT by their names in the original model, dense weights as [in, out].

    Exporters fold the transposition of dense weights and give them numbers for names; the name of the node that
    multiplies by them still says which layer they belong to.

    Raises:
        NotABert: a dense weight cannot be traced to its layer.
    """
    import onnx

    graph = onnx.load(str(path)).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    weights = {
        name: onnx.numpy_helper.to_array(tensor).astype(np.float32)
        for name, tensor in stored.items()
        if name.startswith(("embeddings.", "encoder.")) and tensor.data_type == onnx.TensorProto.FLOAT
    }
    for node in graph.node:
        anonymous = [name for name in node.input if name in stored and name not in weights]
        if node.op_type != "MatMul" or not anonymous:
            continue
        owner = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
        if not owner.startswith("encoder.layer."):
            raise NotABert(f"{path}: {node.name!r}, which uses the weight {anonymous[0]}, names no layer of a BERT")
        weights[f"{owner}.weight"] = onnx.numpy_helper.to_array(stored[anonymous[0]]).astype(np.float32)
    return weights


def params_of(weights: Mapping[str, NDArray[np.float32]], shape: Shape, *, positions: int) -> Params:
    """The parameter tree of `weights`, for texts of up to `positions` tokens.

    Raises:
        NotABert: a weight is missing or has another size than `shape` says.
    """

    def take(name: str, *size: int | None) -> NDArray[np.float32]:
        if name not in weights:
            raise NotABert(f"the weight {name} is missing; the file is not a BERT of {shape.layers} layers")
        found = weights[name]
        if len(found.shape) != len(size) or any(w not in (None, f) for w, f in zip(size, found.shape, strict=True)):
            raise NotABert(f"the weight {name} has the shape {found.shape}, expected {size}")
        return found

    def dense(name: str, before: int, after: int) -> dict[str, NDArray[np.float32]]:
        return {"weight": take(f"{name}.weight", before, after), "bias": take(f"{name}.bias", after)}

    def norm(name: str) -> dict[str, NDArray[np.float32]]:
        return {"scale": take(f"{name}.weight", hidden), "shift": take(f"{name}.bias", hidden)}

    def layer(number: int) -> Layer:
        prefix = f"encoder.layer.{number}"
        parts = [dense(f"{prefix}.attention.self.{part}", hidden, hidden) for part in ("query", "key", "value")]
        return {
            "qkv": {key: np.concatenate([part[key] for part in parts], axis=-1) for key in ("weight", "bias")},
            "attended": dense(f"{prefix}.attention.output.dense", hidden, hidden),
            "attended_norm": norm(f"{prefix}.attention.output.LayerNorm"),
            "inner": dense(f"{prefix}.intermediate.dense", hidden, shape.inner),
            "outer": dense(f"{prefix}.output.dense", shape.inner, hidden),
            "outer_norm": norm(f"{prefix}.output.LayerNorm"),
        }

    hidden = shape.hidden
    if f"encoder.layer.{shape.layers}.output.dense.bias" in weights:
        raise NotABert(f"the file has more layers than the {shape.layers} expected")
    segment = take("embeddings.token_type_embeddings.weight", None, hidden)[0]
    placed = take("embeddings.position_embeddings.weight", None, hidden)
    if len(placed) < positions:
        raise NotABert(f"the file has {len(placed)} positions, {positions} are needed")
    return {
        "words": take("embeddings.word_embeddings.weight", None, hidden),
        "positions": placed[:positions] + segment,
        "norm": norm("embeddings.LayerNorm"),
        "layers": [layer(number) for number in range(shape.layers)],
    }


def normed(params: Mapping[str, Any], x: Array, epsilon: float) -> Array:
    """Layer normalisation over the last axis."""
    import jax.numpy as jnp

    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    result: Array = centred / jnp.sqrt(variance + epsilon) * params["scale"] + params["shift"]
    return result


def embedded(params: Params, ids: Array, shape: Shape) -> Array:
    """Token ids [B, L] as the input of the first layer, [B, L, H]."""
    import jax.numpy as jnp

    x = jnp.asarray(params["words"])[ids] + jnp.asarray(params["positions"])[: ids.shape[1]]
    return normed(params["norm"], x, shape.epsilon)


def exact(x: Array, weight: Array) -> Array:
    """The product of hidden states [..., in] and a dense weight [in, out]."""
    result: Array = x @ weight
    return result


def through(layers: Sequence[Layer], x: Array, mask: Array, shape: Shape, product: Product = exact) -> Array:
    """Hidden states [B, L, H] after `layers`; tokens whose `mask` [B, L] is 0 are not attended to."""
    for layer in layers:
        x = transformed(layer, attended(layer, x, mask, shape, product), shape, product)
    return x


def attended(layer: Layer, x: Array, mask: Array, shape: Shape, product: Product = exact) -> Array:
    """The first half of a layer: what each token takes from the others, added and normalised; [B, L, H]."""
    import jax
    import jax.numpy as jnp

    batch, length, hidden = x.shape
    width = hidden // shape.heads

    def heads_first(part: Array) -> Array:
        return part.reshape(batch, length, shape.heads, width).transpose(0, 2, 1, 3)

    hide = jnp.where(mask[:, None, None, :] > 0, 0.0, -1e9)
    query, key, value = (heads_first(part) for part in jnp.split(_dense(layer["qkv"], x, product), 3, axis=-1))
    scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(width).astype(np.float32) + hide
    taken = (jax.nn.softmax(scores, axis=-1) @ value).transpose(0, 2, 1, 3).reshape(batch, length, hidden)
    return normed(layer["attended_norm"], x + _dense(layer["attended"], taken, product), shape.epsilon)


def transformed(layer: Layer, x: Array, shape: Shape, product: Product = exact) -> Array:
    """The second half of a layer: each token by itself; [B, L, H]."""
    import jax

    inner = jax.nn.gelu(_dense(layer["inner"], x, product), approximate=False)
    return normed(layer["outer_norm"], x + _dense(layer["outer"], inner, product), shape.epsilon)


def _dense(dense: Mapping[str, Any], x: Array, product: Product) -> Array:
    result: Array = product(x, dense["weight"]) + dense["bias"]
    return result


def pooled(x: Array, mask: Array, shape: Shape) -> Array:
    """One vector a text, [B, H], of length 1: the mean over its tokens, or its first token's."""
    import jax.numpy as jnp

    if shape.pooling == "cls":
        vector = x[:, 0]
    else:
        weight = mask[:, :, None].astype(x.dtype)
        vector = (x * weight).sum(axis=1) / jnp.maximum(weight.sum(axis=1), 1.0)
    result: Array = vector / jnp.sqrt((vector * vector).sum(axis=-1, keepdims=True) + 1e-12)
    return result


def embeddings(params: Params, ids: Array, mask: Array, shape: Shape) -> Array:
    """The embedding [B, H] of each text; ids and mask are [B, L] with L at most the number of positions."""
    return pooled(through(params["layers"], embedded(params, ids, shape), mask, shape), mask, shape)
