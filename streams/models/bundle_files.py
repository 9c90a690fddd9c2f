"""The files of a bundle, each read once and taken only with the SHA-256 that the manifest lists."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

from streams.models.fields import BundleRefused
from streams.models.manifest import MANIFEST, PROBE, Backbone, Manifest

SHIPPED: Final = Path(__file__).resolve().parents[2] / "infra" / "bundles"
"""Where the product's own bundles and backbones lie; found as a folder, since streams/ may not import infra/."""


class BundleFiles:
    """Reads every file that the manifest lists, at once: a bundle that is half there is refused before it serves."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.path_of_probe = folder / PROBE
        self._contents = {name: self._checked(name, sha256) for name, sha256 in manifest.files.items()}

    def read(self, name: str) -> tuple[Path, bytes]:
        """A file under `files`."""
        return self.folder / name, self._contents[name]

    def probe(self) -> tuple[Path, bytes]:
        """The probe set."""
        return self.read(PROBE)

    def tokenizer(self, name: str) -> Tokenizer:
        """The tokenizer in a file. Raises BundleRefused for what is none."""
        path, content = self.read(name)
        try:
            return Tokenizer.from_str(content.decode("utf-8"))
        except Exception as error:  # the library raises nothing narrower
            wrong = f"is no tokenizer: {' '.join(str(error).split())[:200]}"
            raise BundleRefused(path, wrong, "train or copy the bundle again") from error

    def words(self, name: str) -> tuple[str, ...]:
        """The words in a file, one a line; none where it has no name. Raises BundleRefused for what is no text."""
        if not name:
            return ()
        path, content = self.read(name)
        try:
            return tuple(content.decode("utf-8").splitlines())
        except UnicodeDecodeError as error:
            raise BundleRefused(path, "is not UTF-8 text", "train or copy the bundle again") from error

    def backbone(self, backbone: Backbone) -> tuple[Path, bytes]:
        """The file with this content: beside the manifest, beside the bundle, or among the shipped ones."""
        places = backbone_places(self.folder, backbone.name)
        others = []
        for path in places:
            if path.is_file():
                content = path.read_bytes()
                if hashlib.sha256(content).hexdigest() == backbone.sha256:
                    return path, content
                others.append(path)
        wanted = f"SHA-256 {backbone.sha256[:12]}…, which parts of {self.folder / MANIFEST} need"
        if others:
            raise BundleRefused(others[0], f"has not the {wanted}", f"put the right file there, or at {places[0]}")
        wrong = f"is not there; backbone {backbone.name} with {wanted}"
        raise BundleRefused(places[1], wrong, f"put it there, or at {places[0]}")

    def _checked(self, name: str, sha256: str) -> bytes:
        path = self.folder / name
        remedy = "copy the bundle again, whole"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BundleRefused(path, f"cannot be read ({error.strerror})", remedy) from error
        found = hashlib.sha256(content).hexdigest()
        if found != sha256:
            wrong = f"has the SHA-256 {found[:12]}…, but {MANIFEST} lists {sha256[:12]}…"
            raise BundleRefused(path, wrong, remedy)
        return content


def graph_name(manifest: Manifest, model: str) -> str:
    """How a server calls the graph in file `model` of a bundle, without its hash."""
    return f"{manifest.name}-{Path(model).stem}"


def backbone_name(name: str) -> str:
    """How a server calls a backbone, without its hash: the same for every bundle that uses it."""
    return f"backbone-{name}"


def backbone_places(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """Where a backbone of the bundle in `folder` is looked for, in this order."""
    return (
        folder / f"backbone-{name}.onnx",
        folder.resolve().parent / "backbones" / name / "model.onnx",
        SHIPPED / "backbones" / name / "model.onnx",
    )
