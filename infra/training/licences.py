"""Under which licence a set of text comes, and whether a model that ships may be trained on it.

The known public sets are in `licences.yaml` beside this file. A folder of data may hold a `licences.yaml` of the same
shape for its own sets. A set that neither names may be trained on, but not for a bundle marked for release.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from infra.training.refusal import TrainingRefused

KNOWN: Final = Path(__file__).with_name("licences.yaml")
_FIELDS: Final = {"licence": str, "attribution": str, "ships": bool}


class Licence(NamedTuple):
    """The terms of a set. `ships`: whether a bundle that is published may be trained on it."""

    name: str
    attribution: str
    ships: bool
    stated_in: str = ""
    """The file that says so; empty where no file names the set."""


UNKNOWN: Final = Licence("unknown", "", False)


def licence_of(set_name: str, folder: Path) -> Licence:
    """The licence of a set by its name: what `folder`/licences.yaml says, else what is known, else UNKNOWN."""
    own = folder / "licences.yaml"
    if own.is_file() and set_name in (said := _read(own)):
        return said[set_name]
    return _read(KNOWN).get(set_name, UNKNOWN)


def may_ship(set_name: str, licence: Licence, folder: Path) -> None:
    """Raises TrainingRefused, with the remedy, where `licence` does not let a published bundle learn from the set."""
    if licence.ships:
        return
    if not licence.stated_in:
        raise TrainingRefused(
            f"--release: nothing says under which licence {set_name} comes: say it in {folder / 'licences.yaml'} "
            f"({set_name}: {{licence: ..., attribution: ..., ships: true}}), or leave the set out with --sets"
        )
    raise TrainingRefused(
        f"--release: {set_name} (licence: {licence.name}) may not train a bundle that is published "
        f"({licence.stated_in}): leave it out with --sets, or train without --release"
    )


@cache
def _read(path: Path) -> dict[str, Licence]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise TrainingRefused(f"{path}: cannot be read: {err}") from err
    if not isinstance(document, dict):
        raise TrainingRefused(f"{path}: must be a mapping: set: {{licence, attribution, ships}}")
    return {str(name): _licence(path, str(name), entry) for name, entry in document.items()}


def _licence(path: Path, name: str, entry: Any) -> Licence:
    if not isinstance(entry, dict):
        raise TrainingRefused(f"{path}: {name}: must be a mapping with licence, attribution, ships")
    for field, kind in _FIELDS.items():
        if not isinstance(entry.get(field), kind):
            raise TrainingRefused(f"{path}: {name}: field {field!r} must be a {kind.__name__}")
    return Licence(entry["licence"], entry["attribution"], entry["ships"], path.name)
