"""A stretch that was written to files, read as one on a broker is."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from fastavro.schema import SchemaParseException, UnknownType, to_parsing_canonical_form

from schemas.catalogue import ROUTES
from schemas.codec import UNREADABLE, Codec
from streams.log import Place
from streams.replay.archive_file import records_in, schema_of
from streams.replay.archive_index import ArchivedFile, ArchiveError, Index, read_index
from streams.replay.archive_writing import write_archive
from streams.replay.extent import SECOND, Extent, extent_of, shown
from streams.replay.source import Raw, Source, Span
from streams.replay.source_stretch import SourceStretch
from streams.replay.stretch import Gap, Selection, Window

__all__ = ["ArchiveError", "ArchiveSource", "ArchiveStretch", "check_archive", "write_archive"]


class ArchiveSource(Source):
    """An archive, as a stretch reads a log. Files are held against their hashes when they are first read."""

    def __init__(self, folder: Path, codec: Codec) -> None:
        """Raises ArchiveError for an archive that is incomplete, or written by schemas that are not known here."""
        self._folder = folder
        self.index = read_index(folder)
        self._files = {file.place: file for file in self.index.files}
        self._ids = _ids_here(folder, self.index, codec)
        self._checked: set[Place] = set()
        self._times: dict[Place, tuple[array[int], array[int]]] = {}
        for file in self.index.files:
            self._check_size(file)

    def spans(self, topics: Collection[str]) -> Mapping[Place, Span]:
        """See Source."""
        places = (place for place in self.index.extent.spans if place[0] in topics)
        files = {place: self._files.get(place) for place in places}
        return {p: (0, 0) if f is None else (f.first_offset, f.last_offset + 1) for p, f in files.items()}

    def offsets_at(self, places: Collection[Place], at: int) -> Mapping[Place, int]:
        """See Source."""
        return {place: self._offset_at(self._files.get(place), at) for place in places}

    def _offset_at(self, file: ArchivedFile | None, at: int) -> int:
        if file is None:
            return 0
        if at <= file.first_appended_at:
            return file.first_offset
        if at > file.last_appended_at:
            return file.last_offset + 1
        if file.place not in self._times:
            offsets, times = array("q"), array("q")
            for raw in self._records(file):
                offsets.append(raw.offset)
                times.append(raw.appended_at)
            self._times[file.place] = offsets, times
        offsets, times = self._times[file.place]
        return offsets[bisect_left(times, at)]

    def raws(self, spans: Mapping[Place, Span]) -> Iterator[tuple[Place, Raw]]:
        """See Source. Raises ArchiveError for a file that is not what was written."""
        for place, (first, end) in spans.items():
            file = self._files.get(place)
            if first >= end or file is None:
                continue
            for raw in self._records(file):
                if raw.offset >= end:
                    break
                if raw.offset >= first:
                    yield place, raw

    def describe(self) -> Mapping[str, Any]:
        """See Source."""
        return {"kind": "archive", "folder": str(self._folder)}

    def check(self) -> None:
        """Holds every file against its hash. Raises ArchiveError."""
        for file in self.index.files:
            self._check_hash(file)

    def _records(self, file: ArchivedFile) -> Iterator[Raw]:
        if file.place not in self._checked:
            self._check_hash(file)
            self._checked.add(file.place)
        return records_in(self._folder / file.file, self._ids)

    def _check_size(self, file: ArchivedFile) -> None:
        path = self._folder / file.file
        try:
            size = path.stat().st_size
        except OSError as err:
            raise ArchiveError(
                f"{path} is not there, and the index names it: the archive is incomplete; copy the file again"
            ) from err
        if size != file.bytes:
            raise ArchiveError(f"{path} has {size} bytes, the index says {file.bytes}: it is damaged; copy it again")

    def _check_hash(self, file: ArchivedFile) -> None:
        path = self._folder / file.file
        try:
            with path.open("rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
        except OSError as err:
            raise ArchiveError(f"{path} cannot be read: {err.strerror or err}; copy it again") from err
        if found != file.sha256:
            raise ArchiveError(
                f"{path} has the SHA-256 {found[:12]}…, the index says {file.sha256[:12]}…: it is damaged or was "
                "changed; copy it again from where it was written"
            )


class ArchiveStretch(SourceStretch):
    """A stretch of an archive."""

    @classmethod
    def of(
        cls,
        folder: Path,
        codec: Codec,
        window: Window | None = None,
        selection: Selection = Selection(),  # noqa: B008
    ) -> ArchiveStretch:
        """All that is in it, or a window within it; 0 as a beginning is where it begins. Raises ArchiveError."""
        source = ArchiveSource(folder, codec)
        index = source.index
        if index.tenant is not None and selection.tenant not in (None, index.tenant):
            raise ArchiveError(f"{folder} holds conversations of {index.tenant} only, and none of {selection.tenant}")
        extent = _extent_within(source, folder, window)
        gaps = [gap for gap in index.gaps if _concerns(gap, extent)]
        return cls.chosen(source, codec, extent, selection, gaps)

    @classmethod
    def from_description(cls, folder: Path, codec: Codec, description: Mapping[str, Any]) -> ArchiveStretch:
        """The stretch that gave this description, wherever the archive lies now. Raises ArchiveError, ValueError."""
        return cls.described(ArchiveSource(folder, codec), codec, description)


def check_archive(folder: Path, codec: Codec) -> Index:
    """Reads every byte of an archive and holds it against its index. Raises ArchiveError."""
    source = ArchiveSource(folder, codec)
    source.check()
    return source.index


def _extent_within(source: ArchiveSource, folder: Path, window: Window | None) -> Extent:
    whole = source.index.extent
    if window is None or window == whole.window:
        return whole
    wanted = Window(window.start if window.start > 0 else whole.window.start, window.end)
    if wanted.start < whole.window.start or wanted.end > whole.window.end:
        raise ArchiveError(
            f"{folder} holds {shown(whole.window.start)} to {shown(whole.window.end)}, and {shown(wanted.start)} to "
            f"{shown(wanted.end)} is not within it; ask for a part of it, or leave the times out for all of it"
        )
    try:
        return extent_of(source, wanted, whole.tail, whole.history_seconds)
    except ValueError as err:
        raise ArchiveError(str(err)) from err


def _concerns(gap: Gap, extent: Extent) -> bool:
    start, end = extent.window
    if gap.topic == ROUTES:
        start -= round(extent.history_seconds * SECOND)
    return gap.missing_from < end and gap.missing_to > start


def _ids_here(folder: Path, index: Index, codec: Codec) -> dict[int, int]:
    """What the archive's schema ids are called in this installation, whose registry may have given others."""
    found = {}
    for id_, (name, schema) in index.schemas.items():
        own = codec.ids.ids.get(name, [])
        # Ids given by the same registry are tried first: the comparison below is for archives from elsewhere.
        same = [n for n in sorted(own, key=lambda n: n != id_) if _same(schema, schema_of(codec, n, name))]
        if not same:
            raise ArchiveError(
                f"{folder} has events of {name} by a schema (id {id_}) that is not known here: use a version of "
                "Spillway that knows it, or the installation's registry"
            )
        found[id_] = same[0]
    return found


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    try:
        return to_parsing_canonical_form(dict(one)) == to_parsing_canonical_form(dict(other))
    except (SchemaParseException, UnknownType, *UNREADABLE):
        return False  # what is no schema is none that is known here
