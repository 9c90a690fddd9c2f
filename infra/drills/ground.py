"""Where drills take place: a stack of their own whose parts may be hurt, joined by others of their kind, and mended."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from infra.drills.cluster import Cluster
from infra.generation_drills.tenants import write_tenants
from infra.local.app_parts import ANALYTICS, APP_PARTS, GATEWAY, SESSION_STATE, WORKER, AppPart
from infra.local.http_probe import answers_ok
from infra.local.packages import Progress
from infra.local.ports import Ports
from infra.local.process import PartSpec
from infra.local.stack import LocalStack
from infra.local.supervisor import Part, Supervisor
from infra.settings import Settings
from infra.wiring import prepare
from projections.progress import behind

TENANT: Final = "drill"
DEADLINE: Final = 10.0
SECOND_WORKER: Final = AppPart("worker-2", WORKER.command)
ALL_PARTS: Final = (*APP_PARTS, SECOND_WORKER)
FEW_PARTS: Final = (WORKER, SESSION_STATE, ANALYTICS, GATEWAY)
START_TIMEOUT: Final = 240.0
"""Seconds: a machine that several stacks share is slow to start any."""


@dataclass
class Ground:
    """A stack that runs. cluster: its brokers, where there are several; else the stack's own one is `kafka`."""

    stack: LocalStack
    cluster: Cluster | None = None
    used: int = 0
    """Turns of the drills so far: a long log makes each audit longer."""
    broken: bool = False
    """Whether it could not be mended: no drill stands on it any more."""
    _originals: dict[str, PartSpec] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ports = Ports(self.stack.folder.path / "drill-ports.json", usual=False)

    @property
    def settings(self) -> Settings:
        return self.stack.settings()

    @property
    def bootstrap(self) -> str:
        return self.settings.kafka

    @property
    def brokers(self) -> tuple[str, ...]:
        return self.cluster.names if self.cluster else ("kafka",)

    def has(self, name: str) -> bool:
        return name in self.brokers or any(p.name == name for p in self.stack.supervisor.parts)

    @property
    def last_worker(self) -> str:
        """The second worker, so that the first takes its partitions over; in the quick form there is only one."""
        return "worker-2" if self.has("worker-2") else "worker"

    def supervisor_of(self, name: str) -> Supervisor:
        if self.cluster is not None and name in self.cluster.names:
            return self.cluster.supervisor
        return self.stack.supervisor

    def part(self, name: str) -> Part:
        return self.supervisor_of(name).part(name)

    def kill(self, name: str, number: int) -> None:
        """Sends a signal to the part's process group."""
        self.supervisor_of(name).kill(name, number)

    def stop(self, name: str) -> None:
        """Tells the part to end, and waits until it has."""
        self.supervisor_of(name).stop(name)

    def start(self, name: str) -> None:
        """Starts a part that was stopped; returns at once."""
        supervisor = self.supervisor_of(name)
        supervisor.start(supervisor.part(name).spec)

    def ready(self, name: str) -> bool:
        """Whether the part's protocol answers now."""
        part = self.part(name)
        return part.pid is not None and part.spec.ready()

    def wait_ready(self, name: str) -> None:
        """Raises PartFailed where it does not answer in time."""
        self.supervisor_of(name).wait_ready(name)

    def restart_with(self, name: str, env: Mapping[str, str], cwd: Path | None = None) -> None:
        """Starts a part anew with other variables, and waits until it works. `mend` undoes it. cwd: where it runs."""
        spec = self.part(name).spec
        original = self._originals.setdefault(name, spec)
        self.stop(name)
        self.stack.supervisor.start(replace(original, env={**original.env, **env}, cwd=cwd))
        self.wait_ready(name)

    def restart_as_before(self, name: str) -> None:
        """Starts a part anew as it was at the start, and waits until it works."""
        self.stop(name)
        spec = self.part(name).spec
        self.stack.supervisor.start(self._originals.pop(name, spec))
        self.wait_ready(name)

    def as_before_when_restarted(self, name: str) -> None:
        """The process goes on; the next start of the part is without the other variables."""
        if name in self._originals:
            self.stack.supervisor.respec(self._originals.pop(name))

    def another(self, name: str, like: str, env: Mapping[str, str] | None = None) -> None:
        """One more process like a part; it is stopped with `stop`. May be started again."""
        spec = self._originals.get(like, self.part(like).spec)
        port = self._ports.take(name)
        health = f"http://127.0.0.1:{port}/ready"
        self.stack.supervisor.start(
            replace(
                spec,
                name=name,
                log=self.stack.folder.logs / f"{name}.log",
                ready=lambda: answers_ok(health),
                port=port,
                address=f"http://127.0.0.1:{port}",
                health=health,
                env={**spec.env, "SPILLWAY_METRICS_PORT": str(port), **(env or {})},
            )
        )

    def mend(self) -> None:
        """Every part runs as it did at the start, and answers; what a drill added is stopped."""
        first = {"kafka", "postgres", "clickhouse", "registry", *(p.name for p in ALL_PARTS)}
        for part in self.stack.supervisor.parts:
            if part.name not in first:
                self.stop(part.name)
            elif part.name in self._originals:
                original = self._originals.pop(part.name)
                self.stop(part.name)
                self.stack.supervisor.start(original)
            elif part.pid is None and part.state.value in ("stopped", "halted"):
                self.start(part.name)
        for name in (*self.brokers, *(p.name for p in self.stack.supervisor.parts if p.name in first)):
            if self.part(name).state.value == "stopped":
                self.start(name)
            self.wait_ready(name)

    def behind(self) -> dict[str, int]:
        """Of each projection: records that are not in its store yet. Raises what their stores and the broker raise."""
        settings = self.settings
        return behind(settings.kafka, settings.postgres, settings.clickhouse)


@contextmanager
def a_ground(
    progress: Progress,
    *,
    brokers: int = 1,
    parts: Sequence[AppPart] = ALL_PARTS,
    registry: bool = False,
    data: Path | None = None,
) -> Iterator[Ground]:
    """Starts one, and stops it when the context is left. data: its folder; None: a temporary one. Raises StackError."""
    with tempfile.TemporaryDirectory(prefix="spillway-drill-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # a database that does not run as root must enter it
        home = data or folder / "data"
        home.mkdir(parents=True, exist_ok=True)
        patient = tuple(replace(part, start_timeout=START_TIMEOUT) for part in parts)
        preparing = partial(prepare, tenants=a_tenant(folder), replication=min(3, brokers))
        if brokers == 1:
            with _started(
                LocalStack(home, app=patient, prepare=preparing, registry=registry, usual_ports=False), progress
            ) as s:
                yield Ground(s)
            return
        with Cluster(home, brokers).running(progress) as cluster:
            stack = LocalStack(
                home,
                only={"postgres", "clickhouse"},
                app=patient,
                prepare=preparing,
                usual_ports=False,
                registry=registry,
            )
            stack.addresses.kafka = cluster.bootstrap
            with _started(stack, progress) as running:
                yield Ground(running, cluster)


def a_tenant(folder: Path) -> Path:
    """The folder of a tenant all of whose replies are made by fast rungs: what is drilled is the log."""
    tenants = write_tenants(folder / "tenants", [TENANT], DEADLINE)
    policy = tenants / TENANT / "policy.yaml"
    policy.write_text(policy.read_text("utf-8").replace("small_model, ", ""), "utf-8")
    return tenants


@contextmanager
def _started(stack: LocalStack, progress: Progress) -> Iterator[LocalStack]:
    stack.start(progress)
    try:
        yield stack
    finally:
        stack.stop()
