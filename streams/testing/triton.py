"""A Triton server for tests: the real protocol (KServe v2 over gRPC) on a real port, onnxruntime behind it.

    write_repository(bundle_folder, repository)
    with FakeTriton(repository) as server, Triton(server.url) as triton:
        bundle = load_bundle(bundle_folder, runners=triton)

What it cannot do: batching on the server, model versions other than 1, anything but gRPC inference with raw contents.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, Self

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype

from streams.models.runner import OnnxRuntime, Runner, Tensor


class FakeTriton:
    """Serves the models of a repository until it is closed. Faults: `withdraw` a model, `hang`, `resume`."""

    def __init__(self, repository: Path) -> None:
        self._service = _Service(repository)
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

    def __init__(self, repository: Path) -> None:
        self.going = Event()
        self.going.set()
        self.models: dict[str, Runner] = {}
        self._parameters: dict[str, dict[str, str]] = {}
        runtime = OnnxRuntime()
        for config in sorted(repository.glob("*/config.pbtxt")):
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
            given[tensor.name] = np.frombuffer(raw, kind).reshape(tuple(tensor.shape))
        names = [wanted.name for wanted in request.outputs]
        answer = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="1")
        for name, array in zip(names, model.run(given, names), strict=True):
            answer.outputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
            answer.raw_output_contents.append(array.tobytes())
        return answer

    def _model(self, name: str, context: Any) -> Runner:
        if name not in self.models:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{name}' is not found")
        return self.models[name]


def _type(tensor: Tensor) -> str:
    kind: str = np_to_triton_dtype(np.dtype(tensor.type))
    return kind


_PARAMETER = re.compile(r'parameters \{ key: "(\w+)" value \{ string_value: "(\w+)" \} \}')
