"""Apicurio as a part: a real schema registry, for those who ask for it. It keeps its schemas in the data folder."""

from __future__ import annotations

from pathlib import Path

from infra.local.http_probe import answers_ok
from infra.local.java import java
from infra.local.packages import PartsCache, Progress
from infra.local.process import PartSpec

CONFLUENT_API = "/apis/ccompat/v7"


def answers(url: str) -> bool:
    """Whether the Confluent API of the registry answers."""
    return answers_ok(f"{url}{CONFLUENT_API}/subjects", timeout=2.0)


def part(
    folder: Path, log: Path, *, port: int, management_port: int, cache: PartsCache, progress: Progress
) -> PartSpec:
    """Describe the registry on `folder`.

    Raises:
        PartMissing, PartCorrupt: its archive could not be had.
    """
    pinned, unpacked = cache.unpacked("registry", progress)
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    options = {
        "quarkus.http.host": "127.0.0.1",
        "quarkus.http.port": str(port),
        "quarkus.management.host": "127.0.0.1",
        "quarkus.management.port": str(management_port),
        "apicurio.storage.kind": "sql",
        "apicurio.storage.sql.kind": "h2",
        "apicurio.datasource.url": f"jdbc:h2:file:{(folder / 'schemas').resolve()}",
        "quarkus.http.access-log.enabled": "false",
        "java.io.tmpdir": str(folder.resolve()),
    }
    flags = ["-Xmx192m", "-XX:+UseSerialGC", "-XX:ReservedCodeCacheSize=64m", "-XX:MaxMetaspaceSize=160m"]
    defined = [f"-D{name}={value}" for name, value in options.items()]
    return PartSpec(
        name="registry",
        argv=[str(java()), *flags, *defined, "-jar", str(unpacked / "quarkus-run.jar")],
        cwd=folder,
        log=log,
        ready=lambda: answers(url),
        version=pinned.version,
        port=port,
        address=url,
        env={"MALLOC_ARENA_MAX": "2"},
        start_timeout=120.0,
    )
