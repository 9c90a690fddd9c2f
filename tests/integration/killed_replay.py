"""A replay that kills itself and all of its processes, as a power cut would, when it has come to a moment.

`python -m tests.integration.killed_replay RUN told N`: at the N-th word of its processes; `RUN written N`: once N
messages of the run are in ClickHouse, in the middle of writing. The settings come from the environment.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from infra.replaying.running import How, go_on
from infra.settings import Settings
from projections.analytics.schema import client_of
from projections.runs import RunStore


def kill_everything() -> None:
    """SIGKILL to the whole process group, this process among it."""
    os.killpg(0, signal.SIGKILL)


def kill_when_written(settings: Settings, run_id: str, count: int) -> None:
    """Looks at the store until so many of the run's messages are there."""
    with client_of(settings.clickhouse) as client:
        query = "SELECT count() FROM messages WHERE run_id = {run:String}"
        while client.query(query, {"run": run_id}).result_rows[0][0] < count:
            threading.Event().wait(0.01)  # the server has others to answer
    kill_everything()


def main() -> None:
    """Replays until then."""
    run_id, kind, text = sys.argv[1:]
    count, heard = int(text), 0
    settings = Settings.from_env()
    watch = threading.Thread(target=kill_when_written, args=(settings, run_id, count), daemon=True)
    if kind == "written":
        watch.start()

    def told(_: object) -> None:
        nonlocal heard
        heard += 1
        if kind == "told" and heard == count:
            kill_everything()

    with RunStore(settings.clickhouse) as store:
        go_on(settings, store, store.need(run_id), How(2), told)
    if kind == "written":
        watch.join()  # It was slower than the replay: then the last moment is the moment.


if __name__ == "__main__":
    main()
