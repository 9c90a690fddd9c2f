"""ClickHouse as a part: the embedded engine behind its HTTP protocol, in one process of our own."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

from infra.local.errors import PartMissing
from infra.local.http_probe import answers_ok
from infra.local.process import PartSpec
from infra.local.versions import package_version


def answers(url: str) -> bool:
    """Whether the server is alive and the engine answers `SELECT 1`."""
    if not answers_ok(f"{url}/ping"):
        return False
    try:
        with urlopen(f"{url}/?query=SELECT%201", timeout=2.0) as response:
            return bool(response.read() == b"1\n")
    except OSError:
        return False


def part(folder: Path, log: Path, *, port: int) -> PartSpec:
    """Describe the server on `folder`.

    Raises:
        PartMissing: chdb is not installed.
    """
    if find_spec("chdb") is None:
        raise PartMissing("chdb is not installed; install the extra: pip install 'spillway[local]'")
    url = f"http://127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    arguments = ["--path", str(folder / "data"), "--port", str(port)]
    return PartSpec(
        name="clickhouse",
        argv=[sys.executable, "-m", "infra.local.clickhouse_server", *arguments],
        log=log,
        ready=lambda: answers(url),
        version=package_version("chdb-core"),
        port=port,
        address=url,
        env={"MALLOC_ARENA_MAX": "2", "PYTHONUNBUFFERED": "1", "TZ": "UTC"},
    )
