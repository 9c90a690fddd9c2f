"""What a Triton server says of a model that it serves, and of a request that failed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import grpc
from tritonclient.utils import InferenceServerException

from streams.generation.ports import Fault

_HASH: Final = 12


class Served(NamedTuple):
    """What a server says of a model. `inputs`: their names; `hash`: of its configuration and metadata."""

    name: str
    version: str
    hash: str
    inputs: frozenset[str]

    @property
    def fingerprint(self) -> str:
        return f"{self.name}@{self.version}#{self.hash}"

    def of(self, version: str) -> Served:
        """The same, of another version."""
        return self._replace(version=version)


def served_of(name: str, metadata: Any, config: Any, sampling: Mapping[str, object]) -> Served:
    """Of a model's metadata and configuration, and what it is asked with."""
    version = max(metadata.versions, key=lambda v: (len(v), v), default="1")
    content = hashlib.sha256()
    for part in (metadata.SerializeToString(deterministic=True), config.SerializeToString(deterministic=True)):
        content.update(hashlib.sha256(part).digest())
    content.update(json.dumps(sampling, sort_keys=True).encode())
    return Served(name, version, content.hexdigest()[:_HASH], frozenset(i.name for i in metadata.inputs))


def code_and_detail(error: grpc.aio.AioRpcError | InferenceServerException) -> tuple[str, str]:
    """The status of a call that failed, by its gRPC name, and what the server said."""
    if isinstance(error, InferenceServerException):
        return str(error.status() or "").removeprefix("StatusCode."), str(error.message() or "")
    return str(error.code().name), str(error.details() or "")


FAULTS: Final[Mapping[str, Fault]] = {
    "UNAVAILABLE": "away",
    "DEADLINE_EXCEEDED": "away",
    "NOT_FOUND": "unready",
    "INVALID_ARGUMENT": "refused",
    "OUT_OF_RANGE": "refused",
}
"""What a status means, where the message does not say more."""
