"""Writes a bundle: all of it or nothing, and only one that loads."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from infra.training.card import card
from infra.training.data import Task
from infra.training.job import TrainedParts
from infra.training.plan import Plan
from infra.training.probe_texts import PROBE_TEXTS
from infra.training.refusal import TrainingRefused
from streams.models.bundle import BundleRefused, load_bundle
from streams.models.manifest import FORMAT, MANIFEST, PROBE
from streams.models.probe import make_probe

CARD = "README.md"


class About(NamedTuple):
    """What model.yaml says of a bundle beyond its parts. `command`: what makes the same bundle again."""

    name: str
    version: str
    task: Task
    release: bool
    command: str
    seed: int


def write_bundle(out: Path, about: About, plan: Plan, trained: TrainedParts) -> Path:
    """The bundle in the folder `out`, which is new, empty, or holds a bundle: that one is replaced at the end.

    Nothing in it depends on when or where it was made. Raises TrainingRefused where `out` holds anything else, or where
    what was trained does not load.
    """
    check_out(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the place it goes to, so that backbones are found from here as from there, and a rename puts it there.
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        _fill(folder, about, plan, trained)
        _put(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return out


def check_out(out: Path) -> None:
    """Raises TrainingRefused unless a bundle may be written to `out`."""
    if out.exists() and not out.is_dir():
        raise TrainingRefused(f"--out {out}: is a file; name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise TrainingRefused(f"--out {out}: holds files and is no bundle; name a new folder, or one with a {MANIFEST}")


def _fill(folder: Path, about: About, plan: Plan, trained: TrainedParts) -> None:
    files = {name: content for part in trained.parts for name, content in part.files.items()}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    try:
        files[PROBE] = _probe(folder, about, plan, trained, files)
        _manifest(folder, about, plan, trained, files)
        load_bundle(folder)
    except BundleRefused as err:
        raise TrainingRefused(f"what was trained does not load: {err}") from err


def _probe(folder: Path, about: About, plan: Plan, trained: TrainedParts, files: Mapping[str, bytes]) -> bytes:
    """The answers of the bundle itself to the probe texts, asked before it has a probe set."""
    head = plan.heads[plan.default_head]
    first = f'[{{"text": "", "label": {json.dumps(head.labels[0])}, "probability": 0}}]'.encode()
    _manifest(folder, about, plan, trained, {**files, PROBE: first})
    return make_probe(load_bundle(folder, probe=False), PROBE_TEXTS)


def _manifest(folder: Path, about: About, plan: Plan, trained: TrainedParts, files: Mapping[str, bytes]) -> None:
    (folder / PROBE).write_bytes(files[PROBE])
    document = manifest(about, plan, trained, files)
    (folder / MANIFEST).write_text(
        yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8"
    )
    (folder / CARD).write_text(card(document), encoding="utf-8")


def manifest(about: About, plan: Plan, trained: TrainedParts, files: Mapping[str, bytes]) -> dict[str, Any]:
    """model.yaml as a document."""
    return {
        "format": FORMAT,
        "name": about.name,
        "version": about.version,
        "task": about.task,
        "release": about.release,
        "parts": [
            {"langs": list(part.plan.langs), "kind": part.kind, "model": part.model, **_plain(part.manifest)}
            for part in trained.parts
        ],
        "heads": {
            name: {
                "labels": list(head.labels),
                **({"scenarios": dict(head.scenarios)} if head.scenarios else {}),
                "parts": list(head.parts),
            }
            for name, head in plan.heads.items()
        },
        "default_head": plan.default_head,
        "data": [_plain(entry) for entry in (*plan.data, *trained.sources)],
        "training": {"command": about.command, "seed": about.seed, "versions": dict(sorted(trained.versions.items()))},
        "metrics": _metrics(plan, trained),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }


def _metrics(plan: Plan, trained: TrainedParts) -> dict[str, Any]:
    """By head, then by part."""
    return {
        head: {
            part.plan.name: {name: _number(value) for name, value in part.metrics[head].items()}
            for part in trained.parts
            if head in part.metrics
        }
        for head in plan.heads
    }


def _number(value: float) -> float | int:
    return value if isinstance(value, int) else round(float(value), 4)


def _plain(value: Any) -> Any:
    """The value as YAML writes it: mappings and sequences of any kind become dictionaries and lists."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _put(folder: Path, out: Path) -> None:
    """The finished folder in place of what is there."""
    old = out.with_name(f".{out.name}-old")
    shutil.rmtree(old, ignore_errors=True)
    folder.chmod(0o755)
    if out.is_dir():
        out.rename(old)
    folder.rename(out)
    shutil.rmtree(old, ignore_errors=True)
