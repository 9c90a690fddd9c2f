"""`python -m tests.faults.chain_worker BOOTSTRAP TENANT FAIL_AT`: a worker that runs the drilled stage."""

from __future__ import annotations

import sys

from schemas.codec import Codec
from streams.control import Control
from streams.worker import WorkerSettings, exit_now, run_worker
from tests.faults.chain import Chain, chain_spec


def main() -> None:
    """One worker, from start to exit code."""
    bootstrap, tenant, fail_at = sys.argv[1:]
    codec = Codec()
    control = Control(bootstrap, codec)
    control.start()
    stages = [(chain_spec(tenant), Chain(tenant, int(fail_at)))]
    exit_now(run_worker(stages, WorkerSettings(bootstrap), codec, control))


if __name__ == "__main__":
    main()
