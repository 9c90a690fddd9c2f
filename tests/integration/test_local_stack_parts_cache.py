"""The cache of downloaded parts: complete, checked against the lock file, usable without a network."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from dataclasses import asdict
from pathlib import Path

import pytest

from infra.local.errors import PartCorrupt, PartMissing
from infra.local.packages import LOCK_FILE, PartsCache, PinnedFile, read_lock

SMALL = PinnedFile(
    group="org.slf4j",
    artifact="slf4j-simple",
    version="1.7.36",
    packaging="jar",
    classifier="",
    sha256="",
    size=0,
)
LINES: list[str] = []


def lock_with(tmp_path: Path, file: PinnedFile) -> Path:
    """A lock file with one part of one file."""
    lock = tmp_path / "parts.lock.json"
    lock.write_text(json.dumps({"parts": {"small": {"version": file.version, "files": [asdict(file)]}}}))
    return lock


def pinned(name: str) -> PinnedFile:
    return next(file for file in read_lock()["kafka"].files if file.artifact == name)


def _fetch(folder: Path, lock: Path) -> int:
    _, (jar,) = PartsCache(folder, lock_file=lock).files("small", LINES.append)
    return jar.stat().st_size


def test_every_part_is_pinned_by_hash() -> None:
    """The lock file names each file with a SHA-256, and nothing about where it was fetched."""
    parts = read_lock()
    assert set(parts) == {"kafka", "registry"}
    assert all(len(file.sha256) == 64 and file.size > 0 for part in parts.values() for file in part.files)
    assert "http" not in LOCK_FILE.read_text(encoding="utf-8")


def test_a_cached_part_with_another_hash_is_refused(tmp_path: Path) -> None:
    """A file that is not what the lock file pins is refused, with both hashes, the file and what to do."""
    content = b"not a jar"
    file = PinnedFile(**{**asdict(SMALL), "sha256": hashlib.sha256(b"the jar").hexdigest(), "size": 7})
    path = file.path_in(tmp_path / "cache")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    cache = PartsCache(tmp_path / "cache", lock_file=lock_with(tmp_path, file))
    with pytest.raises(PartCorrupt) as refused:
        cache.files("small", LINES.append)
    message = str(refused.value)
    for expected in (str(path), hashlib.sha256(content).hexdigest(), file.sha256, "delete the file"):
        assert expected in message


def test_a_download_with_another_hash_is_refused_and_not_kept(tmp_path: Path) -> None:
    """What the network delivers is checked before it is put where others look for it."""
    file = PinnedFile(**{**asdict(pinned("slf4j-simple")), "sha256": "0" * 64})
    cache = PartsCache(tmp_path / "cache", lock_file=lock_with(tmp_path, file))
    with pytest.raises(PartCorrupt, match="do not trust the download"):
        cache.files("small", LINES.append)
    assert not file.path_in(tmp_path / "cache").exists()


def test_without_a_network_a_missing_part_is_named_and_a_cached_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, what is cached is used, and what is not is named with the remedy."""
    file = pinned("slf4j-simple")
    cache = PartsCache(tmp_path / "cache", lock_file=lock_with(tmp_path, file))
    cache.files("small", LINES.append)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert cache.files("small", LINES.append)[1] == [file.path_in(tmp_path / "cache")]
    empty = PartsCache(tmp_path / "empty", lock_file=lock_with(tmp_path, file))
    with pytest.raises(PartMissing, match=r"slf4j-simple-1\.7\.36\.jar could not be downloaded.*filled cache"):
        empty.files("small", LINES.append)


def test_two_processes_fill_the_cache_at_once(tmp_path: Path) -> None:
    """Processes that need a part at the same time both get it whole; nothing unfinished is left behind."""
    file = pinned("slf4j-simple")
    lock = lock_with(tmp_path, file)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        sizes = pool.starmap(_fetch, [(tmp_path / "cache", lock)] * 2)
    assert sizes == [file.size, file.size]
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["locks", "maven"]
