"""The operations of the small generating model, twice: on arrays, and as nodes of an ONNX graph with int8 weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from infra.training import generation_model as model
from infra.training.generation_words import WIDTH

OPSET: Final = 17
IR: Final = 9
SMALL: Final = 2048
"""Numbers of a weight that stays as it is; larger ones are kept in eight bits, with a scale a column or a row."""
Array = Any


class ArrayOps:
    """On arrays. `arrays`: the module of their kind, jax.numpy for training; numpy computes the same."""

    def __init__(self, arrays: Any) -> None:
        self._np = arrays

    def positive(self, ids: Array) -> Array:
        return (ids > 0).astype(self._np.float32)

    def reshape(self, x: Array, shape: tuple[int, ...]) -> Array:
        return x.reshape(shape)

    def transpose(self, x: Array, order: tuple[int, ...]) -> Array:
        return x.transpose(order)

    def rows(self, table: Array, ids: Array) -> Array:
        return table[ids]

    def unit(self, x: Array) -> Array:
        return x / self._np.sqrt((x * x).sum(axis=-1, keepdims=True) + 1e-6)

    def norm(self, x: Array) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        return centred / self._np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5)

    def sigmoid(self, x: Array) -> Array:
        return 1.0 / (1.0 + self._np.exp(-x))

    def relu(self, x: Array) -> Array:
        return self._np.maximum(x, 0.0)

    def softmax(self, x: Array, axis: int) -> Array:
        weight = self._np.exp(x - x.max(axis=axis, keepdims=True))
        return weight / weight.sum(axis=axis, keepdims=True)

    def sum(self, x: Array, axis: int) -> Array:
        return x.sum(axis=axis)

    def max(self, x: Array, axis: int) -> Array:
        return x.max(axis=axis)

    def scalar(self, x: Array, at: int) -> Array:
        return x[at]

    def first(self, x: Array) -> Array:
        return x[None]

    def middle(self, x: Array) -> Array:
        return x[:, None]

    def last(self, x: Array) -> Array:
        return x[..., None]

    def column(self, x: Array, at: int) -> Array:
        return x[:, at]

    def part(self, x: Array, at: int) -> Array:
        return x[:, at : at + 1]

    def slice(self, x: Array, begin: int, end: int) -> Array:
        return x[begin:end]

    def slab(self, x: Array, one: int, two: int) -> Array:
        return x[one, two]

    def stack(self, parts: Sequence[Array]) -> Array:
        return self._np.stack(parts).reshape(model.LAYERS, 2, -1, WIDTH)

    def concat(self, parts: Sequence[Array], axis: int) -> Array:
        return self._np.concatenate(parts, axis=axis)

    def shifted(self, x: Array, by: int) -> Array:
        """Along the second axis of three; zeros come in."""
        nothing = self._np.zeros_like(x[:, :1])
        parts = [nothing, x[:, :-1]] if by > 0 else [x[:, 1:], nothing]
        return self._np.concatenate(parts, axis=1)


class Node:
    """A value in a graph."""

    def __init__(self, graph: GraphOps, name: str) -> None:
        self.graph, self.name = graph, name

    def __add__(self, other: Node | float) -> Node:
        return self.graph.node("Add", self, other)

    def __sub__(self, other: Node | float) -> Node:
        return self.graph.node("Sub", self, other)

    def __mul__(self, other: Node | float) -> Node:
        return self.graph.node("Mul", self, other)

    def __truediv__(self, other: Node | float) -> Node:
        return self.graph.node("Div", self, other)

    def __matmul__(self, other: Node) -> Node:
        return self.graph.node("MatMul", self, other)


class GraphOps:
    """As nodes. `weights` makes nodes of a parameter tree; `finished` gives the model's bytes."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._stored: dict[str, Any] = {}
        self._inputs: list[Any] = []

    def node(self, kind: str, *inputs: Node | float | np.generic | NDArray[Any], **attributes: Any) -> Node:
        from onnx import helper

        name = f"v{len(self._nodes)}"
        names = [part.name if isinstance(part, Node) else self._constant(part) for part in inputs]
        self._nodes.append(helper.make_node(kind, names, [name], **attributes))
        return Node(self, name)

    def given(self, name: str, kind: int, shape: Sequence[int | str]) -> Node:
        """An input of the graph."""
        from onnx import helper

        self._inputs.append(helper.make_tensor_value_info(name, kind, list(shape)))
        return Node(self, name)

    def weights(self, tree: Any) -> Any:
        """The tree with a node for each array; matrices in eight bits."""
        if isinstance(tree, Mapping):
            return {name: self.weights(part) for name, part in tree.items()}
        if isinstance(tree, list):
            return [self.weights(part) for part in tree]
        array = np.asarray(tree, np.float32)
        return self._narrow(array, 1) if array.ndim == 2 and array.size > SMALL else Node(self, self._constant(array))

    def table(self, array: NDArray[np.float32]) -> Any:
        """A table of rows to be looked up in, in eight bits with a scale a row."""
        scale = np.maximum(np.abs(array).max(axis=1), 1e-8) / 127
        whole = np.rint(array / scale[:, None]).astype(np.int8)
        return (Node(self, self._constant(whole)), Node(self, self._constant(scale.astype(np.float32))))

    def finished(self, outputs: Mapping[str, Node]) -> bytes:
        from onnx import TensorProto, checker, helper

        named = [helper.make_node("Identity", [node.name], [name]) for name, node in outputs.items()]
        ranks = {"proposed": 1, "nothing": 1, "kept": 4}
        said = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [f"{name}{i}" for i in range(ranks.get(name, 2))])
            for name in outputs
        ]
        graph = helper.make_graph([*self._nodes, *named], "small", self._inputs, said, list(self._stored.values()))
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        checker.check_model(made)
        return bytes(made.SerializeToString(deterministic=True))

    def _constant(self, value: float | np.generic | NDArray[Any]) -> str:
        from onnx import numpy_helper

        array = np.asarray(value, np.float32) if isinstance(value, (int, float)) else np.asarray(value)
        name = f"c{len(self._stored)}"
        self._stored[name] = numpy_helper.from_array(array.copy(order="C"), name)
        return name

    def _narrow(self, array: NDArray[np.float32], axis: int) -> Node:
        scale = (np.maximum(np.abs(array).max(axis=0), 1e-8) / 127).astype(np.float32)
        whole = np.rint(array / scale).astype(np.int8)
        return self.node("DequantizeLinear", whole, scale, np.zeros(len(scale), np.int8), axis=axis)

    def positive(self, ids: Node) -> Node:
        return self.node("Cast", self.node("Greater", ids, np.int64(0)), to=1)

    def reshape(self, x: Node, shape: tuple[int, ...]) -> Node:
        return self.node("Reshape", x, np.array(shape, np.int64))

    def transpose(self, x: Node, order: tuple[int, ...]) -> Node:
        return self.node("Transpose", x, perm=order)

    def rows(self, table: Any, ids: Node) -> Node:
        if isinstance(table, Node):
            return self.node("Gather", table, ids, axis=0)
        whole, scale = (self.node("Gather", part, ids, axis=0) for part in table)
        return self.node("Cast", whole, to=1) * self.last(scale)

    def unit(self, x: Node) -> Node:
        length = self.node("ReduceSum", x * x, np.array([-1], np.int64), keepdims=1)
        return x / self.node("Sqrt", length + 1e-6)

    def norm(self, x: Node) -> Node:
        centred = x - self.node("ReduceMean", x, axes=[-1], keepdims=1)
        spread = self.node("ReduceMean", centred * centred, axes=[-1], keepdims=1)
        return centred / self.node("Sqrt", spread + 1e-5)

    def sigmoid(self, x: Node) -> Node:
        return self.node("Sigmoid", x)

    def relu(self, x: Node) -> Node:
        return self.node("Relu", x)

    def softmax(self, x: Node, axis: int) -> Node:
        return self.node("Softmax", x, axis=axis)

    def sum(self, x: Node, axis: int) -> Node:
        return self.node("ReduceSum", x, np.array([axis], np.int64), keepdims=0)

    def max(self, x: Node, axis: int) -> Node:
        return self.node("ReduceMax", x, axes=[axis], keepdims=0)

    def scalar(self, x: Node, at: int) -> Node:
        return self.node("Gather", x, np.int64(at), axis=0)

    def first(self, x: Node) -> Node:
        return self.node("Unsqueeze", x, np.array([0], np.int64))

    def middle(self, x: Node) -> Node:
        return self.node("Unsqueeze", x, np.array([1], np.int64))

    def last(self, x: Node) -> Node:
        return self.node("Unsqueeze", x, np.array([-1], np.int64))

    def column(self, x: Node, at: int) -> Node:
        return self.node("Gather", x, np.int64(at), axis=1)

    def part(self, x: Node, at: int) -> Node:
        return self.node("Gather", x, np.array([at], np.int64), axis=1)

    def slice(self, x: Node, begin: int, end: int) -> Node:
        return self._sliced(x, begin, end, 0)

    def slab(self, x: Node, one: int, two: int) -> Node:
        return self.node("Gather", self.node("Gather", x, np.int64(one), axis=0), np.int64(two), axis=0)

    def stack(self, parts: Sequence[Node]) -> Node:
        whole = self.concat([self.first(part) for part in parts], 0)
        return self.reshape(whole, (model.LAYERS, 2, -1, WIDTH))

    def concat(self, parts: Sequence[Node], axis: int) -> Node:
        return self.node("Concat", *parts, axis=axis)

    def shifted(self, x: Node, by: int) -> Node:
        pads = [0, 1, 0, 0, 0, 0] if by > 0 else [0, 0, 0, 0, 1, 0]
        padded = self.node("Pad", x, np.array(pads, np.int64), np.float32(0))
        return self._sliced(padded, 0, -1, 1) if by > 0 else self._sliced(padded, 1, 1 << 40, 1)

    def _sliced(self, x: Node, begin: int, end: int, axis: int) -> Node:
        return self.node("Slice", x, *(np.array([n], np.int64) for n in (begin, end, axis)))


