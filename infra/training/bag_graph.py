"""The ONNX graph of a trained bag: ids of n-grams in, calibrated probabilities out.

The table is int8 with a scale a row; heads stay float32. Ids go through a map to the rows that were kept, of which row
0 is empty: padding, and every n-gram that training did not see often enough, falls there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.training.bag import Floats, Linear, Second
from infra.training.straight import Straight

OPSET: Final = 17
_IR: Final = 8
"""The file format that goes with the operator set, not the newest that the onnx package writes."""


class Table(NamedTuple):
    """Vectors as they ship. `rows` [buckets + 1]: the row of each id; `vectors` int8 [kept + 1, width]; `scales` and
    `rarity` [kept + 1]."""

    rows: NDArray[np.int32]
    vectors: NDArray[np.int8]
    scales: Floats
    rarity: Floats


class HeadGraph(NamedTuple):
    """A head as it ships. Logits are those of the bag and, where there is one, of `straight`, added up and divided by
    the temperature. Outside the threshold means: the lead of the best class over the last column, so divided, is below
    `threshold`; `steepness` is how quickly the score goes from 0 to 1 around it.
    `chance`: the share of sheer chance in the probabilities."""

    name: str
    linear: Linear
    classes: int
    second: Second
    temperature: float
    threshold: float
    steepness: float
    straight: Straight | None = None
    chance: float = 0.0


def quantised(vectors: Floats) -> tuple[NDArray[np.int8], Floats]:
    """int8 vectors and the scale of each row."""
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / np.float32(127)
    return np.round(vectors / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def table_of(kept: NDArray[np.intp], buckets: int, vectors: Floats, rarity: Floats) -> Table:
    """The table for ids 1 to `buckets`, of which id `kept[i] + 1` has vector and rarity `i`."""
    rows = np.zeros(buckets + 1, np.int32)
    rows[kept + 1] = np.arange(1, len(kept) + 1)
    ints, scales = quantised(np.vstack((np.zeros((1, vectors.shape[1]), np.float32), vectors)))
    return Table(rows, ints, scales, np.append(np.float32(0), rarity).astype(np.float32))


def model(task: str, table: Table, heads: Sequence[HeadGraph]) -> bytes:
    """The file's bytes; the same arguments give the same bytes."""
    from onnx import TensorProto, checker, helper

    graph = _Graph()
    graph.constant("rows", table.rows)
    graph.constant("pairs", np.stack((table.rarity * table.scales, table.rarity), axis=1))
    graph.constant("table", table.vectors)
    graph.constant("halves", np.array([1, 1]))
    graph.constant("axis1", np.array([1]))
    graph.constant("zero", np.array([0]))
    graph.constant("least", np.array(1e-6, np.float32))
    graph.add("Gather", ("rows", "ids"), "kept")
    graph.add("Gather", ("pairs", "kept"), "pair")
    graph.add("Split", ("pair", "halves"), ("weight3", "rarity3"), {"axis": 2})
    graph.add("Gather", ("table", "kept"), "ints")
    graph.add("Cast", ("ints",), "vectors", {"to": TensorProto.FLOAT})
    graph.add("Transpose", ("weight3",), "weight", {"perm": [0, 2, 1]})
    graph.add("MatMul", ("weight", "vectors"), "sum3")
    graph.add("Squeeze", ("sum3", "axis1"), "sum")
    graph.add("ReduceL2", ("rarity3",), "length0", {"axes": [1], "keepdims": 0})
    graph.add("Max", ("length0", "least"), "length")
    graph.add("Div", ("sum", "length"), "bag")
    outputs = []
    for head in heads:
        _head(graph, task, head, len(table.scales))
        probabilities, second = f"probabilities.{head.name}", f"{_second(task)}.{head.name}"
        outputs.append(helper.make_tensor_value_info(probabilities, TensorProto.FLOAT, ["B", head.classes]))
        outputs.append(helper.make_tensor_value_info(second, TensorProto.FLOAT, ["B"]))
    given = helper.make_tensor_value_info("ids", TensorProto.INT32, ["B", "L"])
    made = helper.make_model(
        helper.make_graph(graph.nodes, "bag", [given], outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR,
        producer_name="spillway",
    )
    checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


class _Graph:
    """Nodes and constants, by names of tensors."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """`name`, under which nodes may use the value."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: str | Sequence[str],
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        from onnx import helper

        named = [outputs] if isinstance(outputs, str) else list(outputs)
        self.nodes.append(helper.make_node(operator, list(inputs), named, named[0], **(settings or {})))


def _second(task: str) -> str:
    return "outside" if task == "intent" else "anger"


def _head(graph: _Graph, task: str, head: HeadGraph, kept: int) -> None:
    """Logits over the temperature; their softmax; and the second figure."""
    name = head.name
    weights = graph.constant(f"weights.{name}", head.linear.weights / np.float32(head.temperature))
    bias = graph.constant(f"bias.{name}", head.linear.bias / np.float32(head.temperature))
    graph.add("MatMul", ("bag", weights), f"product.{name}")
    graph.add("Add", (f"product.{name}", bias), f"all.{name}" if head.straight is None else f"bagged.{name}")
    if head.straight is not None:
        _straight(graph, head, head.straight, kept)
    if head.second:
        ends = graph.constant(f"ends.{name}", np.array([head.classes]))
        after = graph.constant(f"after.{name}", np.array([head.classes + 1]))
        graph.add("Slice", (f"all.{name}", "zero", ends, "axis1"), f"logits.{name}")
        graph.add("Slice", (f"all.{name}", ends, after, "axis1"), f"last.{name}")
    else:
        graph.add("Identity", (f"all.{name}",), f"logits.{name}")
    graph.add("Softmax", (f"logits.{name}",), f"sure.{name}", {"axis": 1})
    most = graph.constant(f"most.{name}", np.array(1 - head.chance, np.float32))
    each = graph.constant(f"each.{name}", np.array(head.chance / head.classes, np.float32))
    graph.add("Mul", (f"sure.{name}", most), f"most_sure.{name}")
    graph.add("Add", (f"most_sure.{name}", each), f"probabilities.{name}")
    if task == "intent":
        _outside(graph, head)
    else:
        _anger(graph, head)


def _straight(graph: _Graph, head: HeadGraph, straight: Straight, kept: int) -> None:
    """Adds the votes of the n-grams; their table has rows of its own, for the n-grams of the head's text alone."""
    name = head.name
    # Two bytes are enough for most heads, and there is one such map a head.
    rows = np.zeros(kept, np.uint16 if len(straight.columns) < 2**16 else np.int32)
    rows[straight.columns + 1] = np.arange(1, len(straight.columns) + 1)
    missing = head.linear.bias.shape[0] - head.classes
    votes = np.pad(straight.weights / np.float32(head.temperature), ((1, 0), (0, missing)))
    ints, scales = quantised(votes)
    own = graph.constant(f"own_rows.{name}", rows)
    table = graph.constant(f"votes.{name}", ints)
    steps = graph.constant(f"steps.{name}", scales[:, None])
    bias = graph.constant(f"vote_bias.{name}", np.pad(straight.bias / np.float32(head.temperature), (0, missing)))
    graph.add("Gather", (own, "kept"), f"own_short.{name}")
    graph.add("Cast", (f"own_short.{name}",), f"own.{name}", {"to": 6})
    graph.add("Gather", (table, f"own.{name}"), f"vote_ints.{name}")
    graph.add("Cast", (f"vote_ints.{name}",), f"vote.{name}", {"to": 1})
    graph.add("Gather", (steps, f"own.{name}"), f"step.{name}")
    graph.add("Mul", (f"step.{name}", "rarity3"), f"vote_weight3.{name}")
    graph.add("Transpose", (f"vote_weight3.{name}",), f"vote_weight.{name}", {"perm": [0, 2, 1]})
    graph.add("MatMul", (f"vote_weight.{name}", f"vote.{name}"), f"vote_sum3.{name}")
    graph.add("Squeeze", (f"vote_sum3.{name}", "axis1"), f"vote_sum.{name}")
    graph.add("Div", (f"vote_sum.{name}", "length"), f"vote_mean.{name}")
    graph.add("Add", (f"vote_mean.{name}", bias), f"votes_all.{name}")
    graph.add("Add", (f"bagged.{name}", f"votes_all.{name}"), f"all.{name}")


def _outside(graph: _Graph, head: HeadGraph) -> None:
    """How far the best class leads the last column; without one, the logarithm of its probability."""
    name = head.name
    if head.second:
        graph.add("ReduceMax", (f"logits.{name}",), f"best.{name}", {"axes": [1], "keepdims": 1})
        graph.add("Sub", (f"best.{name}", f"last.{name}"), f"lead.{name}")
    else:
        graph.add("ReduceMax", (f"sure.{name}",), f"best.{name}", {"axes": [1], "keepdims": 1})
        graph.add("Log", (f"best.{name}",), f"lead.{name}")
    threshold = graph.constant(f"threshold.{name}", np.array([head.threshold], np.float32))
    steepness = graph.constant(f"steepness.{name}", np.array([head.steepness], np.float32))
    graph.add("Sub", (threshold, f"lead.{name}"), f"below.{name}")
    graph.add("Mul", (f"below.{name}", steepness), f"steep.{name}")
    graph.add("Sigmoid", (f"steep.{name}",), f"outside2.{name}")
    graph.add("Squeeze", (f"outside2.{name}", "axis1"), f"outside.{name}")


def _anger(graph: _Graph, head: HeadGraph) -> None:
    """The last column as a probability (its own temperature is in its weights); 0 where nothing taught it."""
    name = head.name
    if head.second:
        undo = graph.constant(f"undo.{name}", np.array([head.temperature], np.float32))
        graph.add("Mul", (f"last.{name}", undo), f"hot.{name}")
        graph.add("Sigmoid", (f"hot.{name}",), f"anger2.{name}")
    else:
        none = graph.constant(f"none.{name}", np.zeros(1, np.float32))
        graph.add("Slice", (f"probabilities.{name}", "zero", "axis1", "axis1"), f"first.{name}")
        graph.add("Mul", (f"first.{name}", none), f"anger2.{name}")
    graph.add("Squeeze", (f"anger2.{name}", "axis1"), f"anger.{name}")
