"""A Triton server for tests that streams: decoupled models of the vLLM contract, scripted, over real gRPC.

    async with StreamingTriton({"llm": script}) as server, TritonConnection(server.url) as triton:
        stream = triton.generator("llm").generate(prompt, budget)

It runs in the test's event loop, so that gates are asyncio events. Models that are no decoupled ones: triton.py.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self

import grpc
import numpy as np
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import serialize_byte_tensor

from streams.generation import contract
from streams.testing.generation import (
    Cut,
    Die,
    Fail,
    Misshape,
    Pause,
    Say,
    Script,
    Seen,
    Silence,
    Step,
    Wait,
    complete,
    data_of,
)

TEXTS: Final = (contract.TEXT_INPUT, contract.SAMPLING)
FLAGS: Final = (contract.STREAM, contract.EXCLUDE)
EXTRA_FLAGS: Final = (contract.RETURN_REASON, contract.RETURN_TOKENS)


class StreamingTriton:
    """Serves scripted models by name. `extras`: whether they offer the reason to end and the tokens made.

    Faults, besides those of scripts: `withdraw` a model, `serve` it again or another version of it, `kill`. What was
    withdrawn is still in the server's repository, so that a client can have it loaded, unless `refuses` says why not.
    """

    def __init__(self, models: Mapping[str, Script], extras: bool = True) -> None:
        self.seen = Seen()
        self.sampling: list[dict[str, Any]] = []
        """The sampling parameters of each request."""
        self.parameters: dict[str, str] = {}
        """Those of each model's configuration, such as the checksum of its weights."""
        self.refuses = ""
        self.loads: list[str] = []
        """The models that it was asked to load."""
        self._service = _Service(self, extras)
        for name, script in models.items():
            self.serve(name, script)
        self._server: Any = None
        self.url = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        """Listens; after `kill`, on the same port again."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self._service, self._server)
        port = self._server.add_insecure_port(self.url or "127.0.0.1:0")
        self.url = f"127.0.0.1:{port}"
        await self._server.start()

    async def kill(self) -> None:
        """Ends at once, with every connection."""
        await self._server.stop(None)

    def serve(self, name: str, script: Script, version: str = "1") -> None:
        """The model is loaded, from now on in this version."""
        self._service.models[name] = self._service.repository[name] = (version, script)

    def withdraw(self, name: str) -> None:
        """The model is unloaded."""
        del self._service.models[name]


class _Service(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """The calls that the client makes; their names are the protocol's."""

    def __init__(self, owner: StreamingTriton, extras: bool) -> None:
        self.models: dict[str, tuple[str, Script]] = {}
        self.repository: dict[str, tuple[str, Script]] = {}
        self._owner = owner
        self._extras = EXTRA_FLAGS if extras else ()

    async def ModelReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelReadyResponse(ready=request.name in self.models)

    async def RepositoryModelLoad(self, request: Any, context: Any) -> Any:
        self._owner.loads.append(request.model_name)
        why_not = self._owner.refuses
        if why_not or request.model_name not in self.repository:
            unknown = f"failed to load '{request.model_name}', failed to poll from model repository"
            await context.abort(grpc.StatusCode.INTERNAL, why_not or unknown)
        self.models[request.model_name] = self.repository[request.model_name]
        return service_pb2.RepositoryModelLoadResponse()

    async def ModelMetadata(self, request: Any, context: Any) -> Any:
        version, _ = await self._model(request.name, context)
        answer = service_pb2.ModelMetadataResponse(name=request.name, versions=[version], platform="python")
        for name in TEXTS:
            answer.inputs.add(name=name, datatype="BYTES", shape=[1])
        for name in (*FLAGS, *self._extras):
            answer.inputs.add(name=name, datatype="BOOL", shape=[1])
        answer.outputs.add(name=contract.TEXT_OUTPUT, datatype="BYTES", shape=[-1])
        return answer

    async def ModelConfig(self, request: Any, context: Any) -> Any:
        await self._model(request.name, context)
        answer = service_pb2.ModelConfigResponse()
        answer.config.name = request.name
        answer.config.backend = "python"
        for key, value in self._owner.parameters.items():
            answer.config.parameters[key].string_value = value
        answer.config.model_transaction_policy.decoupled = True
        return answer

    async def ModelInfer(self, request: Any, context: Any) -> Any:
        await context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "ModelInfer RPC doesn't support models with decoupled transaction policy",
        )

    async def ModelStreamInfer(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            if request.model_name not in self.models:
                unknown = f"Request for unknown model: '{request.model_name}' is not found"
                yield service_pb2.ModelStreamInferResponse(error_message=unknown)
                return
            wrong = self._wrong(request)
            if wrong:
                yield service_pb2.ModelStreamInferResponse(error_message=wrong)
                return
            async for answer in self._generate(request, context):
                yield answer

    async def _generate(self, request: Any, context: Any) -> AsyncIterator[Any]:
        version, script = self.models[request.model_name]
        given = _texts(request)
        text = given[contract.TEXT_INPUT]
        self._owner.sampling.append(json.loads(given[contract.SAMPLING]))
        wanted = frozenset(tensor.name for tensor in request.inputs)
        await self._owner.seen.begin(text)
        whole = False
        try:
            for step in complete(script(text)):
                if isinstance(step, Wait):
                    await step.gate.wait()
                elif isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, Silence):
                    await asyncio.Event().wait()
                elif isinstance(step, Die):
                    whole = True
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
                elif isinstance(step, Cut):
                    break
                else:
                    yield _response(request.model_name, version, step, wanted)
            whole = True
        finally:
            # Shielded: a cancelled call is cancelled again while this waits.
            await asyncio.shield(self._owner.seen.end(text, cancelled=not whole))

    async def _model(self, name: str, context: Any) -> tuple[str, Script]:
        if name not in self.models:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"Request for unknown model: '{name}' is not found")
        return self.models[name]

    def _wrong(self, request: Any) -> str:
        """What the backend would say of a request that is not of the contract."""
        names = {tensor.name for tensor in request.inputs}
        unknown = names - {*TEXTS, *FLAGS, *self._extras}
        if unknown:
            return f"unexpected inference input '{unknown.pop()}' for model '{request.model_name}'"
        if any(list(tensor.shape) != [1] for tensor in request.inputs):
            return "unexpected shape for input, expecting [1]"
        flags = {t.name: raw for t, raw in zip(request.inputs, request.raw_input_contents, strict=True)}
        if flags.get(contract.STREAM) != b"\x01" or flags.get(contract.EXCLUDE) != b"\x01":
            return "When streaming, `exclude_input_in_output` = False is not allowed."
        return ""


