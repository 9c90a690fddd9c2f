"""The environment of Quix Streams, a contender of `spillway bench hop`: made once in the cache of parts.

It is apart from our own because its client library is older than ours. Packages are pinned with hashes in
`quix.requirements.txt`; a change of that file makes another environment.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infra.local.environments import install_pinned
from infra.local.packages import PartsCache, Progress
from infra.local.state import write_atomically

REQUIREMENTS: Final = Path(__file__).with_name("quix.requirements.txt")
REMEDY: Final = "check the network and run the command again, or leave it out: --without quix"
_MADE = "made.json"

Install = Callable[[Path, Path, Progress], None]
"""Makes the environment in a folder with an interpreter. Raises PartMissing."""


def install(folder: Path, python: Path, progress: Progress) -> None:
    """By pip, from the index that it is set up for."""
    progress(f"quix: installing into {folder}, once, with {python}")
    install_pinned(folder, python, REQUIREMENTS, "quix", REMEDY, progress)


def quix_python(cache: PartsCache, progress: Progress, make: Install = install) -> Path:
    """The interpreter that has Quix Streams; its environment is made first where there is none.

    Safe for several processes at once. Raises PartMissing, with the remedy, where it cannot be had.
    """
    # The one that our own environment was made from: venv works there, or we would not be here.
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    said = json.dumps([str(base), sys.version])
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + said.encode()).hexdigest()[:16]
    folder = cache.folder / "quix" / key
    with cache.exclusive("quix"):
        if not (folder / _MADE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder, base, progress)
            write_atomically(folder / _MADE, json.dumps({"python": str(base), "version": sys.version}))
    return folder / "bin" / "python3"
