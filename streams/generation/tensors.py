"""Models of plain tensors on a Triton server, asked without waiting for one another: classifiers, embedders.

A request is a batch of rows; the server joins requests that wait at the same time to larger batches, where the model's
configuration lets it (`streams/models/triton_repository.py` writes that). So a worker asks for each piece of work when
it comes, and need not gather them itself. For batches that a stage has anyway there is `streams.models.triton`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import grpc
import numpy as np
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from streams.generation.contract import fault_of
from streams.generation.ports import Fault, Readiness
from streams.generation.served import FAULTS, Served, code_and_detail, served_of
from streams.models.runner import Array, CannotRun

GRACE: Final = 1.0
"""Seconds after the timeout at which the server drops the request, should this process not be there to do it."""
DESCRIBING: Final = 5.0
"""Seconds for asking what the server serves."""


class Unanswered(CannotRun):
    """A request that brought nothing. `fault`: `total` where the time ran out; else as of generations."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class Answered(NamedTuple):
    """`arrays`: in the order asked for. `fingerprint`: model@version#hash, of what made them. `seconds`: it took."""

    arrays: tuple[Array, ...]
    fingerprint: str
    seconds: float


class TritonTensors:
    """One model, for all of a worker's requests, any number at once. `TritonConnection.tensors` makes it."""

    def __init__(self, client: Any, url: str, name: str) -> None:
        self.name = name
        self._client, self._url = client, url
        self._served: Served | None = None
        self._types: Mapping[str, str] = {}

    @property
    def fingerprint(self) -> str:
        """Of what was served last, as far as is known; empty before the server was ever reached."""
        return self._served.fingerprint if self._served is not None else ""

    async def ready(self, timeout: float) -> Readiness:
        """Asks the server about the model, for at most `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                self._served = await self._describe()
        except Unanswered as why:
            return Readiness(False, "", str(why))
        except TimeoutError:
            return Readiness(False, "", f"Triton at {self._url} did not answer within {timeout:g} s")
        return Readiness(True, self._served.fingerprint, "")

    async def run(self, inputs: Mapping[str, Array], outputs: Sequence[str], timeout: float) -> Answered:
        """The outputs of one batch; the first dimension of every array is its rows.

        Cancelling it, or the end of `timeout` seconds, tells the server. Raises Unanswered, with what went wrong.
        """
        began = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                served = self._served or await self._describe()
                self._served = served
                given = [self._tensor(name, array) for name, array in inputs.items()]
                result = await self._client.infer(
                    self.name,
                    given,
                    outputs=[InferRequestedOutput(name) for name in outputs],
                    client_timeout=timeout + GRACE,
                )
        except TimeoutError:
            raise Unanswered("total", f"Triton's model {self.name} did not answer within {timeout:g} s") from None
        except (grpc.aio.AioRpcError, InferenceServerException) as error:
            raise self._failed(error) from error
        except grpc.aio.UsageError:
            raise Unanswered("away", f"the connection to Triton at {self._url} was closed") from None
        version = result.get_response().model_version
        if version not in ("", served.version):
            served = self._served = served.of(version)
        rows = {array.shape[0] for array in inputs.values()}
        arrays = tuple(self._output(result, name, rows) for name in outputs)
        return Answered(arrays, served.fingerprint, time.monotonic() - began)

    def _tensor(self, name: str, array: Array) -> Any:
        """As the model wants it. Raises Unanswered (`refused`) for an input that it has not, or of another type."""
        wanted = self._types.get(name)
        given = np_to_triton_dtype(array.dtype)
        if wanted is None or given != wanted:
            offered = ", ".join(f"{n} {t}" for n, t in self._types.items())
            raise Unanswered("refused", f"Triton's model {self.name} takes {offered}, not {name} {given}")
        tensor = InferInput(name, list(array.shape), wanted)
        tensor.set_data_from_numpy(np.ascontiguousarray(array))
        return tensor

    def _output(self, result: Any, name: str, rows: set[int]) -> Array:
        array: Array | None = result.as_numpy(name)
        if array is None or not array.shape or {array.shape[0]} != rows:
            shape = "nothing" if array is None else f"the shape {list(array.shape)}"
            detail = f"Triton's model {self.name} gives {shape} as {name}, for {sorted(rows)} rows"
            raise Unanswered("malformed", detail)
        return array

    async def _describe(self) -> Served:
        try:
            if not await self._client.is_model_ready(self.name, client_timeout=DESCRIBING):
                detail = f"Triton at {self._url} does not serve the model {self.name}; load it there"
                raise Unanswered("unready", detail)
            metadata = await self._client.get_model_metadata(self.name, client_timeout=DESCRIBING)
            answer = await self._client.get_model_config(self.name, client_timeout=DESCRIBING)
        except (grpc.aio.AioRpcError, InferenceServerException) as error:
            raise self._failed(error) from error
        except grpc.aio.UsageError:
            raise Unanswered("away", f"the connection to Triton at {self._url} was closed") from None
        self._types = {tensor.name: tensor.datatype for tensor in metadata.inputs}
        return served_of(self.name, metadata, answer.config, {})

    def _failed(self, error: grpc.aio.AioRpcError | InferenceServerException) -> Unanswered:
        code, detail = code_and_detail(error)
        fault = fault_of(detail)
        if fault == "failed":
            fault = FAULTS.get(code, "failed")
        if fault not in ("refused", "failed"):
            self._served = None  # another server, or another model, may be there: it is asked again
        what = f"Triton at {self._url} does not answer" if fault == "away" else f"Triton's model {self.name}"
        return Unanswered(fault, f"{what}: {code} {detail}".rstrip())
