"""A projection as a process: which store it feeds, its metrics and readiness, and how it stops."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from collections.abc import Callable

from confluent_kafka import KafkaException

from projections.analytics.target import Analytics
from projections.ledger import ledger
from projections.runner import Runner
from projections.session_state.target import SessionState
from projections.target import Target
from schemas.codec import Codec
from streams import health, metrics
from streams.topology import PROJECTIONS

log = logging.getLogger(__name__)


class UnknownProjection(ValueError):
    """There is no projection of that name."""


def target(name: str, postgres: str, clickhouse: str) -> Target:
    """The store of the projection `name`. postgres: a DSN; clickhouse: a URL. Raises UnknownProjection."""
    match name:
        case "session_state":
            return SessionState(postgres)
        case "analytics":
            return Analytics(clickhouse)
        case _:
            raise UnknownProjection(f"there is no projection {name!r}; there are {', '.join(PROJECTIONS)}")


def run_projection(
    name: str,
    bootstrap: str,
    postgres: str,
    clickhouse: str,
    metrics_port: int | None = None,
    *,
    codec: Codec | None = None,
    metrics_host: str = "127.0.0.1",
) -> int:
    """Runs a projection until SIGTERM or SIGINT; for a process's main thread. Returns its exit code.

    Raises UnknownProjection, and whatever is a bug. `/ready` and `/metrics` are on `metrics_port`, where one is given.
    """
    stop = threading.Event()
    codec = codec or Codec()
    found = target(name, postgres, clickhouse)
    runner = Runner(found, bootstrap, codec, stop, each_minute=_due_each_minute(name, bootstrap, clickhouse))
    server = health.serve(metrics_port, runner.ready, metrics_host)
    # A batch is tens of thousands of small tuples that all die together: looking for cycles among them finds none.
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        return runner.run()
    finally:
        if server is not None:
            server.shutdown()


def _due_each_minute(name: str, bootstrap: str, clickhouse: str) -> Callable[[], None] | None:
    """Analytics counts what is unaccounted for, so that an alert can fire."""
    if name != "analytics":
        return None

    def count() -> None:
        try:
            lines = ledger(bootstrap, clickhouse).lines
        except (KafkaException, ValueError) as why:
            log.warning("the ledger could not be drawn up: %s", why)
            return
        for line in lines:
            metrics.UNACCOUNTED.labels(line.tenant).set(line.unaccounted)

    return count
