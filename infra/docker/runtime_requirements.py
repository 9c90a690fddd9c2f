"""The part of requirements.lock that the image needs: `runtime_requirements.py requirements.lock setup.cfg`.

The lock file pins the embedded stack and the tools of development too. What is left here is install_requires and the
extra that runs the models on the CPU, and all that those need, by the lock's own "via" notes, with its hashes.
Standard library only: it runs before anything is installed.
"""

from __future__ import annotations

import configparser
import re
import sys
from pathlib import Path


def name_of(requirement: str) -> str:
    """The normalised name at the beginning of a requirement."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    if found is None:
        raise ValueError(f"no requirement: {requirement!r}")
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def wanted(setup_cfg: str) -> set[str]:
    """The names in install_requires and in the extra cpu."""
    parser = configparser.ConfigParser()
    parser.read_string(setup_cfg)
    extra = parser["options.extras_require"]["cpu"]
    lines = [*parser["options"]["install_requires"].splitlines(), *extra.splitlines()]
    return {name_of(line) for line in lines if line.strip() and not line.startswith("#")}


def blocks(lock: str) -> list[tuple[str, set[str], str]]:
    """Of each pinned version: its name, the names that need it, and its lines."""
    found = []
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        if not re.match(r"[A-Za-z0-9]", block):
            continue
        notes = re.findall(r"^ +# +(?:via +)?([A-Za-z0-9._-]+)(?: .*)?$", block, re.MULTILINE)
        found.append((name_of(block), {name_of(n) for n in notes if n != "via"}, block.rstrip()))
    return found


def runtime(lock: str, setup_cfg: str) -> str:
    """The lock file without what only extras need."""
    pinned, kept = blocks(lock), wanted(setup_cfg)
    missing = kept - {name for name, _, _ in pinned}
    if missing:
        raise ValueError(f"not in the lock file: {', '.join(sorted(missing))}; run: make lock")
    before = -1
    while len(kept) != before:
        before = len(kept)
        kept |= {name for name, needed_by, _ in pinned if needed_by & kept}
    return "\n".join(block for name, _, block in pinned if name in kept) + "\n"


if __name__ == "__main__":
    lock_file, setup_file = (Path(p).read_text(encoding="utf-8") for p in sys.argv[1:3])
    sys.stdout.write(runtime(lock_file, setup_file))
