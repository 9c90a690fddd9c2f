"""The local stack: the real parts, then what prepares them, then Spillway's own processes, under one supervisor."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.local import clickhouse, kafka, postgres, registry, triton
from infra.local.app_parts import AppPart
from infra.local.http_probe import answers_ok
from infra.local.packages import PartsCache, Progress
from infra.local.ports import Ports
from infra.local.process import PartSpec, end_orphan, identity_of
from infra.local.state import Folder, FolderLock, PartRecord, StackRecord, shown_address
from infra.local.supervisor import Part, Supervisor
from infra.local.versions import package_version
from infra.models.settings import ModelSettings
from infra.settings import Settings, triton_address

STORES = frozenset({"kafka", "postgres", "clickhouse"})


@dataclass
class Addresses:
    """Where the parts of a running stack answer; None for a part that it does not run.

    `kafka` is a bootstrap string, `postgres` the superuser's DSN, `triton` grpc://HOST:PORT, the others are http URLs.
    """

    kafka: str | None = None
    postgres: str | None = None
    clickhouse: str | None = None
    registry: str | None = None
    triton: str | None = None
    triton_metrics: str | None = None
    gateway: str | None = None


def silent(_line: str) -> None:
    """Progress that nobody reads."""


class LocalStack:
    """A stack on a data folder. Use as a context manager, or call `start` and `stop`.

    Args:
        data_dir: where all its data, logs and records live.
        registry: also run a schema registry.
        triton: also run a Triton server.
        app: Spillway's own processes to run on top.
        only: the stores to run, of `STORES`; all of them where None.
        prepare: called with the settings after the stores answer and before the app starts; makes topics and tables.
        cache: where downloaded parts are kept.
        usual_ports: prefer each part's well-known port.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        registry: bool = False,
        triton: bool = False,
        app: Sequence[AppPart] = (),
        only: set[str] | None = None,
        prepare: Callable[[Settings], None] | None = None,
        cache: PartsCache | None = None,
        usual_ports: bool = True,
    ) -> None:
        self.folder = Folder(data_dir)
        self.addresses = Addresses()
        self._stores = STORES if only is None else frozenset(only)
        if unknown := self._stores - STORES:
            raise ValueError(f"no such store: {', '.join(sorted(unknown))}; there are {', '.join(sorted(STORES))}")
        self._registry = registry
        self._triton = triton
        self._app = tuple(app)
        self._prepare = prepare
        self._cache = cache or PartsCache()
        self._usual_ports = usual_ports
        self._open = ExitStack()
        self._supervisor: Supervisor | None = None
        self._ready = False
        self._started_at = 0.0

    def start(self, progress: Progress = silent) -> Self:
        """Start everything and return once every part answers. On an error everything is stopped again.

        Raises:
            StackRunning: another process runs a stack on this folder.
            PartMissing, PartCorrupt, PartFailed: a part could not be had or started.
        """
        with ExitStack() as undo:
            undo.enter_context(FolderLock(self.folder))
            self._end_orphans(progress)
            self._started_at = time.time()
            if self._triton:
                prefix = triton.shared_memory_prefix(self.folder.path / "triton")
                undo.callback(triton.remove_shared_memory, prefix)
            self._supervisor = Supervisor(self._write, requests=self.folder.requests)
            undo.callback(self._supervisor.close)
            ports = Ports(self.folder.ports, usual=self._usual_ports)
            self._start_stores(self._supervisor, ports, progress)
            if self._app or self._prepare:
                self._start_app(self._supervisor, ports, progress)
            self._ready = True
            self._write(self._supervisor.parts)
            self._open = undo.pop_all()
        return self

    def stop(self) -> None:
        """Stop every part in the opposite order of starting, and wait until all are gone. May be called again."""
        self._ready = False
        self._open.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of a started stack."""
        if self._supervisor is None:
            raise RuntimeError("the stack has not been started")
        return self._supervisor

    def part(self, name: str) -> Part:
        """The part of that name: its pid, state and restarts. Raises KeyError where the stack has none."""
        return self.supervisor.part(name)

    def restart(self, name: str) -> None:
        """Stop a part, start it again, and wait until it answers."""
        self.supervisor.restart(name)
        self.supervisor.wait_ready(name)

    def kill(self, name: str, number: int) -> None:
        """Send a signal to a part's process group, as a fault; the supervisor restarts what dies of it."""
        self.supervisor.kill(name, number)

    def wait_ready(self, name: str) -> None:
        """Wait until a part's protocol answers (again); raises PartFailed where it does not in time."""
        self.supervisor.wait_ready(name)

    def settings(self) -> Settings:
        """Settings for processes that work on this stack; all three stores must run."""
        gateway = (self.addresses.gateway or "http://127.0.0.1:8080").removeprefix("http://")
        host, _, port = gateway.rpartition(":")
        return Settings(
            kafka=self.addresses.kafka or "",
            postgres=self.addresses.postgres or "",
            clickhouse=self.addresses.clickhouse or "",
            registry=self.addresses.registry and self.addresses.registry + registry.CONFLUENT_API,
            data_dir=self.folder.path,
            gateway_host=host,
            gateway_port=int(port),
            models=ModelSettings.from_env(os.environ),
            triton=triton_address(os.environ.get("SPILLWAY_TRITON") or self.addresses.triton),
            generation=Path(named).absolute() if (named := os.environ.get("SPILLWAY_GENERATION")) else None,
        )

    def _start_stores(self, supervisor: Supervisor, ports: Ports, progress: Progress) -> None:
        specs = self._store_specs(ports, progress)
        for spec in specs:
            supervisor.start(spec)
        for spec in specs:
            self._await(supervisor, spec, progress)

    def _store_specs(self, ports: Ports, progress: Progress) -> list[PartSpec]:
        """The stores' descriptions; their addresses are noted on the way."""
        specs = []
        if "kafka" in self._stores:
            spec = kafka.part(
                self.folder.path / "kafka",
                self.folder.logs / "kafka.log",
                port=ports.take("kafka"),
                controller_port=ports.take("kafka controller"),
                cache=self._cache,
                progress=progress,
            )
            self.addresses.kafka = spec.address
            specs.append(spec)
        if "postgres" in self._stores:
            folder = self.folder.path / "postgres"
            log = self.folder.logs / "postgres.log"
            spec = postgres.part(folder, log, port=ports.take("postgres"), progress=progress)
            self.addresses.postgres = spec.address
            specs.append(spec)
        if "clickhouse" in self._stores:
            folder = self.folder.path / "clickhouse"
            spec = clickhouse.part(folder, self.folder.logs / "clickhouse.log", port=ports.take("clickhouse"))
            self.addresses.clickhouse = spec.address
            specs.append(spec)
        if self._registry:
            spec = registry.part(
                self.folder.path / "registry",
                self.folder.logs / "registry.log",
                port=ports.take("registry"),
                management_port=ports.take("registry management"),
                cache=self._cache,
                progress=progress,
            )
            self.addresses.registry = spec.address
            specs.append(spec)
        if self._triton:
            metrics = ports.take("triton metrics")
            spec = triton.part(
                self.folder.path / "triton",
                self.folder.logs / "triton.log",
                port=ports.take("triton"),
                http_port=ports.take("triton http"),
                metrics_port=metrics,
                cache=self._cache,
                progress=progress,
            )
            self.addresses.triton = spec.address
            self.addresses.triton_metrics = f"http://127.0.0.1:{metrics}/metrics"
            specs.append(spec)
        return specs

    def _start_app(self, supervisor: Supervisor, ports: Ports, progress: Progress) -> None:
        if any(part.serves for part in self._app):
            self.addresses.gateway = f"http://127.0.0.1:{ports.take('gateway')}"
        settings = self.settings()
        if self._prepare is not None:
            progress("topics, tables and tenants: preparing")
            self._prepare(settings)
        for part in self._app:
            supervisor.start(self._app_spec(part, settings, ports.take(f"{part.name} metrics")))
        for part in self._app:
            self._await(supervisor, supervisor.part(part.name).spec, progress)

    def _app_spec(self, part: AppPart, settings: Settings, metrics_port: int) -> PartSpec:
        health = f"http://127.0.0.1:{metrics_port}/ready"
        return PartSpec(
            name=part.name,
            argv=[sys.executable, "-m", "infra.cli.main", *part.command],
            log=self.folder.logs / f"{part.name}.log",
            ready=lambda: answers_ok(health),
            version=package_version("spillway"),
            port=settings.gateway_port if part.serves else metrics_port,
            address=settings.gateway_url if part.serves else f"http://127.0.0.1:{metrics_port}",
            health=health,
            env={**settings.to_env(), "SPILLWAY_METRICS_PORT": str(metrics_port), "PYTHONUNBUFFERED": "1"},
            start_timeout=part.start_timeout,
            stop_grace=part.stop_grace,
        )

    def _await(self, supervisor: Supervisor, spec: PartSpec, progress: Progress) -> None:
        taken = supervisor.wait_ready(spec.name)
        where = shown_address(spec.address or "")
        progress(f"{spec.name} {spec.version}: ready at {where} after {taken:.1f} s")

    def _end_orphans(self, progress: Progress) -> None:
        """End what a supervisor that was killed has left running; its data is as after a power cut."""
        record = self.folder.read()
        for part in reversed(record.parts if record else []):
            if part.identity is not None and end_orphan(part.identity, grace=10.0, stop_signal=part.stop_signal):
                progress(f"{part.name}: ended process {part.pid}, left over by a stack that was killed")

    def _write(self, parts: list[Part]) -> None:
        me = identity_of(os.getpid())
        self.folder.write(
            StackRecord(
                supervisor_pid=me.pid,
                supervisor_born=me.born,
                started_at=self._started_at,
                ready=self._ready,
                addresses=asdict(self.addresses),
                ports={part.name: part.spec.port for part in parts if part.spec.port is not None},
                parts=[_record(part) for part in parts],
            )
        )


def _record(part: Part) -> PartRecord:
    return PartRecord(
        name=part.name,
        state=part.state.value,
        version=part.spec.version,
        pid=part.pid,
        born=part.identity.born if part.identity else None,
        port=part.spec.port,
        address=part.spec.address,
        health=part.spec.health,
        stop_signal=int(part.spec.stop_signal),
        restarts=part.restarts,
        exit_code=part.exit_code,
        log=str(part.spec.log),
    )
