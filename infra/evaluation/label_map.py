"""Label maps: which scenario family each label of a data set belongs to.

A map is a JSON or YAML object, in one of two forms:

    {SET: {FAMILY: [LABEL, ...] | "*" | "prefix.*"}}     for several sets; "*" takes the rest of the set
    {LABEL: FAMILY}                                      for any set

A set is found by the name of the data file: `clinc150`, or the longest name that the file's begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from infra.evaluation.errors import EvaluationError
from processors.documents import NotReadable, json_value, yaml_value
from schemas.events import DIALOGUE_ACT, SCENARIOS

FAMILIES: Final = (*SCENARIOS, DIALOGUE_ACT)
"""The scenario families, and `dialogue_act` for turns that only continue the scenario they are in."""


class LabelMap:
    """From a set's labels to scenario families."""

    def __init__(self, sets: Mapping[str, Mapping[str, str]], rests: Mapping[str, Mapping[str, str]]) -> None:
        """`sets`: set, label → family. `rests`: set, prefix → family. The set "" is for every file."""
        self._sets = sets
        self._rests = rests

    def family(self, name: str, label: str) -> str | None:
        """The family of a label of the set `name` (a data file's name without suffixes); None if the map has none."""
        found = self._set_of(name)
        if found is None:
            return None
        exact = self._sets[found].get(label)
        if exact is not None:
            return exact
        rests = self._rests[found]
        fitting = [prefix for prefix in rests if label.startswith(prefix)]
        return rests[max(fitting, key=len)] if fitting else None

    def knows(self, name: str) -> bool:
        """Whether the map has the set."""
        return self._set_of(name) is not None

    @property
    def names(self) -> list[str]:
        return sorted(self._sets)

    def _set_of(self, name: str) -> str | None:
        if "" in self._sets:
            return ""
        fitting = [known for known in self._sets if name == known or name.startswith(known)]
        return max(fitting, key=len) if fitting else None


def load_label_map(path: Path) -> LabelMap:
    """The map in a file.

    Raises:
        EvaluationError: it cannot be read, or is not a map; the message names the file, the field and the remedy.
    """
    try:
        text = path.read_text("utf-8")
        document = json_value(text) if path.suffix == ".json" else yaml_value(text)
    except (OSError, UnicodeDecodeError, NotReadable) as broken:
        raise EvaluationError(f"{path}: the label map cannot be read: {broken}; give a JSON or YAML file") from broken
    if not isinstance(document, dict) or not document:
        raise EvaluationError(f"{path}: a label map is an object {{set: {{family: [labels]}}}} or {{label: family}}")
    if all(isinstance(value, str) for value in document.values()):
        return LabelMap({"": {str(k): _family(path, str(k), v) for k, v in document.items()}}, {"": {}})
    return _by_set(path, document)


def _by_set(path: Path, document: Mapping[str, Any]) -> LabelMap:
    sets: dict[str, dict[str, str]] = {}
    rests: dict[str, dict[str, str]] = {}
    for name, families in document.items():
        if not isinstance(families, dict):
            raise EvaluationError(f"{path}: {name}: expected {{family: [labels]}}, found {type(families).__name__}")
        sets[name], rests[name] = {}, {}
        for family, labels in families.items():
            if family == "note":
                continue
            _family(path, name, family)
            if isinstance(labels, str) and labels.endswith("*"):
                rests[name][labels[:-1]] = family
            elif isinstance(labels, list):
                sets[name].update({str(label): family for label in labels})
            else:
                raise EvaluationError(
                    f'{path}: {name}.{family}: expected a list of labels, "*" or "prefix.*", found {labels!r}'
                )
    return LabelMap(sets, rests)


def _family(path: Path, field: str, family: object) -> str:
    if family not in FAMILIES:
        raise EvaluationError(f"{path}: {field}: no such scenario family: {family!r}; one of {', '.join(FAMILIES)}")
    return str(family)
