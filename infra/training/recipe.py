"""Recipes: which text goes into which head of a bundle, and with which settings. Shipped ones lie in `recipes/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from infra.training.data import Task
from infra.training.refusal import TrainingRefused
from processors.documents import NotReadable, yaml_value

Size = Literal["fast", "accurate"]
RECIPES: Final = Path(__file__).with_name("recipes")
_TOP: Final = {"name", "version", "task", "size", "default_head", "heads", "parts", "settings"}
_HEAD: Final = {"sets", "own", "map", "labels", "outside", "families", "settings", "at_most"}


class HeadRecipe(NamedTuple):
    """Where the text of a head comes from.

    `sets`: names of sets. One of conversations (`multidogo`) becomes a head a scenario, `multidogo.airline`. `own`:
    the project's own text, a module of infra.training.texts. `map`: a file there that says which label of this head a
    label of a set means. `labels`: the same for this head alone; null leaves a label out. `outside`: further text that
    is outside for this head: labels of a set, or `"*"` for all of it. `families`: scenario families, by an entry of
    families.yaml. `at_most`: rows a set gives to a label, the rest is left out.
    """

    name: str
    sets: tuple[str, ...] = ()
    own: str = ""
    map: str = ""
    labels: Mapping[str, str | None] = {}
    outside: Mapping[str, Any] = {}
    families: str = ""
    settings: Mapping[str, Any] = {}
    at_most: int = 0


class Recipe(NamedTuple):
    """A bundle's recipe. No `heads`: every set found becomes one. `parts`: settings and langs by a part's name; none:
    as the text's languages ask for."""

    name: str
    version: str
    task: Task
    size: Size
    default_head: str = ""
    heads: tuple[HeadRecipe, ...] = ()
    parts: Mapping[str, Mapping[str, Any]] = {}
    settings: Mapping[str, Any] = {}


def read_recipe(named: str) -> Recipe:
    """The recipe of that name among the shipped ones, or in that file. Raises TrainingRefused naming file and field."""
    path = Path(named) if named.endswith((".yaml", ".yml")) else RECIPES / f"{named}.yaml"
    try:
        document = yaml_value(path.read_text(encoding="utf-8"))
    except OSError as err:
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.yaml")))
        raise TrainingRefused(f"--recipe {named}: cannot be read ({err.strerror}); shipped are: {known}") from err
    except (UnicodeDecodeError, NotReadable) as err:
        raise TrainingRefused(f"{path}: is not YAML: {' '.join(str(err).split())}") from err
    return _recipe(path, document)


def _recipe(path: Path, document: Any) -> Recipe:
    _known(path, "the recipe", document, _TOP)
    for field, allowed in (("task", ("intent", "sentiment")), ("size", ("fast", "accurate"))):
        if document.get(field) not in allowed:
            raise TrainingRefused(f"{path}: field {field!r} must be one of {', '.join(allowed)}")
    for field in ("name", "version"):
        if not isinstance(document.get(field), str):
            raise TrainingRefused(f"{path}: field {field!r} must be a string")
    heads = _section(path, "heads", document)
    return Recipe(
        document["name"],
        document["version"],
        document["task"],
        document["size"],
        str(document.get("default_head", "")),
        tuple(_head(path, name, entry) for name, entry in heads.items()),
        {name: _section(path, name, {name: part}) for name, part in _section(path, "parts", document).items()},
        _section(path, "settings", document),
    )


def _head(path: Path, name: str, entry: Any) -> HeadRecipe:
    where = f"heads.{name}"
    _known(path, where, entry, _HEAD)
    sets = entry.get("sets", [])
    if not isinstance(sets, list) or not all(isinstance(s, str) for s in sets):
        raise TrainingRefused(f"{path}: {where}.sets must be a list of sets' names")
    if not sets and not entry.get("own"):
        raise TrainingRefused(f"{path}: {where} has no text: give it sets: [...] or own: ...")
    return HeadRecipe(
        name,
        tuple(sets),
        str(entry.get("own", "")),
        str(entry.get("map", "")),
        _section(path, "labels", entry),
        _section(path, "outside", entry),
        str(entry.get("families", "")),
        _section(path, "settings", entry),
        int(entry.get("at_most", 0)),
    )


def _section(path: Path, field: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
    value = document.get(field) or {}
    if not isinstance(value, dict):
        raise TrainingRefused(f"{path}: field {field!r} must be a mapping")
    return value


def _known(path: Path, where: str, entry: Any, fields: set[str]) -> None:
    if not isinstance(entry, dict):
        raise TrainingRefused(f"{path}: {where} must be a mapping")
    unknown = sorted(set(entry) - fields)
    if unknown:
        raise TrainingRefused(f"{path}: {where} has the unknown field {unknown[0]!r}; known are {sorted(fields)}")
