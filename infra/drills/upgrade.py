"""A rolling upgrade under load, there and back, with both versions at work side by side."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

from infra.drills.drilling import Drilling

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PARTS: Final = ("worker", "worker-2", "session-state", "analytics", "gateway", "generation")
STORES: Final = ("session-state", "analytics")


class NoOtherVersion(RuntimeError):
    """There is nothing to upgrade from; the message says what to give."""


def upgrade(it: Drilling) -> None:
    """Every process becomes the other version, one after another, and then this one again."""
    try:
        with other_version(it.plan.other) as (folder, name):
            it.note(f"the other version is {name}")
            for _ in range(max(1, it.plan.times // 10)):
                _roll(it, folder)
    except NoOtherVersion as why:
        it.result.skipped = str(why)


def _roll(it: Drilling, folder: Path) -> None:
    parts = [name for name in PARTS if it.ground.has(name)]
    for name in parts:
        it.moment()
        with it.fault(f"{name} becomes the other version", name, stores=name in STORES):
            it.ground.restart_with(name, {"PYTHONPATH": str(folder)}, folder)
    it.chance.shuffle(parts)
    for name in parts:
        it.moment()
        with it.fault(f"{name} becomes this version", name, stores=name in STORES):
            it.ground.restart_as_before(name)


@contextmanager
def other_version(given: Path | None) -> Iterator[tuple[Path, str]]:
    """A folder with the other version, and what it is: what was given, else the commit before, unpacked beside.

    Raises NoOtherVersion where there is no checkout with a commit before.
    """
    if given is not None:
        if not (given / "infra").is_dir():
            raise NoOtherVersion(f"--other {given}: is no checkout of Spillway")
        yield given.resolve(), str(given)
        return
    commit = _git("rev-parse", "--short", "HEAD~1").decode().strip()
    packed = _git("archive", "--format=tar", commit)
    with tempfile.TemporaryDirectory(prefix="spillway-other-") as scratch:
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(scratch, filter="data")
        yield Path(scratch), f"the commit before this one, {commit}"


def _git(*arguments: str) -> bytes:
    try:
        return subprocess.run(["git", *arguments], cwd=CHECKOUT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as why:
        raise NoOtherVersion("this is no git checkout with a commit before; give one with --other DIR") from why
