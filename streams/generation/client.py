"""Generating models on a Triton server, over one shared connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, Self

import grpc
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from processors.prompting.types import Prompt
from streams.generation.contract import RETURN_REASON, Sampling, fault_of, piece_of, request_inputs
from streams.generation.ports import Budget, Readiness, Stream
from streams.generation.running import Failed, Maker, Piece, Running
from streams.generation.served import FAULTS, Served, code_and_detail, served_of
from streams.generation.tensors import TritonTensors

DESCRIBING: Final = 5.0
"""Seconds for asking what the server serves."""
GRACE: Final = 1.0
"""Seconds after the total at which the server ends the call by itself, should this process not be there to do it."""
_CHANNEL: Final = (
    ("grpc.max_send_message_length", 2**31 - 1),
    ("grpc.max_receive_message_length", 2**31 - 1),
    # A server that is stopped still acknowledges TCP; only a ping finds it. Two pings without data at most, and none
    # without a call: servers close the connection of whoever pings more.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 2),
    # By default the pause between attempts to connect grows to two minutes; a server that is back is asked at once.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
)


class TritonConnection:
    """A connection to a server: one for all models and turns of a worker, since clients leak. Needs a running loop.

    `url`: host:port of its gRPC service. Nothing is asked yet, so the server need not be there.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client: Any = InferenceServerClient(url, channel_args=list(_CHANNEL))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection. Generations under way end as `away`."""
        await self._client.close()

    def generator(self, name: str, sampling: Sampling | None = None) -> TritonGenerator:
        """The model `name`, of the vLLM contract. `sampling`: what is not the prompt's, such as temperature."""
        return TritonGenerator(self._client, self.url, name, sampling or {})

    def tensors(self, name: str) -> TritonTensors:
        """The model `name`, of plain tensors: a classifier or an embedder."""
        return TritonTensors(self._client, self.url, name)


class TritonGenerator:
    """A generating model on a server. The port Generator."""

    def __init__(self, client: Any, url: str, name: str, sampling: Sampling) -> None:
        self.name = name
        self._client = client
        self._url = url
        self._sampling = sampling
        self._served: Served | None = None
        self._sure = False
        """Whether that is what is served now, as far as we know."""
        self._asking: asyncio.Task[Served] | None = None

    @property
    def fingerprint(self) -> str:
        return self._served.fingerprint if self._served is not None else ""

    def generate(self, prompt: Prompt, budget: Budget) -> Stream:
        return Running(lambda made: self._pieces(prompt, budget, made), budget, prompt.max_tokens)

    async def ready(self, timeout: float) -> Readiness:
        try:
            async with asyncio.timeout(timeout):
                served = await self._describe()
        except Failed as failed:
            return Readiness(False, "", failed.detail, failed.fault)
        except TimeoutError:
            return Readiness(False, "", f"Triton at {self._url} did not answer within {timeout:g} s", "away")
        self._served, self._sure = served, True
        return Readiness(True, served.fingerprint, "")

    async def load(self, timeout: float) -> Readiness:
        try:
            await self._client.load_model(self.name, client_timeout=timeout)
        except (grpc.aio.AioRpcError, InferenceServerException) as error:
            failed = self._failed(error)
            return Readiness(False, "", failed.detail, failed.fault)
        except grpc.aio.UsageError:
            return Readiness(False, "", self._closed().detail, "away")
        return await self.ready(DESCRIBING)

    async def _pieces(self, prompt: Prompt, budget: Budget, made: Maker) -> AsyncGenerator[Piece, None]:
        try:
            served = self._served if self._served is not None and self._sure else await self._ask()
            made.fingerprint = served.fingerprint
            inputs = request_inputs(prompt, self._sampling, served.inputs)
            request = _once({"model_name": self.name, "inputs": inputs})
            reason = ""
            call = self._client.stream_infer(request, stream_timeout=budget.total + GRACE)
            try:
                async for result, error in call:
                    # A failed generation comes with an error and the text "N/A": the error goes first.
                    if error is not None:
                        raise Failed(fault_of(error.message()), f"Triton's model {self.name}: {error.message()}")
                    response = result.get_response()
                    if response.model_version not in ("", served.version):
                        served = await self._changed(response.model_version)
                        made.fingerprint = served.fingerprint
                    piece = piece_of(response)
                    reason = piece.reason
                    yield piece
            finally:
                call.cancel()
            if RETURN_REASON in served.inputs and not reason:
                raise Failed("failed", f"Triton's model {self.name}: the stream ended before the reply did")
        except (grpc.aio.AioRpcError, InferenceServerException) as error:
            raise self._failed(error) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Not we were cancelled but the call, as when the connection is closed under it.
            raise self._closed() from None
        except grpc.aio.UsageError:
            raise self._closed() from None
        except Failed as failed:
            self._doubt(failed)
            raise

    async def _ask(self) -> Served:
        """What is served, asked once for all that wait for it."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._describe(), name=f"describe {self.name}")
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def _asked(self, task: asyncio.Task[Served]) -> None:
        self._asking = None
        if not task.cancelled() and task.exception() is None:
            self._served, self._sure = task.result(), True

    async def _changed(self, version: str) -> Served:
        """What is served, after a response of another version than we knew."""
        served = await self._ask()
        # Several versions may be served at once, of one configuration; the response says which one it was.
        return served if served.version == version else served.of(version)

    async def _describe(self) -> Served:
        """Raises Failed."""
        try:
            if not await self._client.is_model_ready(self.name, client_timeout=DESCRIBING):
                raise Failed("unready", f"Triton at {self._url} does not serve the model {self.name}; load it there")
            metadata = await self._client.get_model_metadata(self.name, client_timeout=DESCRIBING)
            answer = await self._client.get_model_config(self.name, client_timeout=DESCRIBING)
        except (grpc.aio.AioRpcError, InferenceServerException) as error:
            raise self._failed(error) from error
        except grpc.aio.UsageError:
            raise self._closed() from None
        return served_of(self.name, metadata, answer.config, self._sampling)

    def _failed(self, error: grpc.aio.AioRpcError | InferenceServerException) -> Failed:
        code, detail = code_and_detail(error)
        fault = fault_of(detail)
        if fault == "failed":
            fault = FAULTS.get(code, "failed")
        what = f"Triton at {self._url} does not answer" if fault == "away" else f"Triton's model {self.name}"
        failed = Failed(fault, f"{what}: {code} {detail}".rstrip())
        self._doubt(failed)
        return failed

    def _closed(self) -> Failed:
        return Failed("away", f"the connection to Triton at {self._url} was closed")

    def _doubt(self, failed: Failed) -> None:
        """After such a fault another server, or another model, may be there: what is served is asked again."""
        if failed.fault not in ("refused", "failed"):
            self._sure = False


async def _once(request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """A stream of one request: its end is then the end of the reply."""
    yield request
