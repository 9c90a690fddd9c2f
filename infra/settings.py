"""Where the parts are: addresses from the environment, or from the stack that runs on a data folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from infra.local.errors import StackError
from infra.local.registry import CONFLUENT_API
from infra.local.state import Folder
from infra.models.settings import ModelSettings

DEFAULT_DATA = Path(".spillway")
_NEEDED = {"kafka": "SPILLWAY_KAFKA", "postgres": "SPILLWAY_POSTGRES", "clickhouse": "SPILLWAY_CLICKHOUSE"}


class SettingsError(StackError):
    """An address is missing or malformed; the message names the variable and the remedy."""


@dataclass(frozen=True)
class Settings:
    """Addresses of everything a Spillway process talks to.

    `kafka` is a bootstrap string, `postgres` a DSN of a user who may create databases and roles, `clickhouse` an http
    URL, and `registry` that of a Confluent API; None: the pinned schema ids are used. `metrics_port` on `metrics_host`
    is where this process serves `/metrics` and `/ready`; None for no server. `gateway_host` and `gateway_port` are
    where the gateway listens. `models`: which understand messages where none was activated. `triton`: HOST:PORT of the
    gRPC port of the server that generates; None: there is none. `generation`: the file that says what generates there.
    """

    kafka: str
    postgres: str
    clickhouse: str
    registry: str | None = None
    data_dir: Path = DEFAULT_DATA
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    gateway_host: str = "127.0.0.1"
    gateway_port: int = 8080
    models: ModelSettings = field(default_factory=ModelSettings)
    triton: str | None = None
    generation: Path | None = None

    @property
    def model_store(self) -> Path:
        """Where activated bundles lie. Every worker sees the same one."""
        return self.data_dir / "models"

    @property
    def gateway_url(self) -> str:
        return f"http://{self.gateway_host}:{self.gateway_port}"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Self:
        """Settings from the `SPILLWAY_*` variables.

        Raises:
            SettingsError: an address is missing, or a port is not a number.
        """
        source = os.environ if env is None else env
        missing = [variable for variable in _NEEDED.values() if not source.get(variable)]
        if missing:
            raise SettingsError(f"{', '.join(missing)} must be set; or start the local stack with: spillway up")
        host, port = _host_and_port("SPILLWAY_GATEWAY_ADDRESS", source.get("SPILLWAY_GATEWAY_ADDRESS") or ":8080")
        metrics = source.get("SPILLWAY_METRICS_PORT")
        return cls(
            kafka=source["SPILLWAY_KAFKA"],
            postgres=source["SPILLWAY_POSTGRES"],
            clickhouse=source["SPILLWAY_CLICKHOUSE"],
            registry=source.get("SPILLWAY_REGISTRY") or None,
            data_dir=Path(source.get("SPILLWAY_DATA") or DEFAULT_DATA),
            metrics_port=_port("SPILLWAY_METRICS_PORT", metrics) if metrics else None,
            metrics_host=source.get("SPILLWAY_METRICS_HOST") or "127.0.0.1",
            gateway_host=host,
            gateway_port=port,
            models=ModelSettings.from_env(source),
            triton=triton_address(source.get("SPILLWAY_TRITON")),
            generation=_path(source.get("SPILLWAY_GENERATION")),
        )

    @classmethod
    def of_stack(cls, data_dir: Path = DEFAULT_DATA) -> Self:
        """Settings of the stack that runs on `data_dir`.

        Raises:
            StackNotRunning: none runs there; the message says how to start one.
        """
        folder = Folder(data_dir)
        addresses = folder.running().addresses
        absent = [part for part in _NEEDED if not addresses.get(part)]
        if absent:
            raise SettingsError(f"the stack on {folder.shown} has no {', '.join(absent)}; start one with: spillway up")
        gateway = (addresses.get("gateway") or "http://127.0.0.1:8080").removeprefix("http://")
        host, port = _host_and_port("the gateway's address", gateway)
        return cls(
            kafka=addresses["kafka"] or "",
            postgres=addresses["postgres"] or "",
            clickhouse=addresses["clickhouse"] or "",
            registry=_confluent_api(addresses.get("registry")),
            data_dir=folder.path,
            gateway_host=host,
            gateway_port=port,
            models=ModelSettings.from_env(os.environ),
            triton=triton_address(os.environ.get("SPILLWAY_TRITON") or addresses.get("triton")),
            generation=_path(os.environ.get("SPILLWAY_GENERATION")),
        )

    @classmethod
    def find(cls, data_dir: Path = DEFAULT_DATA) -> Self:
        """What a command uses: the environment where `SPILLWAY_KAFKA` is set, else the running stack of `data_dir`.

        Raises:
            SettingsError, StackNotRunning: neither is there.
        """
        return cls.from_env() if os.environ.get("SPILLWAY_KAFKA") else cls.of_stack(data_dir)

    def to_env(self) -> dict[str, str]:
        """The variables from which `from_env` makes these settings again."""
        env = {
            "SPILLWAY_KAFKA": self.kafka,
            "SPILLWAY_POSTGRES": self.postgres,
            "SPILLWAY_CLICKHOUSE": self.clickhouse,
            "SPILLWAY_DATA": str(self.data_dir),
            "SPILLWAY_GATEWAY_ADDRESS": f"{self.gateway_host}:{self.gateway_port}",
            "SPILLWAY_TRITON": self.triton or "",
            "SPILLWAY_GENERATION": str(self.generation or ""),
            **self.models.to_env(),
        }
        if self.registry:
            env["SPILLWAY_REGISTRY"] = self.registry
        if self.metrics_port is not None:
            env["SPILLWAY_METRICS_PORT"] = str(self.metrics_port)
            env["SPILLWAY_METRICS_HOST"] = self.metrics_host
        return env


def triton_address(address: str | None) -> str | None:
    """HOST:PORT of what is written so, or as grpc://HOST:PORT; None where nothing is. Raises SettingsError."""
    if not address:
        return None
    host, port = _host_and_port("SPILLWAY_TRITON", address.removeprefix("grpc://"))
    return f"{host}:{port}"


def _path(named: str | None) -> Path | None:
    return Path(named).absolute() if named else None


def _confluent_api(registry: str | None) -> str | None:
    return registry and registry + CONFLUENT_API


def _host_and_port(name: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        raise SettingsError(f"{name} must be HOST:PORT, not {text!r}")
    return host or "127.0.0.1", _port(name, port)


def _port(name: str, text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SettingsError(f"{name} must be a port from 1 to 65535, not {text!r}")
    return int(text)
