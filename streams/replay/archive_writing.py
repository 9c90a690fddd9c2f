"""Writes a stretch of the log to an archive: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from schemas.catalogue import CONTROL, DEAD_LETTERS, MESSAGES, ROUTES
from schemas.codec import Codec, Undecodable
from streams.log import Place
from streams.recovery import HISTORY
from streams.replay.archive_file import PartitionFile, Written, schema_of
from streams.replay.archive_index import INDEX, ArchivedFile, ArchiveError, Index
from streams.replay.choosing import session_of
from streams.replay.extent import FOLLOWING, TAIL, Extent, extent_of, from_first, gaps_of, shown
from streams.replay.source import Raw, Source, Span
from streams.replay.stretch import Window

KEPT: Final = (*FOLLOWING, DEAD_LETTERS)
EVERY: Final = 5000
"""Records between two calls of `progress`."""

Progress = Callable[[int, int], None]
"""Called with the records read so far, and about how many there are in all."""


def write_archive(
    source: Source,
    codec: Codec,
    window: Window,
    folder: Path,
    tenant: str | None = None,
    tail: float = TAIL,
    history: float = HISTORY,
    progress: Progress = lambda done, all_: None,
) -> Index:
    """Writes a window of the log to `folder`, with everything that a replay of it needs.

    Of the window: everything. Past it, for `tail` seconds, and on chat.routes before it, for `history` seconds: what
    belongs to its conversations. All of chat.control. tenant: only its conversations, and of chat.control what concerns
    it. A window that begins at 0 begins with the first message that is left.

    It is written beside `folder`, which then gets its name; nothing is left of one that was broken off. Raises
    ArchiveError where `folder` is there already, or the window holds no messages.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArchiveError(f"{folder} is there already: an archive is never written over; name another folder")
    try:
        window = from_first(source, window)
        extent = extent_of(source, window, tail, history, KEPT)
    except ValueError as err:
        raise ArchiveError(str(err)) from err
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-", dir=folder.parent))
    partial.chmod(0o755)  # others may read it, as they may any folder
    try:
        index = _Writing(source, codec, extent, partial, tenant, progress).index()
        (partial / INDEX).write_text(index.text(), encoding="utf-8")
        os.rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return index


class _Writing:
    """One archive, partition by partition."""

    def __init__(
        self, source: Source, codec: Codec, extent: Extent, folder: Path, tenant: str | None, progress: Progress
    ) -> None:
        self._source, self._codec, self._extent = source, codec, extent
        self._folder, self._tenant, self._progress = folder, tenant, progress
        self._files: list[ArchivedFile] = []
        self._ids: dict[int, str] = {}
        self._read = 0
        self._whole = sum(end - first for first, end in self._spans().values())

    def _spans(self) -> dict[Place, Span]:
        """What is read, chat.routes with what had been before."""
        history = {(ROUTES, n): first for n, first in self._extent.history.items()}
        return {p: (history.get(p, first), end) for p, (first, end) in self._extent.spans.items()}

    def index(self) -> Index:
        """Writes every file; what is then in them."""
        spans = self._spans()
        self._write({p: s for p, s in spans.items() if p[0] == CONTROL}, self._of_control)
        for number in self._extent.partitions:
            keys: set[bytes | None] = set()

            def of_window(raw: Raw, keys: set[bytes | None] = keys) -> bool:
                taken = self._takes(raw.key)
                if taken:
                    keys.add(raw.key)
                return taken

            def of_conversations(raw: Raw, keys: Collection[bytes | None] = keys) -> bool:
                start, end = self._extent.window
                return raw.key in keys or (start <= raw.appended_at < end and self._takes(raw.key))

            self._write({(MESSAGES, number): spans[MESSAGES, number]}, of_window)
            self._write({(t, number): spans[t, number] for t in KEPT if (t, number) in spans}, of_conversations)
        self._progress(self._read, self._read)
        if not any(file.topic == MESSAGES for file in self._files):
            whose = "" if self._tenant is None else f" of {self._tenant}"
            start, end = self._extent.window
            what = f"the log holds no messages{whose} from {shown(start)} to {shown(end)}"
            raise ArchiveError(f"{what}; name other times, or another tenant")
        schemas = {i: (name, schema_of(self._codec, i, name)) for i, name in sorted(self._ids.items())}
        gaps = gaps_of(self._source, self._extent)
        return Index(self._extent, self._tenant, gaps, schemas, tuple(sorted(self._files, key=lambda f: f.place)))

    def _write(self, spans: Mapping[Place, Span], wanted: Callable[[Raw], bool]) -> None:
        files: dict[Place, PartitionFile] = {}
        try:
            for place, raw in self._source.raws(spans):
                self._read += 1
                if self._read % EVERY == 0:
                    self._progress(self._read, self._whole)
                if not wanted(raw):
                    continue
                file = files.get(place)
                if file is None:
                    file = files[place] = PartitionFile(self._folder / _name(place), place[0], self._codec)
                file.append(self._with_bytes(raw))
            for place, file in files.items():
                self._note(place, file.close())
        finally:
            for file in files.values():
                file.abandon()

    def _with_bytes(self, raw: Raw) -> Raw:
        return raw if raw.event is None else raw._replace(value=self._codec.encode(raw.event), event=None)

    def _note(self, place: Place, written: Written) -> None:
        names: dict[int, str] = {i: n for n, numbers in self._codec.ids.ids.items() for i in numbers}
        self._ids |= {id_: names[id_] for id_ in written.ids}
        first, last = written.first, written.last
        offsets, times = (first.offset, last.offset), (first.appended_at, last.appended_at)
        self._files.append(
            ArchivedFile(_name(place), *place, written.records, *offsets, *times, written.bytes, written.sha256)
        )

    def _takes(self, key: bytes | None) -> bool:
        if self._tenant is None:
            return True
        name = session_of(key)
        return name is not None and name[0] == self._tenant

    def _of_control(self, raw: Raw) -> bool:
        """What operators changed for this tenant, or for all; another tenant's policies are its own affair."""
        if self._tenant is None:
            return True
        try:
            event = raw.event or self._codec.decode(CONTROL, raw.value)
        except Undecodable:
            return False  # nobody can say whose it is
        return event.meta.tenant_id in ("", self._tenant)


def _name(place: Place) -> str:
    """The file of a partition; one of which nothing is kept has none."""
    return f"{place[0]}-{place[1]}.avro"
