"""A bundle as people read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams.models.manifest import EncoderPart, Manifest, Part

_FEW = 8


def described(manifest: Manifest, folder: Path) -> dict[str, Any]:
    """Everything of a bundle that is worth reading; for JSON."""
    return {
        "fingerprint": manifest.fingerprint,
        "name": manifest.name,
        "version": manifest.version,
        "task": manifest.task,
        "release": manifest.release,
        "sha256": manifest.sha256,
        "folder": str(folder),
        "parts": [_part(part) for part in manifest.parts],
        "default_head": manifest.default_head,
        "heads": {
            name: {"labels": list(head.labels), "scenarios": dict(head.scenarios), "parts": list(head.parts)}
            for name, head in manifest.heads.items()
        },
        "metrics": dict(manifest.metrics),
        "data": [dict(used) for used in manifest.data],
        "training": dict(manifest.training),
        "files": {name: {"sha256": sha, "bytes": _size(folder / name)} for name, sha in manifest.files.items()},
    }


def written(found: dict[str, Any]) -> str:
    """The same as text."""
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['fingerprint']}  ({found['task']}, {'for release' if found['release'] else 'not for release'})"
    yield f"  {found['folder']}"
    for part in found["parts"]:
        yield f"  part: {', '.join(part['langs'])} by {part['kind']} {part['model']}" + (
            f", backbone {part['backbone']} {part['backbone_sha256'][:12]}" if "backbone" in part else ""
        )
    yield "heads"
    for name, head in found["heads"].items():
        labels = head["labels"]
        more = ", …" if len(labels) > _FEW else ""
        mark = "*" if name == found["default_head"] else " "
        yield f" {mark}{name}: {len(labels)} labels ({', '.join(labels[:_FEW])}{more})"
    for title in ("metrics", "training"):
        if found[title]:
            yield title
            yield from (f"  {key}: {value}" for key, value in _flat(found[title]))
    yield "data" if found["data"] else "data: none is named"
    for used in found["data"]:
        about = ", ".join(str(used[key]) for key in ("licence", "attribution") if used.get(key))
        yield f"  {used.get('name', '?')}: {used.get('rows', '?')} rows ({about or 'no licence is named'})"
    yield "files"
    for name, file in found["files"].items():
        yield f"  {name}: {_shown(file['bytes'])}, {file['sha256'][:12]}"


def _flat(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _part(part: Part) -> dict[str, Any]:
    about: dict[str, Any] = {"langs": list(part.langs), "model": part.model}
    if isinstance(part, EncoderPart):
        backbone = {"backbone": part.backbone.name, "backbone_sha256": part.backbone.sha256}
        return {**about, "kind": "encoder", **backbone, "max_tokens": part.max_tokens}
    return {**about, "kind": "hashed"}


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _shown(size: int | None) -> str:
    if size is None:
        return "is not there"
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1_000:.1f} kB"
