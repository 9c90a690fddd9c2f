"""The schemas and the catalogue as an earlier revision of the repository had them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from schemas.compatibility import Snapshot

ROOT: Final = Path(__file__).resolve().parent.parent

_DESCRIBE: Final = """
import json
from schemas.catalogue import CATALOGUE, DEFAULT_PARTITIONS, RECORDS
from schemas.codec import Ids, expanded
try:
    from schemas.codec import pinned_schema
except ImportError:
    pinned_schema = None
ids = Ids.pinned().ids
print(json.dumps({
    "schemas": {name: expanded(name) for name in RECORDS},
    "ids": ids,
    "kept": {n: pinned_schema(n, r) for r, ns in ids.items() for n in ns} if pinned_schema else {},
    "topics": {t.name: {
        "key": t.key, "records": [r.__name__ for r in t.records], "partitions": t.partitions or DEFAULT_PARTITIONS,
        "retention": t.retention, "max_bytes": t.max_bytes,
    } for t in CATALOGUE},
}))
"""


class NoSuchRevision(RuntimeError):
    """The revision cannot be read: there is no checkout, no such reference, or no schemas in it."""


def revision(reference: str, root: Path = ROOT) -> Snapshot:
    """The snapshot of a git reference of the checkout at `root`; its own code describes it, in a process of its own.

    Raises NoSuchRevision.
    """
    archive = ["git", "-C", str(root), "archive", "--format=tar", reference, "--", "schemas"]
    archived = subprocess.run(archive, capture_output=True, check=False)
    if archived.returncode != 0:
        said = archived.stderr.decode(errors="replace").strip()
        raise NoSuchRevision(f"the revision {reference!r} of {root} cannot be read: {said}")
    with tempfile.TemporaryDirectory(prefix="spillway-schemas-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as tar:
            tar.extractall(folder, filter="data")
        described = subprocess.run(
            [sys.executable, "-c", _DESCRIBE], cwd=folder, capture_output=True, check=False, env={"PYTHONPATH": folder}
        )
    if described.returncode != 0:
        said = described.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise NoSuchRevision(f"the schemas of {reference!r} do not load: {said}")
    return Snapshot.from_json(json.loads(described.stdout))


def is_checkout(root: Path = ROOT) -> bool:
    """Whether there is a git checkout to compare with."""
    asked = subprocess.run(["git", "-C", str(root), "rev-parse", "--verify", "HEAD"], capture_output=True, check=False)
    return asked.returncode == 0
