"""The heads over an encoder's embeddings: fitted, calibrated and written as a graph of their own.

A head is one linear map. Its columns are its classes and, for a sentiment whose text says so, last the writer's anger.

How surely a text belongs to any class of an intent is told by the sum of all their scores (its logarithm, known as the
free energy), not by the best one's probability: text between two classes is in scope, text far from all is not. Text
that is known to be outside teaches the encoder; as a column of its own it told less than this sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.training.calibration import Floats, Ints

OPSET: Final = 17
IR_VERSION: Final = 8
STEEPNESS: Final = 2.0
"""How quickly the out-of-scope score goes from 0 to 1 around the threshold."""
_STEPS: Final = 200
"""Of the fitting at most; it is over sooner where it stands still."""


class Linear(NamedTuple):
    """Logits are `embeddings @ weights + bias`; `weights` [H, columns]."""

    weights: Floats
    bias: Floats

    def logits(self, embeddings: Floats) -> Floats:
        """[n, columns]."""
        found: Floats = embeddings @ self.weights + self.bias
        return found

    def beside(self, other: Linear) -> Linear:
        """One map with the columns of both."""
        return Linear(np.hstack((self.weights, other.weights)), np.concatenate((self.bias, other.bias)))


class Head(NamedTuple):
    """A head as it ships. `anger`: whether its last column is anger. `threshold`: the `scope` that 95 % of in-scope
    text reaches."""

    name: str
    linear: Linear
    classes: int
    temperature: float
    threshold: float = 0.0
    anger: bool = False


def fitted(embeddings: Floats, targets: Ints, columns: int, strength: float, shares: Floats | None = None) -> Linear:
    """Multinomial logistic regression by L-BFGS. `strength`: the more, the less the weights are held back (the inverse
    of the penalty, as a multiple of the rows). `shares` [n] weigh the rows; all alike, if none."""
    from scipy.optimize import minimize

    width = embeddings.shape[1]
    shares = np.ones(len(targets), np.float32) if shares is None else shares
    shares = np.asarray(shares, np.float32) / np.float32(np.sum(shares))
    penalty = 1.0 / (strength * len(targets))
    rows = np.arange(len(targets))

    def surprise(flat: Floats) -> tuple[float, Floats]:
        weights = flat.astype(np.float32).reshape(width + 1, columns)
        logits = embeddings @ weights[:-1] + weights[-1]
        logits -= logits.max(axis=1, keepdims=True)
        raised = np.exp(logits)
        sums = raised.sum(axis=1)
        loss = float((shares * (np.log(sums) - logits[rows, targets])).sum())
        slope = raised / sums[:, None]
        slope[rows, targets] -= 1
        slope *= shares[:, None]
        down = np.vstack((embeddings.T @ slope + penalty * weights[:-1], slope.sum(axis=0)))
        loss += penalty / 2 * float((weights[:-1] ** 2).sum())
        return loss, down.astype(np.float64).ravel()

    start = np.zeros((width + 1) * columns)
    found = minimize(surprise, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS, "maxcor": 20})
    weights = found.x.astype(np.float32).reshape(width + 1, columns)
    return Linear(weights[:-1], weights[-1])


def fitted_yes(embeddings: Floats, chances: Floats, strength: float) -> Linear:
    """One column whose sigmoid is how likely yes is, from `chances` 0..1 a row."""
    twice = np.concatenate((embeddings, embeddings))
    targets = np.repeat(np.array([0, 1]), len(embeddings))
    both = fitted(twice, targets, 2, strength, np.concatenate((1 - chances, chances)))
    return Linear(both.weights[:, 1:] - both.weights[:, :1], both.bias[1:] - both.bias[:1])


def scope(logits: Floats, temperature: float) -> Floats:
    """[n]: how surely a text belongs to one of the classes, of their logits [n, classes]; the graph compares the same
    number with the threshold."""
    cooled = np.asarray(logits, np.float64) / temperature
    best = cooled.max(axis=1, initial=-1e30)
    return np.asarray(best + np.log(np.exp(cooled - best[:, None]).sum(axis=1)))


def heads_model(task: str, width: int, heads: Sequence[Head]) -> bytes:
    """The graph: `embedding` [B, H] → `probabilities.<head>` [B, n] and `outside.<head>` or `anger.<head>` [B]."""
    from onnx import TensorProto, checker, helper, numpy_helper

    figure = "outside" if task == "intent" else "anger"
    graph = _Nodes()
    outputs = []
    for head in heads:
        graph.head(head, figure)
        both: dict[str, list[str | int]] = {"probabilities": ["batch", head.classes], figure: ["batch"]}
        for kind, size in both.items():
            outputs.append(helper.make_tensor_value_info(f"{kind}.{head.name}", TensorProto.FLOAT, size))
    given = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", width])
    constants = [numpy_helper.from_array(value, name) for name, value in graph.constants.items()]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "heads", [given], outputs, constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="spillway",
    )
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class _Nodes:
    """Nodes and constants; every tensor's name ends with its head's."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {"axis1": np.array([1]), "zero": np.array([0])}

    def head(self, head: Head, figure: str) -> None:
        name = head.name
        cool = np.float32(head.temperature)
        weights = self._constant(f"weights.{name}", head.linear.weights / cool)
        bias = self._constant(f"bias.{name}", head.linear.bias / cool)
        product = self._add("MatMul", ["embedding", weights], f"product.{name}")
        every = self._add("Add", [product, bias], f"all.{name}")
        logits, last = every, ""
        if head.anger:
            ends = self._constant(f"ends.{name}", np.array([head.classes]))
            after = self._constant(f"after.{name}", np.array([head.classes + 1]))
            logits = self._add("Slice", [every, "zero", ends, "axis1"], f"logits.{name}")
            last = self._add("Slice", [every, ends, after, "axis1"], f"last.{name}")
        probabilities = self._add("Softmax", [logits], f"probabilities.{name}", axis=1)
        score = self._outside(head, logits) if figure == "outside" else self._anger(head, probabilities, last)
        self._add("Squeeze", [score, "axis1"], f"{figure}.{name}")

    def _outside(self, head: Head, logits: str) -> str:
        name = head.name
        together = self._add("ReduceLogSumExp", [logits], f"together.{name}", axes=[1], keepdims=1)
        threshold = self._constant(f"threshold.{name}", np.array([head.threshold], np.float32))
        below = self._add("Sub", [threshold, together], f"below.{name}")
        steepness = self._constant(f"steepness.{name}", np.array([STEEPNESS], np.float32))
        return self._add("Sigmoid", [self._add("Mul", [below, steepness], f"steep.{name}")], f"outside2.{name}")

    def _anger(self, head: Head, probabilities: str, last: str) -> str:
        """The last column has its own temperature in its weights; without it, anger is unknown: 0."""
        name = head.name
        if last:
            undo = self._constant(f"undo.{name}", np.array([head.temperature], np.float32))
            return self._add("Sigmoid", [self._add("Mul", [last, undo], f"hot.{name}")], f"anger2.{name}")
        none = self._constant(f"none.{name}", np.zeros(1, np.float32))
        first = self._add("Slice", [probabilities, "zero", "axis1", "axis1"], f"first.{name}")
        return self._add("Mul", [first, none], f"anger2.{name}")

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def _add(self, operator: str, inputs: list[str], output: str, **settings: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"{operator}.{output}", **settings))
        return output
