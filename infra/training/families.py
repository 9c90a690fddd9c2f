"""The scenario family of a label: what routing asks of an intent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from infra.training.refusal import TrainingRefused
from schemas.events import DIALOGUE_ACT, SCENARIOS

KNOWN: Final = Path(__file__).with_name("families.yaml")


def families_of(name: str, labels: Sequence[str], folder: Path) -> Mapping[str, str]:
    """The family of each of `labels` of the label set `name`, for those that have one.

    By families.yaml, else by `folder`/label_map.json: {set: {family: [labels] or "*" for the rest}}. Raises
    TrainingRefused for a family that is none.
    """
    said = _known().get(name) or _of_folder(folder).get(name) or _of_folder(folder).get(name.partition(".")[0])
    if said is None:
        return {}
    found: dict[str, str] = {}
    rest = ""
    for family, members in said.items():
        if family not in (*SCENARIOS, DIALOGUE_ACT):
            raise TrainingRefused(f"label set {name}: there is no scenario family {family!r}; use one of {SCENARIOS}")
        if members == "*":
            rest = family
        else:
            found.update(dict.fromkeys(members, family))
    return {label: found.get(label, rest) for label in labels if found.get(label, rest)}


@cache
def _known() -> Mapping[str, Mapping[str, Any]]:
    document: Mapping[str, Mapping[str, Any]] = yaml.safe_load(KNOWN.read_text(encoding="utf-8"))
    return document


def _of_folder(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    path = folder / "label_map.json"
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as err:
        raise TrainingRefused(f"{path}: cannot be read as JSON ({err}); mend it or take it away") from err
    if not isinstance(document, dict):
        raise TrainingRefused(f"{path}: must be {{set: {{family: [labels]}}}}")
    return {name: said for name, said in document.items() if isinstance(said, dict)}
