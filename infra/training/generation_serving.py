"""The modules of the model `small` as Triton runs it, so that training reads a prompt by the very code that serves."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

MODEL: Final = Path(__file__).parents[1] / "triton" / "model_repository" / "small"
"""The shipped model's folder in the repository of Triton."""
VERSION: Final = "1"


@cache
def serving(name: str) -> ModuleType:
    """A module of the model as Triton runs it: found by its own folder."""
    folder = str(MODEL / VERSION)
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(folder)
