"""Triton as a part: the real server with its Python backend, on the loopback interface, models loaded when asked.

The server's own memory and processes are all in one process group, which the supervisor ends as a whole.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.local.http_probe import answers_ok
from infra.local.packages import PartsCache, Progress
from infra.local.process import PartSpec
from infra.local.triton_env import TritonEnvironment, free_ports, start_once, triton_environment

VERSION = "2.51.0"
"""The server's, in the pinned package."""
REPOSITORY = Path(__file__).parents[1] / "triton" / "model_repository"
"""The models that come with Spillway."""
FIRST_MODELS = ("small",)
"""Loaded when the server starts."""
SHARED_MEMORY = Path("/dev/shm")
READY = "/v2/health/ready"
_LAUNCHER = Path(__file__).with_name("triton_launch.py")
_LOOPBACK = "127.0.0.1"


def part(
    folder: Path,
    log: Path,
    *,
    port: int,
    http_port: int,
    metrics_port: int,
    cache: PartsCache,
    progress: Progress,
    models: Sequence[str] = FIRST_MODELS,
) -> PartSpec:
    """Describe the server; `port` is gRPC's, and `folder` a model repository of this stack's own beside Spillway's.

    Its environment is made first where there is none. It is ready once every model of `models` is loaded.

    Raises:
        PartMissing: its environment could not be made; the message names each interpreter with what is wrong with it.
    """
    environment = triton_environment(cache, _trial, progress)
    own = folder / "models"
    own.mkdir(parents=True, exist_ok=True)
    prefix = shared_memory_prefix(folder)
    ports = (port, http_port, metrics_port)
    serving = command(environment, ports, [REPOSITORY, own.resolve()], models, shared_memory=prefix)
    health = f"http://{_LOOPBACK}:{http_port}{READY}"
    return PartSpec(
        name="triton",
        argv=[sys.executable, "-I", "-S", str(_LAUNCHER), prefix, "--", *serving],
        cwd=folder,
        log=log,
        ready=lambda: answers_ok(health),
        version=VERSION,
        port=port,
        address=f"grpc://{_LOOPBACK}:{port}",
        health=health,
        env=environment.variables(),
        start_timeout=120.0,
        stop_grace=15.0,
    )


def shared_memory_prefix(folder: Path) -> str:
    """What the names of the shared memory of the server on `folder` begin with; no other's do."""
    return f"spillway-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}-"


def remove_shared_memory(prefix: str) -> None:
    """Remove what servers left that are gone: one that is killed, or runs out of time to stop, leaves it."""
    for left_over in SHARED_MEMORY.glob(f"{prefix}*"):
        left_over.unlink(missing_ok=True)


def command(
    environment: TritonEnvironment,
    ports: tuple[int, int, int],
    repositories: Sequence[Path],
    models: Sequence[str],
    *,
    shared_memory: str,
) -> list[str]:
    """The server's command line. `ports`: gRPC, HTTP, metrics. `shared_memory`: what the names of its regions begin
    with."""
    grpc, http, metrics = ports
    return [
        str(environment.server),
        *(f"--model-repository={folder}" for folder in repositories),
        "--model-control-mode=explicit",
        *(f"--load-model={name}" for name in models),
        # A model that cannot be loaded must not take the others, and the server, with it.
        "--exit-on-error=false",
        f"--backend-directory={environment.backends}",
        f"--backend-config=python,shm-region-prefix-name={shared_memory}",
        f"--grpc-address={_LOOPBACK}",
        f"--grpc-port={grpc}",
        f"--http-address={_LOOPBACK}",
        f"--http-port={http}",
        f"--metrics-address={_LOOPBACK}",
        f"--metrics-port={metrics}",
        "--allow-gpu-metrics=false",
        "--exit-timeout-secs=5",
    ]


def _trial(environment: TritonEnvironment, scratch: Path) -> None:
    """Starts the server with the models that it starts with."""
    ports = free_ports(scratch)
    shared_memory = f"{scratch.name}-"
    serving = command(environment, ports, [REPOSITORY], FIRST_MODELS, shared_memory=shared_memory)
    serving.append("--exit-on-error=true")  # the last one counts; so what is wrong is known at once
    launched = [sys.executable, "-I", "-S", str(_LAUNCHER), shared_memory, "--", *serving]
    try:
        start_once(launched, environment.variables(), scratch, f"http://{_LOOPBACK}:{ports[1]}{READY}")
    finally:
        remove_shared_memory(shared_memory)
