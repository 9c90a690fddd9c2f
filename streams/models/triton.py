"""Graphs run by a Triton server (KServe v2 over gRPC) instead of onnxruntime here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from streams.models.fields import BundleRefused
from streams.models.runner import Array, CannotRun, Tensor

SHA256: Final = "sha256"
"""The parameter of a model's configuration that says which file it serves."""
_HASH: Final = 12


class Triton:
    """A server, and what it has of the bundles. Close it when nothing that it gave out is used any more.

    `url`: host:port of its gRPC service. `timeout`: seconds for one request.
    A model is served under its name with the hash of its file (`served_name`), so that the old and the new version of
    a bundle are there together while one follows the other. `triton_repository.py` writes that.
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self._url = url
        self._timeout = timeout
        self._client: Any = InferenceServerClient(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._client.close()

    def named(self, name: str) -> ServedByName:
        """A model of the server's own, which no bundle brings. Raises CannotRun if it is not there."""
        try:
            if not self._client.is_model_ready(name, client_timeout=self._timeout):
                raise CannotRun(f"Triton at {self._url} does not serve the model {name}; load it there")
            metadata = self._client.get_model_metadata(name, client_timeout=self._timeout)
            config = self._client.get_model_config(name, client_timeout=self._timeout).config
        except InferenceServerException as error:
            raise CannotRun(f"Triton at {self._url} does not answer: {_said(error)}") from error
        version = max(metadata.versions, key=lambda v: (len(v), v), default="1")
        content = config.SerializeToString(deterministic=True)
        return ServedByName(Served(self._client, name, self._timeout, metadata), version, content)

    def runner(self, path: Path, content: bytes, name: str) -> Served:
        """The model that serves `content`. Raises BundleRefused if the server is away or has it not, or another."""
        served = served_name(name, content)
        try:
            ready = self._client.is_model_ready(served, client_timeout=self._timeout)
            if not ready:
                wrong = f"is not served by Triton at {self._url}, as the model {served}"
                raise BundleRefused(path, wrong, "write the model repository for this bundle and load the model")
            metadata = self._client.get_model_metadata(served, client_timeout=self._timeout)
            config = self._client.get_model_config(served, client_timeout=self._timeout).config
        except InferenceServerException as error:
            wrong = f"Triton at {self._url} does not answer: {_said(error)}"
            raise BundleRefused(path, wrong, "start it, or run the bundle here (without Triton)") from error
        sha256 = hashlib.sha256(content).hexdigest()
        if SHA256 in config.parameters and config.parameters[SHA256].string_value != sha256:
            wrong = f"is not what Triton at {self._url} serves as {served}: the SHA-256 differs"
            raise BundleRefused(path, wrong, "write the model repository again and load the model")
        return Served(self._client, served, self._timeout, metadata)


class Served:
    """One model on the server. The port Runner."""

    def __init__(self, client: Any, name: str, timeout: float, metadata: Any) -> None:
        self._client = client
        self._name = name
        self._timeout = timeout
        self._types: Mapping[str, str] = {i.name: i.datatype for i in metadata.inputs}
        self.inputs: Mapping[str, Tensor] = {i.name: _tensor(i) for i in metadata.inputs}
        self.outputs: Mapping[str, Tensor] = {o.name: _tensor(o) for o in metadata.outputs}

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Raises CannotRun if the server does not answer within the timeout, or says no."""
        given = []
        for name, array in inputs.items():
            tensor = InferInput(name, list(array.shape), self._types[name])
            tensor.set_data_from_numpy(array)
            given.append(tensor)
        wanted = [InferRequestedOutput(name) for name in outputs]
        try:
            result = self._client.infer(self._name, given, outputs=wanted, client_timeout=self._timeout)
        except InferenceServerException as error:
            raise CannotRun(f"Triton's model {self._name}: {_said(error)}") from error
        return [result.as_numpy(name) for name in outputs]


class ServedByName(NamedTuple):
    """A model of the server's own. `version`: the latest; `config`: its configuration, always the same bytes for it."""

    runner: Served
    version: str
    config: bytes


def served_name(name: str, content: bytes) -> str:
    """How the server calls the graph in `content`."""
    return f"{name}-{hashlib.sha256(content).hexdigest()[:_HASH]}"


def _tensor(described: Any) -> Tensor:
    kind = triton_to_np_dtype(described.datatype)
    name = described.datatype if kind is None else str(_name_of(kind))
    return Tensor(name, tuple(size if size >= 0 else None for size in described.shape))


def _name_of(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _said(error: InferenceServerException) -> str:
    return f"{error.status() or 'error'} {error.message()}"
