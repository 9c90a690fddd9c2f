"""The models that come with Spillway for a Triton server, as the tests see them."""

from __future__ import annotations

import hashlib
import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[1] / "infra" / "triton" / "model_repository"
_OURS = ("asked", "extractive", "knobs", "pointer", "reading", "words")


@contextmanager
def model_modules(name: str) -> Iterator[dict[str, ModuleType]]:
    """The modules of the model `name`, imported as the server's Python backend does: by their own folder."""
    folder = str(REPOSITORY / name / "1")
    sys.path.insert(0, folder)
    try:
        yield {module: importlib.import_module(module) for module in _OURS}
    finally:
        sys.path.remove(folder)
        for module in _OURS:
            sys.modules.pop(module, None)


def content_hash(model: Path) -> str:
    """Of all files of a model's version 1: names and contents."""
    content = hashlib.sha256()
    for path in sorted((model / "1").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content.update(f"{path.relative_to(model / '1')}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return content.hexdigest()


def parameters(model: Path) -> dict[str, str]:
    """Of a model's config.pbtxt."""
    text = (model / "config.pbtxt").read_text(encoding="utf-8")
    return dict(re.findall(r'parameters \{ key: "(\w+)" value \{ string_value: "([^"]*)" \} \}', text))