def reader_graph(p: model.Params, vectors: NDArray[np.float32], weights: NDArray[np.float32]) -> bytes:
    """The reader as an ONNX model: inputs of reading.Read, outputs by the names of model.Memory."""
    from onnx import TensorProto

    whole, real, ops = TensorProto.INT64, TensorProto.FLOAT, GraphOps()
    shapes: dict[str, tuple[int, Sequence[int | str]]] = {
        "ids": (whole, ("U", "L")),
        "pairs": (whole, ("U", "L")),
        "asked": (whole, ("Q",)),
        "asked_pairs": (whole, ("Q",)),
        "earlier": (real, ("Q",)),
        "same": (real, ("U", "U")),
        "titled": (real, ("U", "U")),
        "facts": (real, ("U", model.FACTS)),
    }
    given = {name: ops.given(name, *about) for name, about in shapes.items()}
    table = (ops.table(vectors), Node(ops, ops._constant(weights)))
    return ops.finished(model.read(ops, ops.weights(_of(p, reader=True)), table, given)._asdict())


def speaker_graph(p: model.Params) -> bytes:
    """A step of the decoder as an ONNX model, for one word: inputs of model.step and of model.Memory; `scores` [1, own
    + N] and `kept`."""
    from onnx import TensorProto

    whole, real, ops = TensorProto.INT64, TensorProto.FLOAT, GraphOps()
    at = ("N", WIDTH)
    memory = {"keys": ops.given("keys", real, at), "seen": ops.given("seen", real, ("S", WIDTH))}
    memory |= {"gist": ops.given("gist", real, (1, WIDTH)), "unseen": ops.given("unseen", real, (1, "S"))}
    said = {"own": ops.given("own", whole, (1,))}
    said |= {name: ops.given(name, real, (1, WIDTH)) for name in ("last", "next")}
    said |= {name: ops.given(name, real, (1, "N")) for name in ("following", "opening", "opens", "closed")}
    past = ops.given("past", real, (model.LAYERS, 2, "P", WIDTH))
    lent = model.Memory(memory["keys"], None, None, None, memory["seen"], memory["gist"], memory["unseen"])
    scores, kept = model.step(ops, ops.weights(_of(p, reader=False)), lent, said, past, None)
    return ops.finished({"scores": scores, "kept": kept})


_SPEAKER: Final = frozenset({"own", "last", "next", "layers", "point", "speak", "speak_b", "turn"})


def _of(p: model.Params, *, reader: bool) -> model.Params:
    return {name: part for name, part in p.items() if (name not in _SPEAKER) == reader}
