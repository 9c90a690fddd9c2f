"""A tuned encoder as an ONNX file that a processor without a GPU runs quickly: int8 weights, int8 products.

Three choices differ from what the usual quantisation tools do:

- activations are quantised *per token*, not per tensor: with one scale for a whole batch the answer for a text would
  depend on its neighbours in the batch, and a replay could decide otherwise than the live run;
- a few channels of the hidden states are ten times as large as the others and would take all the resolution: channels
  are divided by a factor each, and the weights that they meet multiplied by it, so that both are even;
- weights use seven bits (−63…63): on processors without VNNI two products of eight bits overflow the sixteen bits in
  which they are added, and the same file would give other answers there.

The table of token embeddings, half of the file, is int8 with one scale a row. Only standard operators of opset 17 are
used, so that any server of ONNX files runs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from infra.training.encoder import Layer, Params, Shape, attended, embedded, transformed

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17
IR_VERSION = 8
INPUTS = ("input_ids", "attention_mask")
WEIGHT_LIMIT = 63
ACTIVATION_LIMIT = 127
ZERO = 128
LOWEST_GELU = -0.17
"""No value after a GELU is below it: nearly all of the eight bits can go to the positive side."""
GELU_ZERO = 24
PROBE_TEXTS, PROBE_TOKENS = 64, 16
"""How much made-up text shows which channels are large."""


def backbone_model(params: Params, shape: Shape, *, quantised: bool = True) -> ModelProto:
    """The encoder as a graph: `input_ids`, `attention_mask` int64 [B, L] → `embedding` float32 [B, H] of length 1."""
    return _Graph(quantised=quantised).backbone(params, shape)


def write_backbone(path: Path, params: Params, shape: Shape, *, quantised: bool = True) -> None:
    """Write `backbone_model` to `path`; the same parameters give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(backbone_model(params, shape, quantised=quantised).SerializeToString(deterministic=True))


def channel_sizes(params: Params, shape: Shape) -> list[dict[str, NDArray[np.float32]]]:
    """By layer, the largest value that each channel takes before `qkv` and before `inner`, [H], on random tokens.

    Random tokens do: the large channels are a property of the weights, found in any text.
    """
    import jax.numpy as jnp

    size = (PROBE_TEXTS, min(PROBE_TOKENS, len(params["positions"])))
    ids = jnp.asarray(np.random.default_rng(0).integers(0, len(params["words"]), size))
    mask = jnp.ones_like(ids)
    sizes = []
    x = embedded(params, ids, shape)
    for layer in params["layers"]:
        halfway = attended(layer, x, mask, shape)
        sizes.append({name: np.asarray(abs(v).max(axis=(0, 1))) for name, v in (("qkv", x), ("inner", halfway))})
        x = transformed(layer, halfway, shape)
    return sizes


