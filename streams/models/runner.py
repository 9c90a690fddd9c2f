"""What computes: a file in ONNX, run by onnxruntime in this process or by a server that answers the same way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, NamedTuple, Protocol
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from streams.models.fields import BundleRefused

Array = NDArray[Any]
Device = Literal["cpu", "cuda"]


class CannotRun(Exception):
    """What computes is away or fails. Once a bundle serves, nothing is wrong with it or with the text: trying again
    later may help."""


class Tensor(NamedTuple):
    """An input or output. `type`: as numpy names it. `shape`: None where it varies."""

    type: str
    shape: tuple[int | None, ...]


class Runner(Protocol):
    """One graph. `run` may be called by several threads at once, and blocks until done or its timeout is over."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """The named outputs, in order. Raises CannotRun."""
        ...


class Runners(Protocol):
    """Where graphs are run."""

    def runner(self, path: Path, content: bytes, name: str) -> Runner:
        """What runs the graph in `content`, which was read from `path`; `name`: how a server calls it.

        Raises BundleRefused, naming `path`.
        """
        ...


class OnnxRuntime:
    """onnxruntime in this process. Equal files share one session, whoever loads them, as long as one of them lives.

    `threads`: of one run. One is the default, since the stages run side by side and the sum's order stays the same.
    """

    def __init__(self, device: Device = "cpu", threads: int = 1) -> None:
        self._device: Device = device
        self._threads = threads

    def runner(self, path: Path, content: bytes, name: str) -> Runner:
        """Raises BundleRefused if onnxruntime, the device, or the graph is not as it should be."""
        key = (hashlib.sha256(content).hexdigest(), self._device, self._threads)
        with _LOCK:
            session = _SESSIONS.get(key)
            if session is None:
                session = _Session(path, content, self._device, self._threads)
                _SESSIONS[key] = session
            return session


class _Session:
    def __init__(self, path: Path, content: bytes, device: Device, threads: int) -> None:
        try:
            import onnxruntime  # only where graphs are run here: a worker that asks a server goes without
        except ModuleNotFoundError as error:
            remedy = f"install spillway with the extra {'gpu' if device == 'cuda' else 'cpu'}"
            raise BundleRefused(path, "onnxruntime is not installed", remedy) from error
        provider = _PROVIDERS[device]
        if provider not in onnxruntime.get_available_providers():
            remedy = "install spillway with the extra gpu in place of cpu, or use the device cpu"
            raise BundleRefused(path, "this onnxruntime has no CUDA", remedy)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3
        options.use_deterministic_compute = True
        # Waiting threads of a worker must not eat the cores of the others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._failures = _failures(onnxruntime)
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=[provider])
        except self._failures as error:
            wrong = f"onnxruntime cannot load it: {' '.join(str(error).split())[:300]}"
            raise BundleRefused(path, wrong, "train or copy the bundle again") from error
        if provider not in self._session.get_providers():
            remedy = "check the driver and the CUDA libraries, or use the device cpu"
            raise BundleRefused(path, "CUDA did not start", remedy)
        self.inputs: Mapping[str, Tensor] = {i.name: _tensor(i) for i in self._session.get_inputs()}
        self.outputs: Mapping[str, Tensor] = {o.name: _tensor(o) for o in self._session.get_outputs()}

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        try:
            results: list[Array] = self._session.run(list(outputs), dict(inputs))
        except self._failures as error:
            raise CannotRun(f"onnxruntime: {' '.join(str(error).split())[:300]}") from error
        return results


def _failures(onnxruntime: Any) -> tuple[type[Exception], ...]:
    """Everything onnxruntime raises for a graph that it does not take or cannot finish."""
    state = onnxruntime.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")
    return (*(getattr(state, name) for name in names if hasattr(state, name)), RuntimeError, ValueError)


def _tensor(argument: Any) -> Tensor:
    kind = argument.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in argument.shape)
    return Tensor(_TYPES.get(kind, kind), shape)


def as_type(array: Array, kind: str) -> Array:
    """`array` as the tensor type an input asks for."""
    return array.astype(np.dtype(kind), copy=False)


_PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_TYPES: Final = {"float": "float32", "double": "float64"}
_LOCK: Final = Lock()
_SESSIONS: Final[WeakValueDictionary[tuple[str, Device, int], _Session]] = WeakValueDictionary()
