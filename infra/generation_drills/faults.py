"""What is done to a model's server in a drill: each fault begins, holds for a while, and ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from infra.generation_drills.server import Server


class Fault(NamedTuple):
    """`begin` returns once it holds; `end` once the server is as it should be again, whatever its clients know of it.

    holds: whether it is a state that lasts; an instant fault, such as a kill, ends when the server is back.
    """

    name: str
    begin: Callable[[Server], None]
    end: Callable[[Server], None]
    holds: bool = True


def _back(server: Server) -> None:
    server.set_knobs()


def _out_of_memory(server: Server) -> None:
    if not server.run_out_of_memory():
        raise AssertionError("the model loaded, though it was out of memory")


def faults(token_ms: float) -> tuple[Fault, ...]:
    """Those of the drill. token_ms: of the healthy model, which the slow one is ten times slower than."""
    slow, first = f"{token_ms * 10:g}", f"{token_ms * 100:g}"
    return (
        Fault("killed", Server.kill, Server.come_back, holds=False),
        Fault("stopped", Server.stop, Server.go_on),
        Fault("ten times slower", lambda s: s.set_knobs({"token_ms": slow, "first_token_ms": first}), _back),
        Fault("half failing", lambda s: s.set_knobs({"error_share": "0.5"}), _back),
        Fault("wrong shape", lambda s: s.set_knobs({"wrong_shape_share": "1"}), _back),
        Fault("out of memory", _out_of_memory, _back),
        Fault("worker killed", Server.kill_worker, Server.worker_back, holds=False),
        Fault("worker stopped", Server.stop_worker, Server.worker_on),
    )


NAMES: Final = tuple(fault.name for fault in faults(1.0) if not fault.name.startswith("worker"))
"""Those of the server."""
OF_THE_WORKER: Final = ("worker killed", "worker stopped")
"""Those of the process that asks it: what it had under way is made by nobody, until it is back or given up."""
