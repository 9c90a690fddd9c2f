"""A Triton server for tests: the real protocol (KServe v2 over gRPC) on a real port, onnxruntime behind it.

    write_repository(bundle_folder, repository)
    with FakeTriton(repository) as server, Triton(server.url) as triton:
        bundle = load_bundle(bundle_folder, runners=triton)

Models of texts are functions, such as {"echo": TextModel(("said",), "answer", lambda given: given["said"])}.

What it cannot do: batching on the server, model versions other than 1, anything but gRPC inference with raw contents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, Self

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import (
    deserialize_bytes_tensor,
    np_to_triton_dtype,
    serialize_byte_tensor,
    triton_to_np_dtype,
)

from streams.models.runner import Array, OnnxRuntime, Runner, Tensor


class TextModel(NamedTuple):
    """A model of texts. `answer`: of the inputs by name, a text for each row. `columns`: whether shapes are [n, 1], as
    where the server makes batches, or [n]."""

    inputs: tuple[str, ...]
    output: str
    answer: Callable[[Mapping[str, Sequence[str]]], Sequence[str]]
    columns: bool = True


class FakeTriton:
    """Serves the models of a repository, and models of texts by name, until it is closed.

    Faults: `withdraw` a model, `hang`, `resume`.
    """

    def __init__(self, repository: Path | None = None, texts: Mapping[str, TextModel] | None = None) -> None:
        self._service = _Service(repository, texts or {})
        self._server: Any = grpc.server(ThreadPoolExecutor(max_workers=4))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self._service, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.url = f"127.0.0.1:{port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server; requests under way fail."""
        self.resume()
        self._server.stop(None).wait()

    def withdraw(self, name: str) -> None:
        """The model is unloaded: no longer ready, and no longer known to requests."""
        del self._service.models[name]

    def hang(self) -> None:
        """Inference requests wait until `resume`."""
        self._service.going.clear()

    def resume(self) -> None:
        """Ends `hang`."""
        self._service.going.set()


class _Service(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """The calls that the client makes; their names are the protocol's."""

    def __init__(self, repository: Path | None, texts: Mapping[str, TextModel]) -> None:
        self.going = Event()
        self.going.set()
        self.models: dict[str, Runner] = {name: _Texts(model) for name, model in texts.items()}
        self._parameters: dict[str, dict[str, str]] = {name: {} for name in texts}
        runtime = OnnxRuntime()
        for config in sorted(repository.glob("*/config.pbtxt")) if repository is not None else ():
            path = config.parent / "1" / "model.onnx"
            name = config.parent.name
            self.models[name] = runtime.runner(path, path.read_bytes(), name)
            self._parameters[name] = dict(_PARAMETER.findall(config.read_text(encoding="utf-8")))

    def ModelReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelReadyResponse(ready=request.name in self.models)

    def ModelMetadata(self, request: Any, context: Any) -> Any:
        model = self._model(request.name, context)
        answer = service_pb2.ModelMetadataResponse(name=request.name, versions=["1"], platform="onnxruntime_onnx")
        for described, tensors in ((answer.inputs, model.inputs), (answer.outputs, model.outputs)):
            for name, tensor in tensors.items():
                described.add(name=name, datatype=_type(tensor), shape=[-1 if s is None else s for s in tensor.shape])
        return answer

    def ModelConfig(self, request: Any, context: Any) -> Any:
        self._model(request.name, context)
        answer = service_pb2.ModelConfigResponse()
        answer.config.name = request.name
        for key, value in self._parameters[request.name].items():
            answer.config.parameters[key].string_value = value
        return answer

    def ModelInfer(self, request: Any, context: Any) -> Any:
        self.going.wait()
        model = self._model(request.model_name, context)
        given = {}
        for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True):
            kind = np.dtype(triton_to_np_dtype(tensor.datatype))
            array = deserialize_bytes_tensor(raw) if kind == np.object_ else np.frombuffer(raw, kind)
            given[tensor.name] = array.reshape(tuple(tensor.shape))
        names = [wanted.name for wanted in request.outputs]
        answer = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="1")
        for name, array in zip(names, model.run(given, names), strict=True):
            answer.outputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
            raw = serialize_byte_tensor(array).item() if array.dtype == np.object_ else array.tobytes()
            answer.raw_output_contents.append(raw)
        return answer

    def _model(self, name: str, context: Any) -> Runner:
        if name not in self.models:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{name}' is not found")
        return self.models[name]


class _Texts:
    """The port Runner, of a model of texts."""

    def __init__(self, model: TextModel) -> None:
        self._model = model
        text = Tensor("object", (None, 1) if model.columns else (None,))
        self.inputs: Mapping[str, Tensor] = dict.fromkeys(model.inputs, text)
        self.outputs: Mapping[str, Tensor] = {model.output: text}

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        given = {name: [text.decode() for text in array.reshape(-1)] for name, array in inputs.items()}
        said = np.array([text.encode() for text in self._model.answer(given)], dtype=object)
        return [said.reshape(-1, 1) if self._model.columns else said]


def _type(tensor: Tensor) -> str:
    kind: str = np_to_triton_dtype(np.dtype(tensor.type))
    return kind


_PARAMETER = re.compile(r'parameters \{ key: "(\w+)" value \{ string_value: "(\w+)" \} \}')