def _texts(request: Any) -> dict[str, str]:
    pairs = zip(request.inputs, request.raw_input_contents, strict=True)
    return {tensor.name: raw[4:].decode("utf-8") for tensor, raw in pairs if tensor.datatype == "BYTES"}


def _response(model: str, version: str, step: Step, wanted: frozenset[str]) -> Any:
    answer = service_pb2.ModelStreamInferResponse()
    inner = answer.infer_response
    inner.model_name, inner.model_version = model, version
    if isinstance(step, Fail):
        # As the backend does it: the text is there, and so is the error.
        answer.error_message = step.message
        _add(inner, contract.TEXT_OUTPUT, "BYTES", [1], _packed(b"N/A"))
    elif isinstance(step, Misshape):
        _add(inner, *_MISSHAPEN[step.kind])
    elif isinstance(step, Say):
        _add(inner, contract.TEXT_OUTPUT, "BYTES", [1], _packed(data_of(step)))
        if contract.RETURN_REASON in wanted:
            _add(inner, contract.REASON, "BYTES", [1], _packed((step.reason or "None").encode()))
        if contract.RETURN_TOKENS in wanted:
            _add(inner, contract.TOKENS, "UINT32", [1], np.uint32(step.tokens).tobytes())
    return answer


def _add(inner: Any, name: str, datatype: str, shape: list[int], raw: bytes) -> None:
    inner.outputs.add(name=name, datatype=datatype, shape=shape)
    inner.raw_output_contents.append(raw)


def _packed(*texts: bytes) -> bytes:
    packed: bytes = serialize_byte_tensor(np.array(texts, dtype=np.object_)).item()
    return packed


_MISSHAPEN: Final[Mapping[str, tuple[str, str, list[int], bytes]]] = {
    "two texts": (contract.TEXT_OUTPUT, "BYTES", [2], _packed(b"one", b"two")),
    "a number": (contract.TEXT_OUTPUT, "FP32", [1], np.float32(1).tobytes()),
    "no text": ("logits", "FP32", [1], np.float32(1).tobytes()),
    "garbage": (contract.TEXT_OUTPUT, "BYTES", [1], b"\xff\xff"),
}


async def _serve_alone() -> None:
    """In a process of its own, for who stops or kills it: prints its address; to the prompt "long" says many words."""
    words = [Say(f"{n} ") for n in range(100_000)]
    async with StreamingTriton({"llm": lambda text: [*words, Silence()] if text == "long" else [Say(text)]}) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve_alone())
