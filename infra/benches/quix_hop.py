"""Quix Streams as a contender of the benchmark of one hop. It runs in an environment of its own, without our packages.

`python quix_hop.py BOOTSTRAP SOURCE_TOPIC TARGET_TOPIC RECORDS` copies so many records, as the library's tutorial has
it, and prints one JSON object: records, seconds, cpu_seconds. What is written is not waited for, and what the library
commits every five seconds does not count.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any

WARM_UP = 1000
"""Records before the clock runs."""


class Count:
    """Times records after the first `WARM_UP`, and ends the process when `wanted` are through."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._seen, self._began, self._cpu = wanted, 0, 0.0, 0.0

    def done(self, _value: Any) -> None:
        """Called after each record."""
        self._seen += 1
        if self._seen == WARM_UP:
            self._began, self._cpu = time.perf_counter(), time.process_time()
        elif self._seen >= self._wanted:
            taken, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu
            result = {"records": self._seen - WARM_UP, "seconds": taken, "cpu_seconds": cpu}
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
            os._exit(0)


def main() -> None:
    """Copies the records of one topic to another."""
    from quixstreams import Application  # type: ignore[import-not-found]  # in this program's environment, not in ours

    bootstrap, source, target, records = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="spillway-quix-") as state:
        app = Application(
            broker_address=bootstrap,
            consumer_group=f"spillway.bench.quix.{os.getpid()}.{time.time_ns()}",
            auto_offset_reset="earliest",
            auto_create_topics=False,
            use_changelog_topics=False,
            state_dir=state,
            loglevel="WARNING",
        )
        bytes_in = {"key_deserializer": "bytes", "value_deserializer": "bytes"}
        bytes_out = {"key_serializer": "bytes", "value_serializer": "bytes"}
        frame = app.dataframe(app.topic(source, **bytes_in))
        frame = frame.to_topic(app.topic(target, **bytes_out))
        frame.update(Count(int(records)).done)
        app.run()


if __name__ == "__main__":
    main()
