"""The Triton server of a drill's own stack, as something that can be hurt."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Final

import httpx
import psutil
from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from infra.local.errors import StackError
from infra.local.process import signal_group
from infra.local.stack import LocalStack
from infra.local.triton import REPOSITORY, shared_memory_prefix
from streams.testing.triton_knobs import turn

MODEL: Final = "small"
STUB: Final = "triton_python_backend_stub"
WORKER: Final = "generation"
"""The part of the stack that asks it."""
LOADS_WITHIN: Final = 60.0


class Server:
    """The server, and the worker that asks it.

    knobs: parameters of the model `small` for the whole drill (its README.md); a fault's are laid over them.
    """

    def __init__(self, stack: LocalStack, knobs: Mapping[str, str]) -> None:
        self._stack = stack
        self._knobs = dict(knobs)
        self._seen: dict[int, float] = {}
        self.url = (stack.addresses.triton or "").removeprefix("grpc://")

    def set_knobs(self, knobs: Mapping[str, str] | None = None) -> None:
        """The model serves as the drill has it, with these over it. Raises InferenceServerException."""
        turn(self.url, REPOSITORY / MODEL, {**self._knobs, **(knobs or {})}, LOADS_WITHIN)
        self._note_models()

    def kill(self) -> None:
        """kill -9 of the server alone: the processes of its models are left to themselves."""
        self._note_models()
        os.kill(self._pid, signal.SIGKILL)

    def come_back(self) -> None:
        """Waits until the supervisor has a server again that serves, and turns its model as the drill has it."""
        self._stack.wait_ready("triton")
        self.set_knobs()

    def stop(self) -> None:
        """SIGSTOP of the server and all that belongs to it: connections stay open, and nothing comes."""
        signal_group(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        signal_group(self._pid, signal.SIGCONT)

    def run_out_of_memory(self) -> bool:
        """The model is unloaded, and does not load again for want of memory. Whether the server said so."""
        self._note_models()
        client = InferenceServerClient(self.url)
        try:
            client.unload_model(MODEL)
        finally:
            client.close()
        try:
            self.set_knobs({"load": "out of memory"})
        except InferenceServerException:
            return True
        return False

    def kill_worker(self) -> None:
        """kill -9 of the worker that asks the server, with all that it had under way."""
        self._stack.kill(WORKER, signal.SIGKILL)

    def worker_back(self) -> None:
        """Waits until it works again."""
        self._stack.wait_ready(WORKER)

    def stop_worker(self) -> None:
        """SIGSTOP of the worker."""
        self._stack.kill(WORKER, signal.SIGSTOP)

    def worker_on(self) -> None:
        """SIGCONT."""
        self._stack.kill(WORKER, signal.SIGCONT)

    def orphans(self) -> list[int]:
        """Processes of models that belong to no server that runs: those of this stack's shared memory, and those that
        were children of a server of this drill."""
        server = psutil.Process(self._pid)
        own = {p.pid for p in server.children(recursive=True)} | {server.pid}
        prefix = shared_memory_prefix(self._stack.folder.path / "triton")
        return sorted(p.pid for p in psutil.process_iter() if p.pid not in own and self._belongs(p, prefix))

    def _belongs(self, process: psutil.Process, prefix: str) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            if self._seen.get(process.pid) == process.create_time():
                return True
            return STUB in process.name() + " ".join(words := process.cmdline()) and any(prefix in w for w in words)
        except psutil.Error:
            return False

    def _note_models(self) -> None:
        """Which processes are children of the server now, so that they are known when they are none any more."""
        for child in psutil.Process(self._pid).children(recursive=True):
            self._seen[child.pid] = child.create_time()

    @property
    def _pid(self) -> int:
        pid = self._stack.part("triton").pid
        if pid is None:
            raise StackError("the Triton server does not run; see: spillway logs triton")
        return pid

    def counts(self) -> dict[str, float]:
        """Requests of the model by what became of them, since the server started: Triton's own metrics."""
        text = httpx.get(self._stack.addresses.triton_metrics or "", timeout=5, trust_env=False).text
        found: dict[str, float] = {}
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            if line.startswith("nv_inference_request_") and f'model="{MODEL}"' in name:
                found[name] = found.get(name, 0.0) + float(value)
        return found
