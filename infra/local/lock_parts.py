"""Write `parts.lock.json` anew: `python -m infra.local.lock_parts`. Run after changing a version below."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.local.packages import LOCK_FILE, PinnedFile, sha256_of

KAFKA = ("4.1.1", ["org.apache.kafka:kafka_2.13:4.1.1", "org.slf4j:slf4j-simple:1.7.36"])
REGISTRY = ("3.3.3", ["io.apicurio:apicurio-registry-app:3.3.3:all:tar.gz"])


def _pin(artifact: Any) -> PinnedFile:
    path = Path(artifact.resolve())
    return PinnedFile(
        group=artifact.groupId,
        artifact=artifact.artifactId,
        version=artifact.version,
        packaging=artifact.packaging,
        classifier=artifact.classifier or "",
        sha256=sha256_of(path),
        size=path.stat().st_size,
    )


def _kafka(maven: Any) -> list[PinnedFile]:
    """Kafka's jars with all that they need at run time."""
    asked = [maven.create_dependency(coordinate) for coordinate in KAFKA[1]]
    inputs, transitive = maven.resolver.resolve(asked)
    needed = [*inputs, *(found for found in transitive if found.scope in ("compile", "runtime"))]
    return [_pin(dependency.artifact) for dependency in needed]


def _registry(maven: Any) -> list[PinnedFile]:
    """The registry's one archive, which holds all that it needs."""
    group, name, version, classifier, packaging = REGISTRY[1][0].split(":")
    return [_pin(maven.project(group, name).at_version(version).artifact(classifier, packaging))]


def main() -> None:
    """Resolve every part, download it, and pin what came."""
    from jgo.maven import MavenContext, PythonResolver

    with tempfile.TemporaryDirectory() as fresh:
        maven = MavenContext(resolver=PythonResolver(), repo_cache=Path(fresh), timeout=60)
        parts = {"kafka": (KAFKA[0], _kafka(maven)), "registry": (REGISTRY[0], _registry(maven))}
    content = {
        "about": "Written by python -m infra.local.lock_parts: the files of the embedded stack that pip does not pin.",
        "parts": {
            name: {"version": version, "files": [asdict(file) for file in files]}
            for name, (version, files) in parts.items()
        },
    }
    LOCK_FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{LOCK_FILE}: {sum(len(files) for _, files in parts.values())} files pinned\n")


if __name__ == "__main__":
    main()
