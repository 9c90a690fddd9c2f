"""The sets of a folder and the project's own text, read when a recipe asks for them, with a list of what was used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from infra.training.data import DataSet, Row, Task, read_set, set_files, stem
from infra.training.licences import Licence, licence_of, may_ship
from infra.training.refusal import TrainingRefused

OWN: Final = "infra.training.texts"
TEXTS: Final = Path(__file__).with_name("texts")


class Sets:
    """The sets of a folder, read when first asked for; remembers which were used."""

    def __init__(self, folder: Path, only: tuple[str, ...], task: Task, release: bool) -> None:
        self._folder = folder
        self._files = {stem(path): path for path in set_files(folder)}
        self._only = only
        self._task = task
        self._release = release
        self._read: dict[str, tuple[DataSet, ...]] = {}
        self._own: dict[str, tuple[Row, ...]] = {}
        for name in only:
            if name not in self._files:
                raise TrainingRefused(f"--sets {name}: {folder} holds no such set; it holds {', '.join(self._files)}")

    def heads(self) -> Iterator[str]:
        """Of every set for the task, or of those asked for."""
        for name in self._only or self._files:
            found = self._found(name)
            if self._only and not any(s.task == self._task for s in found):
                raise TrainingRefused(f"--sets {name}: {self._files[name]} holds no rows for {self._task}")
            if any(s.task == self._task for s in found):
                self.get(name)
            yield from (s.head for s in found if s.task == self._task)

    def get(self, name: str) -> tuple[DataSet, ...]:
        """The sets of a file, by its stem; () where --sets leaves it out."""
        if self._only and name not in self._only:
            return ()
        if name not in self._files:
            raise TrainingRefused(
                f"{self._folder}: has no {name}.jsonl(.gz), which the recipe asks for; put it there, or name those to "
                "train on with --sets"
            )
        found = self._found(name)
        if found and self._release:
            may_ship(name, found[0].licence, self._folder)
        self._read[name] = found
        return found

    def own(self, module: str, seed: int) -> tuple[Row, ...]:
        """The project's own text, checked for being new."""
        if module not in self._own:
            try:
                texts = import_module(f"{OWN}.{module}")
            except ModuleNotFoundError as err:
                raise TrainingRefused(f"the recipe asks for own text {module!r}; there is no {OWN}.{module}") from err
            self._own[module] = tuple(texts.rows(seed))
        return self._own[module]

    def entries(self) -> tuple[Mapping[str, Any], ...]:
        """What was used, for model.yaml."""
        own = [_entry(f"own-{name}", licence_of("own", TEXTS), _digest(rows), rows) for name, rows in self._own.items()]
        read = [
            _entry(name, found[0].licence, found[0].sha256, [row for one in found for row in one.rows])
            for name, found in sorted(self._read.items())
            if found
        ]
        return (*own, *read)

    def _found(self, name: str) -> tuple[DataSet, ...]:
        return self._read[name] if name in self._read else read_set(self._files[name])


def _entry(name: str, licence: Licence, digest: str, rows: Iterable[Row]) -> Mapping[str, Any]:
    return {
        "name": name,
        "licence": licence.name,
        "attribution": licence.attribution,
        "sha256": digest,
        "rows": len(tuple(rows)),
    }


def _digest(rows: tuple[Row, ...]) -> str:
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()
