"""The model store: bundles by name and content hash in the data folder, beside the shipped ones.

    models/<name>/<hash>/            a bundle, whole; the hash is the first 12 digits of its content's
    models/backbones/<name>/<hash>   a backbone, once; the bundles that need it hold hard links to it

Nothing in it is ever changed: a bundle appears as a whole, by a rename, or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from infra.local.errors import StackError
from streams.models.bundle import BundleRefused
from streams.models.bundle_files import SHIPPED, BundleFiles
from streams.models.manifest import MANIFEST, EncoderPart, Manifest, read_manifest

BACKBONES: Final = "backbones"
_CARD: Final = "README.md"
_HASH: Final = 12
_REFERENCE: Final = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)(?:@(?P<version>[^@#\s]+))?(?:#(?P<hash>[0-9a-f]{1,64}))?")


class Found(NamedTuple):
    """A bundle that is there. `manifest` is None where it cannot be read; `wrong` says why."""

    folder: Path
    shipped: bool
    manifest: Manifest | None
    wrong: str = ""


class ModelStore:
    """The store in a folder, which need not be there yet. `shipped`: where the product's own bundles lie."""

    def __init__(self, root: Path, shipped: Path = SHIPPED) -> None:
        self.root, self._shipped = root, shipped

    def folder(self, location: str) -> Path:
        """Where an activation's bundle lies. Raises BundleRefused for a location outside the store."""
        folder = self.root / location
        if Path(location).is_absolute() or ".." in Path(location).parts:
            raise BundleRefused(folder, "is outside the model store", "activate the bundle again")
        return folder

    def add(self, folder: Path) -> str:
        """Copies a bundle, which the caller has verified, with its backbones; returns its location.

        What is there already stays, unless it is damaged; then it is replaced. Raises BundleRefused where the bundle
        changed meanwhile, OSError where the store cannot be written.
        """
        manifest = read_manifest(folder)
        location = f"{manifest.name}/{manifest.sha256[:_HASH]}"
        place = self.root / location
        if _whole(place):
            return location
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=self.root) as incoming:
            copy = Path(incoming) / "bundle"
            copy.mkdir(mode=0o755)
            for name in (MANIFEST, _CARD, *manifest.files):
                if name != _CARD or (folder / name).is_file():
                    shutil.copyfile(folder / name, copy / name)
            self._link_backbones(folder, manifest, copy)
            BundleFiles(copy, read_manifest(copy))
            if place.exists():
                place.rename(Path(incoming) / "damaged")
            try:
                copy.rename(place)
            except OSError:
                if not _whole(place):  # else someone else has just put the same bundle there
                    raise
        return location

    def bundles(self) -> Iterator[Found]:
        """The shipped bundles, then the stored ones, by name; of one name the newest first."""
        for folder in sorted(self._shipped.glob(f"*/{MANIFEST}")):
            yield _found(folder.parent, shipped=True)
        places = [path.parent for path in self.root.glob(f"*/*/{MANIFEST}") if not path.parts[-3].startswith(".")]
        for folder in sorted(places, key=lambda p: (p.parent.name, -p.stat().st_mtime)):
            yield _found(folder, shipped=False)

    def find(self, reference: str) -> Path:
        """The folder of a bundle: a folder, or NAME, NAME@VERSION, NAME#HASH (or its beginning), or a fingerprint.

        A name alone is the shipped bundle of that name, if there is one. Raises StackError where it is none, or
        several.
        """
        if (Path(reference) / MANIFEST).is_file() or os.sep in reference:
            return Path(reference)
        asked = _REFERENCE.fullmatch(reference)
        if asked is None:
            raise StackError(f"{reference!r} is no bundle's folder, and no NAME, NAME@VERSION or NAME#HASH")
        bundles = [b for b in self.bundles() if b.manifest is not None and b.manifest.name == asked["name"]]
        fitting = {b.manifest.fingerprint: b for b in reversed(bundles) if b.manifest and _fits(b.manifest, asked)}
        if not asked["version"] and not asked["hash"]:
            fitting = {f: b for f, b in fitting.items() if b.shipped} or fitting
        if len(fitting) == 1:
            return next(iter(fitting.values())).folder
        if fitting:
            raise StackError(f"{reference} may be any of {', '.join(sorted(fitting))}; say which")
        known = sorted({b.manifest.fingerprint for b in bundles if b.manifest} or self._names())
        raise StackError(f"there is no bundle {reference}; known: {', '.join(known) or 'none'}")

    def _names(self) -> set[str]:
        return {b.manifest.name for b in self.bundles() if b.manifest is not None}

    def _link_backbones(self, folder: Path, manifest: Manifest, copy: Path) -> None:
        files = BundleFiles(folder, manifest)
        for part in manifest.parts:
            if not isinstance(part, EncoderPart):
                continue
            _, content = files.backbone(part.backbone)
            shared = self.root / BACKBONES / part.backbone.name / part.backbone.sha256[:_HASH]
            if not _has(shared, part.backbone.sha256):
                shared.parent.mkdir(parents=True, exist_ok=True)
                whole = copy.parent / f"{part.backbone.name}.onnx"
                whole.write_bytes(content)
                whole.rename(shared)
            link = copy / f"backbone-{part.backbone.name}.onnx"
            if not link.exists():
                _link(shared, link)


def _link(shared: Path, link: Path) -> None:
    """Hard: one file on disk and in memory. Where the file system has none, a copy."""
    try:
        os.link(shared, link)
    except OSError:
        shutil.copyfile(shared, link)


def _has(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _found(folder: Path, shipped: bool) -> Found:
    try:
        return Found(folder, shipped, read_manifest(folder))
    except BundleRefused as err:
        return Found(folder, shipped, None, str(err))


def _fits(manifest: Manifest, asked: re.Match[str]) -> bool:
    version, hash_ = asked["version"], asked["hash"]
    return (not version or manifest.version == version) and (not hash_ or manifest.sha256.startswith(hash_))


def _whole(place: Path) -> bool:
    try:
        files = BundleFiles(place, manifest := read_manifest(place))
        for part in manifest.parts:
            if isinstance(part, EncoderPart):
                files.backbone(part.backbone)
    except BundleRefused:
        return False
    return True
