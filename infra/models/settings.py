"""Which models understand messages where nothing was activated, and what runs them: from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from infra.local.errors import StackError

TRITON: Final = "grpc://"
_TRITON: Final = re.compile(TRITON + r"[^\s/:]+:\d{1,5}").fullmatch


@dataclass(frozen=True)
class ModelSettings:
    """`intent` and `sentiment`: a shipped bundle's name, or a bundle's folder. `runtime`: where every bundle runs,
    `cpu`, `cuda`, or the gRPC address of a Triton, `grpc://HOST:PORT`.
    """

    intent: str = "intent-fast"
    sentiment: str = "sentiment-fast"
    runtime: str = "cpu"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Raises StackError for a runtime that there is not."""
        runtime = env.get("SPILLWAY_MODEL_RUNTIME") or cls.runtime
        if runtime not in ("cpu", "cuda") and not _TRITON(runtime):
            raise StackError(f"SPILLWAY_MODEL_RUNTIME must be cpu, cuda or grpc://HOST:PORT, not {runtime!r}")
        return cls(
            env.get("SPILLWAY_INTENT_MODEL") or cls.intent,
            env.get("SPILLWAY_SENTIMENT_MODEL") or cls.sentiment,
            runtime,
        )

    def to_env(self) -> dict[str, str]:
        """The variables from which `from_env` makes these again."""
        return {
            "SPILLWAY_INTENT_MODEL": self.intent,
            "SPILLWAY_SENTIMENT_MODEL": self.sentiment,
            "SPILLWAY_MODEL_RUNTIME": self.runtime,
        }