def evened(sizes: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """The factor of each channel, [in]: dividing by it makes channels and rows of `weight` [in, out] alike in size."""
    factor = np.sqrt(np.maximum(sizes, 1e-3) / np.maximum(np.abs(weight).max(axis=1), 1e-6))
    even: NDArray[np.float32] = (factor / np.exp(np.log(factor).mean())).astype(np.float32)
    return even


def quantised_columns(weight: NDArray[np.float32], limit: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """`weight` [in, out] as int8 in −limit…limit, with one scale a column, [out]."""
    scale = np.maximum(np.abs(weight).max(axis=0), 1e-12) / limit
    return np.round(weight / scale).astype(np.int8), scale.astype(np.float32)


class _Graph:
    """Collects nodes and constants; each method adds operators and returns the name of their result."""

    def __init__(self, *, quantised: bool) -> None:
        self._quantised = quantised
        self._nodes: list[Any] = []
        self._constants: dict[str, NDArray[Any]] = {}
        self._shared: dict[bytes, str] = {}

    def backbone(self, params: Params, shape: Shape) -> ModelProto:
        from onnx import TensorProto, checker, helper, numpy_helper

        mask = self._op("Cast", "attention_mask", to=TensorProto.FLOAT)
        x = self._embedded(params, shape)
        hide = self._hidden_tokens(mask)
        sizes = channel_sizes(params, shape) if self._quantised else [{}] * shape.layers
        for layer, size in zip(params["layers"], sizes, strict=True):
            x = self._layer(layer, x, hide, shape, size)
        self._pooled(x, mask, shape)
        tokens = ["batch", "length"]
        graph = helper.make_graph(
            self._nodes,
            "backbone",
            [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in INPUTS],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", shape.hidden])],
            [numpy_helper.from_array(value, name) for name, value in self._constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        checker.check_model(model, full_check=True)
        return model

    def _op(self, kind: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        from onnx import helper

        result = result or f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [result], name=f"{kind}_{result}", **attributes))
        return result

    def _constant(self, value: Any, dtype: Any = np.float32) -> str:
        array = np.array(value, dtype=dtype, order="C")
        key = str((array.dtype, array.shape)).encode() + array.tobytes()
        if key not in self._shared:
            self._shared[key] = name = f"c{len(self._constants)}"
            self._constants[name] = array
        return self._shared[key]

    def _embedded(self, params: Params, shape: Shape) -> str:
        words = np.asarray(params["words"], np.float32)
        if self._quantised:
            by_row, scale = quantised_columns(words.T, ACTIVATION_LIMIT)
            rows = self._op("Gather", self._constant(by_row.T, np.int8), "input_ids")
            scales = self._op("Gather", self._constant(scale[:, None]), "input_ids")
            vectors = self._op("Mul", self._op("Cast", rows, to=1), scales)
        else:
            vectors = self._op("Gather", self._constant(words), "input_ids")
        length = self._op("Slice", self._op("Shape", "input_ids"), *(self._constant([n], np.int64) for n in (1, 2, 0)))
        starts = self._constant([0], np.int64)
        places = self._op("Slice", self._constant(params["positions"]), starts, length, starts)
        return self._norm(self._op("Add", vectors, places), params["norm"], shape)

    def _hidden_tokens(self, mask: str) -> str:
        axes = self._constant([1, 2], np.int64)
        absent = self._op("Sub", self._constant(1.0), self._op("Unsqueeze", mask, axes))
        return self._op("Mul", absent, self._constant(-1e9))

    def _layer(self, layer: Layer, x: str, hide: str, shape: Shape, size: dict[str, NDArray[np.float32]]) -> str:
        width = shape.hidden // shape.heads
        qkv = self._dense(x, layer["qkv"], size.get("qkv"))
        split = self._constant([0, 0, 3, shape.heads, width], np.int64)
        by_head = self._op("Transpose", self._op("Reshape", qkv, split), perm=[2, 0, 3, 1, 4])
        query, key, value = (self._op("Gather", by_head, self._constant(part, np.int64), axis=0) for part in range(3))
        scaled = self._op("Mul", query, self._constant(1.0 / np.sqrt(width)))
        scores = self._op("MatMul", scaled, self._op("Transpose", key, perm=[0, 1, 3, 2]))
        shares = self._op("Softmax", self._op("Add", scores, hide), axis=-1)
        seen = self._op("Transpose", self._op("MatMul", shares, value), perm=[0, 2, 1, 3])
        seen = self._op("Reshape", seen, self._constant([0, 0, shape.hidden], np.int64))
        x = self._norm(self._op("Add", x, self._dense(seen, layer["attended"])), layer["attended_norm"], shape)
        inner = self._gelu(self._dense(x, layer["inner"], size.get("inner")))
        outer = self._dense(inner, layer["outer"], after_gelu=True)
        return self._norm(self._op("Add", x, outer), layer["outer_norm"], shape)

    def _dense(
        self, x: str, dense: dict[str, Any], size: NDArray[np.float32] | None = None, *, after_gelu: bool = False
    ) -> str:
        weight, bias = np.asarray(dense["weight"], np.float32), self._constant(dense["bias"])
        if not self._quantised:
            return self._op("Add", self._op("MatMul", x, self._constant(weight)), bias)
        if size is not None:
            factor = evened(size, weight)
            x, weight = self._op("Mul", x, self._constant(1 / factor)), weight * factor[:, None]
        columns, scale = quantised_columns(weight, WEIGHT_LIMIT)
        small, by_token, zero = self._per_token(x, after_gelu=after_gelu)
        product = self._op("MatMulInteger", small, self._constant(columns, np.int8), zero)
        product = self._op("Mul", self._op("Cast", product, to=1), by_token)
        return self._op("Add", self._op("Mul", product, self._constant(scale)), bias)

    def _per_token(self, x: str, *, after_gelu: bool) -> tuple[str, str, str]:
        """`x` [B, L, n] as uint8, the scale of each token, [B, L, 1], and the number that stands for 0."""
        zero, smallest = (GELU_ZERO, -LOWEST_GELU / GELU_ZERO) if after_gelu else (ZERO, 1e-9)
        largest = self._op("ReduceMax", x if after_gelu else self._op("Abs", x), axes=[-1], keepdims=1)
        scale = self._op("Mul", largest, self._constant(1 / (255 - zero)))
        scale = self._op("Max", scale, self._constant(smallest))
        stands = self._constant(zero, np.uint8)
        return self._op("QuantizeLinear", self._op("Div", x, scale), self._constant(1.0), stands), scale, stands

    def _gelu(self, x: str) -> str:
        curve = self._op("Erf", self._op("Div", x, self._constant(np.sqrt(2.0))))
        gate = self._op("Mul", x, self._op("Add", curve, self._constant(1.0)))
        return self._op("Mul", gate, self._constant(0.5))

    def _norm(self, x: str, norm: dict[str, Any], shape: Shape) -> str:
        scale, shift = self._constant(norm["scale"]), self._constant(norm["shift"])
        return self._op("LayerNormalization", x, scale, shift, axis=-1, epsilon=shape.epsilon)

    def _pooled(self, x: str, mask: str, shape: Shape) -> None:
        if shape.pooling == "cls":
            vector = self._op("Gather", x, self._constant(0, np.int64), axis=1)
        else:
            # A product, since a sum over one text alone is added up in another order than over several.
            axis = self._constant([1], np.int64)
            total = self._op("Squeeze", self._op("MatMul", self._op("Unsqueeze", mask, axis), x), axis)
            count = self._op("ReduceSum", mask, axis, keepdims=1)
            vector = self._op("Div", total, self._op("Max", count, self._constant(1.0)))
        length = self._op("ReduceL2", vector, axes=[-1], keepdims=1)
        self._op("Div", vector, self._op("Max", length, self._constant(1e-6)), result="embedding")
