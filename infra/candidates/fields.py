"""The fields of a candidate file, as one table: editors get their schema from it, and a test holds the reader to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from infra.candidates.gate import FORMS
from infra.candidates.model import NAME, SEED
from infra.comparing.metrics import METRICS
from processors.ladder import GENERATING

TASKS: Final = ("intent", "sentiment")
"""What a candidate's bundles can take over."""
MAX_SEED: Final = 2**32 - 1


class Field(NamedTuple):
    """A field of the file: its place, what it says, and what JSON Schema has to say of its value."""

    name: str
    about: str
    shape: Mapping[str, Any]


_TEXT: Final = {"type": "string", "minLength": 1}
_TEXTS: Final = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}]}
_BUNDLE: Final = "A bundle's folder, relative to this file, or NAME, NAME@VERSION, NAME#HASH, or a fingerprint."
_METRIC: Final = {"enum": list(METRICS)}
_SERVED: Final = "The model of this name on the Triton server makes this rung, for every tenant."

FIELDS: Final = (
    Field(
        "name", "The candidate's name, and its run's where none is given.", {"type": "string", "pattern": f"^{NAME}$"}
    ),
    Field("about", "What it is for, in your words.", {"type": "string"}),
    Field(
        "models",
        "The bundle that takes each task, for every tenant and the whole stretch.",
        {
            "type": "object",
            "properties": {task: {**_TEXT, "description": _BUNDLE} for task in TASKS},
            "additionalProperties": False,
        },
    ),
    Field("policy", "Policy files, relative to this one. Each replaces that of the tenant it names.", _TEXTS),
    Field(
        "knowledge",
        "A folder of articles for the tenant of `policy`, or of the policy.yaml beside it; or folders by tenant.",
        {"anyOf": [_TEXT, {"type": "object", "additionalProperties": _TEXT, "minProperties": 1}]},
    ),
    Field("tenant", "Tenants' folders (policy.yaml and articles/), for both at once.", _TEXTS),
    Field(
        "prompt",
        "A prompt's file, relative to this one, or the name of a shipped prompt. Every generated reply is made by it.",
        _TEXT,
    ),
    Field(
        "generation",
        "Models that generate, by rung. Every generated reply is made anew, where it would be served from the record.",
        {
            "type": "object",
            "properties": {rung: {**_TEXT, "description": _SERVED} for rung in GENERATING},
            "additionalProperties": False,
            "minProperties": 1,
        },
    ),
    Field(
        "seed",
        "Chooses the sessions where not all are replayed, and draws what statistics draw.",
        {"type": "integer", "minimum": 0, "maximum": MAX_SEED, "default": SEED},
    ),
    Field(
        "metrics",
        "What the report shows; all where it is left out. The gate's are always among them.",
        {"anyOf": [_METRIC, {"type": "array", "items": _METRIC, "uniqueItems": True}]},
    ),
    Field(
        "gate",
        f"What must hold, by metric: {FORMS.removeprefix('write ')}. In quotes where it begins with a sign.",
        {"type": "object", "propertyNames": _METRIC, "additionalProperties": _TEXTS},
    ),
)
