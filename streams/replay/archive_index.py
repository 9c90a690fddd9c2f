"""The index of an archive: what was written, of which window, and how to tell that it is still whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from processors.documents import json_value
from streams.log import Place
from streams.replay.extent import Extent, shown
from streams.replay.stretch import Gap, Window

FORMAT: Final = "spillway.archive/1"
INDEX: Final = "index.json"


class ArchiveError(ValueError):
    """An archive cannot be written or read; the message says which file, what about it, and the remedy."""


@dataclass(frozen=True)
class ArchivedFile:
    """What is kept of one partition of one topic: one record at least. Times: microseconds UTC. `bytes`: its size."""

    file: str
    topic: str
    partition: int
    records: int
    first_offset: int
    last_offset: int
    first_appended_at: int
    last_appended_at: int
    bytes: int
    sha256: str

    @property
    def place(self) -> Place:
        return self.topic, self.partition


@dataclass(frozen=True)
class Index:
    """What is in an archive. tenant: whose conversations alone; None: everyone's.

    files: one of each partition of which anything is kept.

    schemas: of each schema id that its records were written with, the record's name and the schema, as a registry has
    it; an archive can be read when the registry is long gone.
    """

    extent: Extent
    tenant: str | None
    gaps: tuple[Gap, ...]
    schemas: Mapping[int, tuple[str, Mapping[str, Any]]]
    files: tuple[ArchivedFile, ...]

    @property
    def window(self) -> Window:
        return self.extent.window

    @property
    def records(self) -> int:
        return sum(file.records for file in self.files)

    def text(self) -> str:
        """The index as it is written."""
        start, end = self.window
        whole = {
            "format": FORMAT,
            "from": shown(start),
            "to": shown(end),
            "tenant": self.tenant,
            "records": self.records,
            "extent": self.extent.as_json(),
            "gaps": [gap._asdict() for gap in self.gaps],
            "files": [asdict(file) for file in self.files],
            "schemas": {str(id_): {"record": name, "schema": schema} for id_, (name, schema) in self.schemas.items()},
        }
        return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def read_index(folder: Path) -> Index:
    """The index of an archive. Raises ArchiveError."""
    path = folder / INDEX
    try:
        whole = json_value(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise ArchiveError(
            f"{path} is not there: {folder} is no archive, or one that was not finished; write it again with: "
            "spillway archive"
        ) from err
    except (OSError, ValueError) as err:
        raise _damaged(path, str(err)) from err
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        found = whole.get("format") if isinstance(whole, dict) else None
        raise ArchiveError(
            f"{path}: the format is {found!r}, this version reads {FORMAT!r}; read it with the version that wrote it"
        )
    try:
        return Index(
            Extent.from_json(whole["extent"]),
            whole["tenant"],
            tuple(Gap(**gap) for gap in whole["gaps"]),
            {int(id_): (each["record"], each["schema"]) for id_, each in whole["schemas"].items()},
            tuple(ArchivedFile(**file) for file in whole["files"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise _damaged(path, f"{type(err).__name__}: {err}") from err


def _damaged(path: Path, detail: str) -> ArchiveError:
    return ArchiveError(f"{path} is damaged ({detail}): copy it again from where it was written")
