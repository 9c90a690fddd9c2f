"""The parts that come from Maven Central: pinned in `parts.lock.json`, downloaded once by jgo, checked, cached.

The Java runtime, PostgreSQL and the ClickHouse engine come as Python packages and are pinned, with hashes, by
`requirements.lock`; here are only the jars and archives that pip does not know.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import PartCorrupt, PartMissing

LOCK_FILE = Path(__file__).with_name("parts.lock.json")
DOWNLOADS_AT_ONCE = 6
DOWNLOAD_TIMEOUT_S = 60

Progress = Callable[[str], None]
"""Called with one line of text for the user; may be called often, from several threads."""


@dataclass(frozen=True)
class PinnedFile:
    """One file of a part, by Maven coordinates, with the hash and size (bytes) that it must have."""

    group: str
    artifact: str
    version: str
    packaging: str
    classifier: str
    sha256: str
    size: int

    @property
    def name(self) -> str:
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.packaging}"

    def path_in(self, cache: Path) -> Path:
        return cache / "maven" / Path(*self.group.split(".")) / self.artifact / self.version / self.name


@dataclass(frozen=True)
class PinnedPart:
    """A part of the stack as the lock file pins it."""

    name: str
    version: str
    files: tuple[PinnedFile, ...]


def default_cache() -> Path:
    """The folder of downloaded parts: `$SPILLWAY_CACHE`, else `~/.cache/spillway`."""
    chosen = os.environ.get("SPILLWAY_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spillway"


def read_lock(lock_file: Path = LOCK_FILE) -> dict[str, PinnedPart]:
    """The pinned parts by name."""
    parts = json.loads(lock_file.read_text(encoding="utf-8"))["parts"]
    return {
        name: PinnedPart(name, part["version"], tuple(PinnedFile(**file) for file in part["files"]))
        for name, part in parts.items()
    }


class PartsCache:
    """Downloaded parts, complete and checked. Safe for several processes at once; needs no network once filled."""

    def __init__(self, folder: Path | None = None, *, lock_file: Path = LOCK_FILE) -> None:
        self.folder = folder or default_cache()
        self._lock_file = lock_file

    def files(self, name: str, progress: Progress) -> tuple[PinnedPart, list[Path]]:
        """The files of part `name`, each with the pinned hash; what is missing is downloaded first.

        Raises:
            PartMissing: a file is not cached and could not be downloaded.
            PartCorrupt: a file, cached or downloaded, has another hash.
        """
        part = read_lock(self._lock_file)[name]
        with self.exclusive(name):
            missing = [file for file in part.files if not file.path_in(self.folder).exists()]
            if missing:
                self._download(part, missing, progress)
        paths = [file.path_in(self.folder) for file in part.files]
        for file, path in zip(part.files, paths, strict=True):
            _check(file, path, self._lock_file)
        return part, paths

    def unpacked(self, name: str, progress: Progress) -> tuple[PinnedPart, Path]:
        """The folder into which the one archive of part `name` is unpacked, once; same errors as `files`."""
        part = read_lock(self._lock_file)[name]
        folder = self.folder / "unpacked" / f"{name}-{part.files[0].sha256[:16]}"
        if folder.exists():
            return part, folder
        _, (archive,) = self.files(name, progress)
        with self.exclusive(name):
            if not folder.exists():
                progress(f"{name} {part.version}: unpacking")
                folder.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
                    with tarfile.open(archive) as tar:
                        tar.extractall(fresh, filter="data")
                    Path(fresh).rename(folder)
                    Path(fresh).mkdir()  # for the context manager to remove
        return part, folder

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        """The right to fill part `name`; others, in other processes too, wait. Raises PartMissing without a cache."""
        locks = self.folder / "locks"
        try:
            locks.mkdir(parents=True, exist_ok=True)
            with (locks / name).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except PermissionError as denied:
            remedy = "set SPILLWAY_CACHE to a folder that you may write"
            raise PartMissing(f"the cache of parts {self.folder} cannot be used: {denied}; {remedy}") from denied

    def _download(self, part: PinnedPart, missing: list[PinnedFile], progress: Progress) -> None:
        total = sum(file.size for file in missing)
        received = 0

        def count(size: int) -> None:
            nonlocal received
            before, received = received, received + size
            if before * 20 // total != received * 20 // total:
                progress(f"{part.name} {part.version}: downloading {received / 1e6:.0f} of {total / 1e6:.0f} MB")

        progress(f"{part.name} {part.version}: downloading {total / 1e6:.0f} MB, once")
        with (
            tempfile.TemporaryDirectory(dir=self.folder) as fresh,
            ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
        ):
            jobs = [pool.submit(self._fetch, file, Path(fresh), count) for file in missing]
            for job in jobs:
                job.result()

    def _fetch(self, file: PinnedFile, fresh: Path, count: Callable[[int], None]) -> None:
        """Download into `fresh`, check, and only then move to the place where others look for it."""
        from jgo.maven import MavenContext, PythonResolver
        from requests import RequestException

        @contextmanager
        def counting(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
            yield count

        resolver = PythonResolver(progress_callback=counting)
        maven = MavenContext(resolver=resolver, repo_cache=fresh, timeout=DOWNLOAD_TIMEOUT_S)
        component = maven.project(file.group, file.artifact).at_version(file.version)
        try:
            downloaded = resolver.download(component.artifact(file.classifier, file.packaging))
        except (RequestException, RuntimeError, OSError) as failure:
            raise PartMissing(
                f"{file.name} could not be downloaded: {failure}; check the network and run the command again, "
                f"or copy a filled cache to {self.folder}"
            ) from failure
        if downloaded is None:
            raise PartMissing(f"{file.name} could not be downloaded; check the network and run the command again")
        _check(file, Path(downloaded), self._lock_file)
        target = file.path_in(self.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(downloaded, target)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hex digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _check(file: PinnedFile, path: Path, lock_file: Path) -> None:
    found = sha256_of(path)
    if found != file.sha256:
        raise PartCorrupt(
            f"{path} has the SHA-256 {found}, but {lock_file.name} pins {file.sha256} for {file.name}; "
            "delete the file and run the command again; if it happens again, do not trust the download"
        )
